// The four checksums of a metalink, by OpenSSL, in one pass over the bytes.
#pragma once

#include <string>
#include <string_view>

#include "base/core/error.h"

namespace mirror {

// Lower-case hexadecimal; "" where a sum is not known.
struct FileSums {
  std::string md5, sha1, sha256, sha512;
  bool operator==(const FileSums&) const = default;
};

// Fails only if OpenSSL refuses an algorithm (a FIPS provider without MD5).
[[nodiscard]] Result<FileSums> compute_sums(std::string_view bytes);

}  // namespace mirror
