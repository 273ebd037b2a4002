// What the scanner needs from a repomd.xml, by expat, as a stream. The document is hostile: a
// DOCTYPE is refused (so no entity can be defined), nothing external is ever fetched, size, depth
// and number of elements are bounded.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/core/error.h"

namespace mirror {

struct RepomdFacts {
  // The greatest <timestamp> of the <data> elements, seconds since 1970 UTC; fractions are cut. A
  // timestamp that is negative or no number is passed over; nullopt if none is left.
  std::optional<int64_t> timestamp;
};

// kInvalid: not well-formed, truncated, a DOCTYPE, or another root than <repomd>. kLimit: see
// limits.h.
[[nodiscard]] Result<RepomdFacts> parse_repomd(std::string_view bytes);

}  // namespace mirror
