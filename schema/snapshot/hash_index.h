// The hash tables of a snapshot: open addressing, linear probing, at most half full. SNAPSHOT.md
// describes them.
#pragma once

#include <bit>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/core/digest.h"
#include "schema/snapshot/snapshot.h"

namespace mirror {

// Slots of a table for so many entries: the power of two that is at least twice as large, at
// least 2.
[[nodiscard]] inline size_t hash_index_size(size_t entries) {
  return std::bit_ceil(entries < 1 ? size_t{2} : entries * 2);
}

// `name_of(i)` gives the name of entry i. Entries are inserted in ascending order, so that equal
// names give equal tables.
template <typename NameOf>
[[nodiscard]] std::vector<uint32_t> make_hash_index(size_t entries, NameOf name_of) {
  std::vector<uint32_t> index(hash_index_size(entries), kNone);
  const size_t mask = index.size() - 1;
  for (size_t i = 0; i < entries; ++i) {
    const std::string_view name = name_of(i);
    size_t slot = digest64(name) & mask;
    while (index[slot] != kNone) slot = (slot + 1) & mask;
    index[slot] = static_cast<uint32_t>(i);
  }
  return index;
}

}  // namespace mirror
