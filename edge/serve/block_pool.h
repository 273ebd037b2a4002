// A bounded stock of equal blocks: the read buffers of a worker, and the bytes of its unfinished
// answers. The memory is reserved at once and touched, by the kernel, only when it is first used.
// One thread; does not allocate after construction.
#pragma once

#include <cstddef>
#include <memory>

#include "base/core/assert.h"

namespace mirror {

class BlockPool {
 public:
  struct Shape {
    size_t block_size;
    size_t block_count;
  };

  explicit BlockPool(const Shape& shape)
      : shape_(shape),
        bytes_(new char[shape.block_size * shape.block_count]),
        free_(new char*[shape.block_count]) {}

  [[nodiscard]] size_t block_size() const { return shape_.block_size; }
  [[nodiscard]] size_t block_count() const { return shape_.block_count; }
  [[nodiscard]] size_t used() const { return used_; }
  [[nodiscard]] size_t available() const { return shape_.block_count - used_; }

  // nullptr if all are in use.
  [[nodiscard]] char* take() {
    if (available() == 0) return nullptr;
    ++used_;
    // Blocks that were given back come first: they are warm.
    if (returned_ > 0) return free_[--returned_];
    return bytes_.get() + shape_.block_size * fresh_++;
  }

  void give_back(char* block) {
    MIRROR_DEBUG_ASSERT(block >= bytes_.get() &&
                        block < bytes_.get() + shape_.block_size * shape_.block_count);
    MIRROR_ASSERT(used_ > 0);
    --used_;
    free_[returned_++] = block;
  }

 private:
  Shape shape_;
  std::unique_ptr<char[]> bytes_;
  std::unique_ptr<char*[]> free_;  // what was given back, last one first
  size_t returned_ = 0;
  size_t fresh_ = 0;  // blocks that were never taken lie behind this one
  size_t used_ = 0;
};

}  // namespace mirror
