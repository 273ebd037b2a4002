// The memory of the last snapshot that nobody reads any more, kept for the next one: a swap then
// takes no new pages and frees none, which is most of what it costs. So an edge holds the memory of
// two snapshots once it has swapped. Any thread.
#pragma once

#include <mutex>
#include <utility>

#include "base/core/file_copy.h"

namespace mirror {

class SpareCopy {
 public:
  // What was there before is unmapped.
  void give(FileCopy copy) {
    const std::lock_guard lock(mutex_);
    std::swap(copy_, copy);
  }
  // Empty if there is none.
  [[nodiscard]] FileCopy take() {
    const std::lock_guard lock(mutex_);
    return std::move(copy_);
  }

 private:
  std::mutex mutex_;
  FileCopy copy_;
};

}  // namespace mirror
