// How a generation gets from the control thread to one worker, and how the control thread learns
// that the one before is free: a mailbox of one place, and the ordinal of what was adopted last.
// Between threads move only these two words.
#pragma once

#include <atomic>
#include <cstdint>

#include "edge/serve/generation.h"

namespace mirror {

class GenerationSlot {
 public:
  // --- the control thread
  // One that still lies there was never seen by the worker and is replaced.
  void post(const Generation& generation) {
    mailbox_.exchange(&generation, std::memory_order_acq_rel);
  }
  // Of the generation that is served; 0 before the first. The worker touches no earlier one.
  [[nodiscard]] uint64_t adopted_ordinal() const {
    return adopted_ordinal_.load(std::memory_order_acquire);
  }

  // --- the worker
  // What was posted since the last call; nullptr if nothing was.
  [[nodiscard]] const Generation* take() {
    return mailbox_.exchange(nullptr, std::memory_order_acq_rel);
  }
  // The worker has left every earlier generation: the control thread may unmap them from here on.
  void adopted(const Generation& generation) {
    adopted_ordinal_.store(generation.ordinal, std::memory_order_release);
  }

 private:
  std::atomic<const Generation*> mailbox_{nullptr};
  std::atomic<uint64_t> adopted_ordinal_{0};
};

}  // namespace mirror
