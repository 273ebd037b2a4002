// A block of bytes that is allocated once and then only written to: where an answer is put
// together. One owner, one thread. Appending beyond the capacity is a bug and stops the process;
// whoever allocates knows the longest text (answerer.cc).
//
// Copies of short texts whose length varies cost more in mispredicted branches than in bytes. Hence
// copies of a constant number of bytes, of which only the first `size` count: the buffer has kSlack
// bytes behind its capacity, and a source must be readable that far too.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/core/assert.h"

namespace mirror {

// Copies kSize bytes by moves of kBlock bytes, of which kSize is a multiple. Not memcpy, for which
// the compiler chooses moves of 16 bytes also where a processor has wider ones.
template <size_t kBlock, size_t kSize>
[[gnu::always_inline]] inline void copy_blocks(char* to, const char* from) {
  static_assert(kSize % kBlock == 0);
  using Block [[gnu::vector_size(kBlock), gnu::aligned(1), gnu::may_alias]] = char;
#pragma GCC unroll 8
  for (size_t at = 0; at < kSize; at += kBlock) {
    *reinterpret_cast<Block*>(to + at) = *reinterpret_cast<const Block*>(from + at);
  }
}

// Copies size bytes; if they are at most kChunk, then exactly kChunk bytes are read and written.
// REQUIRES: kChunk bytes are readable at `from` and writable at `to`. Returns the end of what
// counts.
template <size_t kBlock, size_t kChunk>
[[gnu::always_inline]] inline char* copy_over(char* to, const char* from, size_t size) {
  copy_blocks<kBlock, kChunk>(to, from);
  if (size > kChunk) [[unlikely]] {
    std::memcpy(to + kChunk, from + kChunk, size - kChunk);
  }
  return to + size;
}

class TextBuffer {
 public:
  static constexpr size_t kSlack = 128;

  void allocate(size_t capacity) {
    // Not filled: what no answer needs takes no memory, and no time of a worker's loop.
    bytes_ = std::make_unique_for_overwrite<char[]>(capacity + kSlack);
    capacity_ = capacity;
    size_ = 0;
  }
  void clear() { size_ = 0; }

  [[nodiscard]] const char* data() const { return bytes_.get(); }
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] size_t capacity() const { return capacity_; }
  [[nodiscard]] std::string_view text() const { return {bytes_.get(), size_}; }
  // The text from `begin` on. Stays valid until allocate().
  [[nodiscard]] std::string_view text_from(size_t begin) const {
    return {bytes_.get() + begin, size_ - begin};
  }

  void append(std::string_view text) {
    MIRROR_ASSERT(text.size() <= capacity_ - size_);
    if (text.empty()) return;  // its data may be null, which memcpy must not get
    std::memcpy(bytes_.get() + size_, text.data(), text.size());
    size_ += text.size();
  }
  void append(char c) {
    MIRROR_ASSERT(size_ < capacity_);
    bytes_[size_++] = c;
  }
  // 32 bytes must be readable at `text`.
  void append_short(const char* text, size_t size) {
    MIRROR_ASSERT(size <= 32 && size <= capacity_ - size_);
    std::memcpy(bytes_.get() + size_, text, 32);
    size_ += size;
  }

  // For loops that keep the place in a register: write from cursor() up to limit(), then say where
  // it ended.
  [[nodiscard]] char* cursor() { return bytes_.get() + size_; }
  [[nodiscard]] char* limit() { return bytes_.get() + capacity_; }
  void end_at(const char* end) {
    MIRROR_ASSERT(end <= limit());
    size_ = static_cast<size_t>(end - bytes_.get());
  }

 private:
  std::unique_ptr<char[]> bytes_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace mirror
