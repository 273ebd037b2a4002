// Which hosts are up to date where: the rows of host_category_dir, tens of millions of them, each
// of which becomes one bit. They come in any order and perhaps from several threads; nothing that
// is made of them depends on that.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <unordered_map>
#include <vector>

#include "compiler/diagnostics.h"
#include "compiler/row_source.h"
#include "schema/snapshot/snapshot.h"

namespace mirror {

// Values by the ids of database rows, for many look-ups: an array if the ids lie close together, as
// they do unless somebody means harm, and a hash table otherwise.
template <typename T>
class IdTable {
 public:
  explicit IdTable(const std::vector<std::pair<int64_t, T>>& pairs) {
    if (pairs.empty()) return;
    const auto [least, most] = std::minmax_element(pairs.begin(), pairs.end(), by_id);
    first_ = least->first;
    const uint64_t range = static_cast<uint64_t>(most->first) - static_cast<uint64_t>(least->first);
    if (range < kSlotsPerId * pairs.size() + kSlotsAlways) places_.assign(range + 1, kNone);
    for (const auto& [id, value] : pairs) {
      const auto place = static_cast<uint32_t>(values_.size());
      values_.push_back(value);
      if (places_.empty())
        hashed_.emplace(id, place);
      else
        places_[static_cast<uint64_t>(id) - static_cast<uint64_t>(first_)] = place;
    }
  }

  // nullptr if there is none.
  [[nodiscard]] const T* find(int64_t id) const {
    uint32_t place = kNone;
    if (const uint64_t at = static_cast<uint64_t>(id) - static_cast<uint64_t>(first_);
        at < places_.size()) {
      place = places_[at];
    } else if (const auto found = hashed_.find(id); found != hashed_.end()) {
      place = found->second;
    }
    return place == kNone ? nullptr : &values_[place];
  }

 private:
  static constexpr uint64_t kSlotsPerId = 16;
  static constexpr uint64_t kSlotsAlways = 65536;
  static bool by_id(const std::pair<int64_t, T>& a, const std::pair<int64_t, T>& b) {
    return a.first < b.first;
  }

  int64_t first_ = 0;
  std::vector<uint32_t> places_;  // of id - first_
  std::unordered_map<int64_t, uint32_t> hashed_;
  std::vector<T> values_;
};

// What the rows refer to.
struct CarryingPlaces {
  struct Directory {
    uint32_t category = kNone;  // that decides about it; kNone: it is not offered
    size_t first_word = 0;      // of its bits, one for each member of the category
  };
  struct HostCategory {
    uint32_t category = kNone;
    uint32_t member = 0;  // the bit
  };
  std::vector<std::pair<int64_t, Directory>> directories;         // by id
  std::vector<std::pair<int64_t, HostCategory>> host_categories;  // by id
  std::set<int64_t> lost_host_categories;  // ids of rows that were left out, which was reported
  size_t words = 0;                        // of the bits of all directories
};

// The bits. `on_rows` gets the number of rows since its last call.
[[nodiscard]] Result<std::vector<uint64_t>> read_carrying(
    RowSource& source, const CarryingPlaces& places, Diagnostics& diagnostics,
    const std::function<void(uint64_t)>& on_rows);

}  // namespace mirror
