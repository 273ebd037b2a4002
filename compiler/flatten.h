// Overlapping prefixes to disjoint ranges, once, at compile time, so that "which prefixes hold this
// address" is one binary search at the edge.
//
// Prefixes either nest or are disjoint, so they form a forest; each address belongs to the deepest
// prefix that holds it, and that one's ancestors hold it too.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/core/ip.h"
#include "schema/snapshot/snapshot.h"

namespace mirror {

struct FlatRange {
  IpAddress first;        // up to the next range's first, or to the end of the address space
  uint32_t node = kNone;  // index of the deepest prefix, or kNone
};
struct Flattened {
  std::vector<FlatRange> ranges;  // ascending; begins with the first address; neighbours differ
  std::vector<uint32_t> parents;  // of each prefix: the next larger one that holds it, or kNone
};

// `prefixes`: of this family, ascending as IpPrefix compares, no duplicates. O(n).
[[nodiscard]] Flattened flatten(std::span<const IpPrefix> prefixes, IpAddress::Family family);

}  // namespace mirror
