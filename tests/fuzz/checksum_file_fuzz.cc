// The first byte chooses the kind of checksum file, the rest is its text.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/core/assert.h"
#include "scanner/checksum_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto lines = mirror::parse_checksums(text, static_cast<mirror::ChecksumKind>(data[0] % 4));
  if (!lines) return 0;
  for (const mirror::ChecksumLine& line : *lines) {
    MIRROR_ASSERT(line.sum.size() == mirror::hex_length(line.kind));
    MIRROR_ASSERT(std::all_of(line.sum.begin(), line.sum.end(), [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    }));
    MIRROR_ASSERT(!line.file.empty() && line.file != "." && line.file != "..");
    MIRROR_ASSERT(line.file.find('/') == std::string::npos &&
                  line.file.find('\n') == std::string::npos);
  }
  return 0;
}
