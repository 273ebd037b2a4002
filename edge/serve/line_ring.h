// A ring of bytes between one writing and one reading thread, without locks: a worker's access log
// lines on their way to the log writer. A line goes in whole or not at all.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "base/core/assert.h"

namespace mirror {

class LineRing {
 public:
  // `on_half_full` is called on the writing thread whenever a line fills the ring to more than
  // half. REQUIRES: `capacity` is a power of two.
  explicit LineRing(size_t capacity, std::function<void()> on_half_full = {})
      : capacity_(capacity), bytes_(new char[capacity]), on_half_full_(std::move(on_half_full)) {
    MIRROR_ASSERT(capacity > 0 && (capacity & (capacity - 1)) == 0);
  }

  // --- the writing thread
  // False if there is no room for the line, which is made of the pieces.
  [[nodiscard]] bool push(std::span<const std::string_view> pieces) {
    size_t size = 0;
    for (const auto piece : pieces) size += piece.size();
    const uint64_t end = end_.load(std::memory_order_relaxed);
    const uint64_t held = end - begin_.load(std::memory_order_acquire);
    if (size > capacity_ - held) return false;
    uint64_t at = end;
    for (const auto piece : pieces) {
      copy_in(at, piece);
      at += piece.size();
    }
    end_.store(at, std::memory_order_release);
    const uint64_t half = capacity_ / 2;
    if (held <= half && held + size > half && on_half_full_) [[unlikely]]
      on_half_full_();
    return true;
  }

  // --- the reading thread
  // What lies in the ring, in at most two parts.
  [[nodiscard]] std::array<std::string_view, 2> peek() const {
    const uint64_t begin = begin_.load(std::memory_order_relaxed);
    const auto size = static_cast<size_t>(end_.load(std::memory_order_acquire) - begin);
    const size_t index = begin & (capacity_ - 1);
    const size_t first = size < capacity_ - index ? size : capacity_ - index;
    return {std::string_view(bytes_.get() + index, first),
            std::string_view(bytes_.get(), size - first)};
  }
  void consume(size_t size) {
    begin_.store(begin_.load(std::memory_order_relaxed) + size, std::memory_order_release);
  }

 private:
  void copy_in(uint64_t at, std::string_view piece) {
    // An empty text may have no address, and memcpy wants one.
    if (piece.empty()) return;
    const size_t index = at & (capacity_ - 1);
    const size_t first = piece.size() < capacity_ - index ? piece.size() : capacity_ - index;
    std::memcpy(bytes_.get() + index, piece.data(), first);
    std::memcpy(bytes_.get(), piece.data() + first, piece.size() - first);
  }

  const size_t capacity_;
  std::unique_ptr<char[]> bytes_;
  std::function<void()> on_half_full_;
  // Counts of bytes since the start; each lies in its own cache line, since each has its own
  // writer.
  alignas(64) std::atomic<uint64_t> begin_{0};
  alignas(64) std::atomic<uint64_t> end_{0};
};

}  // namespace mirror
