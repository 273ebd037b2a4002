#include "compiler/flatten.h"

#include <optional>

#include "base/core/assert.h"

namespace mirror {
namespace {

// nullopt after the last address of the family.
std::optional<IpAddress> successor(IpAddress address) {
  ++address.low;
  if (address.is_ipv4()) return address.low >> 32 == 0 ? std::optional(address) : std::nullopt;
  if (address.low == 0 && ++address.high == 0) return std::nullopt;
  return address;
}

// From here on the deepest prefix is `node`. A range that turns out to be empty is taken back.
void begin_range(std::vector<FlatRange>& ranges, const IpAddress& first, uint32_t node) {
  if (!ranges.empty() && ranges.back().first == first) ranges.pop_back();
  if (!ranges.empty() && ranges.back().node == node) return;
  ranges.push_back({first, node});
}

}  // namespace

Flattened flatten(std::span<const IpPrefix> prefixes, IpAddress::Family family) {
  Flattened result;
  result.parents.assign(prefixes.size(), kNone);
  begin_range(result.ranges, IpAddress{family, 0, 0}, kNone);
  std::vector<uint32_t> open;  // the prefixes that hold the current address, the deepest last
  const auto deepest = [&open] { return open.empty() ? kNone : open.back(); };
  const auto close = [&] {
    const auto next = successor(prefixes[open.back()].last());
    open.pop_back();
    if (next) begin_range(result.ranges, *next, deepest());
  };
  for (uint32_t i = 0; i < prefixes.size(); ++i) {
    MIRROR_DEBUG_ASSERT(prefixes[i].address.family == family &&
                        (i == 0 || prefixes[i - 1] < prefixes[i]));
    while (!open.empty() && prefixes[open.back()].last() < prefixes[i].first()) close();
    result.parents[i] = deepest();
    begin_range(result.ranges, prefixes[i].first(), i);
    open.push_back(i);
  }
  while (!open.empty()) close();
  return result;
}

}  // namespace mirror
