// Equal content = equal index: each distinct run of elements is kept once, in one flat buffer.
//
// Elements are compared by their bytes, so they must have no padding. Runs are numbered in the
// order in which they are first seen. One thread. A span that it handed out is valid until the next
// intern().
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/core/assert.h"
#include "base/core/digest.h"
#include "schema/snapshot/snapshot.h"

namespace mirror {

template <typename Element>
class Interner {
  static_assert(std::has_unique_object_representations_v<Element>);

 public:
  uint32_t intern(std::span<const Element> run) {
    if ((runs_.size() + 1) * 2 > slots_.size()) grow();
    const size_t slot = slot_of(run);
    if (slots_[slot] != kNone) return slots_[slot];
    const auto index = static_cast<uint32_t>(runs_.size());
    runs_.push_back({buffer_.size(), run.size()});
    buffer_.insert(buffer_.end(), run.begin(), run.end());
    slots_[slot] = index;
    return index;
  }
  uint32_t intern(std::string_view text)
    requires std::is_same_v<Element, char>
  {
    return intern(std::span(text.data(), text.size()));
  }

  // The index of a run that is there, or kNone.
  [[nodiscard]] uint32_t find(std::span<const Element> run) const {
    return slots_.empty() ? kNone : slots_[slot_of(run)];
  }

  [[nodiscard]] size_t size() const { return runs_.size(); }
  [[nodiscard]] size_t offset(uint32_t index) const { return runs_[index].offset; }
  [[nodiscard]] std::span<const Element> operator[](uint32_t index) const {
    MIRROR_DEBUG_ASSERT(index < runs_.size());
    return std::span(buffer_).subspan(runs_[index].offset, runs_[index].count);
  }
  [[nodiscard]] std::string_view text(uint32_t index) const
    requires std::is_same_v<Element, char>
  {
    const auto run = (*this)[index];
    return {run.data(), run.size()};
  }
  [[nodiscard]] std::span<const Element> buffer() const { return buffer_; }

 private:
  struct Run {
    size_t offset, count;
  };

  static uint64_t hash(std::span<const Element> run) {
    return digest64(std::span(reinterpret_cast<const uint8_t*>(run.data()), run.size_bytes()));
  }
  [[nodiscard]] size_t slot_of(std::span<const Element> run) const {
    const size_t mask = slots_.size() - 1;
    for (size_t slot = hash(run) & mask;; slot = (slot + 1) & mask) {
      if (slots_[slot] == kNone) return slot;
      const auto other = (*this)[slots_[slot]];
      if (other.size() == run.size() &&
          (run.empty() || std::memcmp(other.data(), run.data(), run.size_bytes()) == 0)) {
        return slot;
      }
    }
  }
  void grow() {
    slots_.assign(slots_.empty() ? 16 : slots_.size() * 2, kNone);
    const size_t mask = slots_.size() - 1;
    for (uint32_t index = 0; index < runs_.size(); ++index) {
      size_t slot = hash((*this)[index]) & mask;
      while (slots_[slot] != kNone) slot = (slot + 1) & mask;
      slots_[slot] = index;
    }
  }

  std::vector<Element> buffer_;
  std::vector<Run> runs_;
  std::vector<uint32_t> slots_;
};

}  // namespace mirror
