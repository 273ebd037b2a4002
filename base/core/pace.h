// Long work in pieces. Where a processor is shared, the scheduler may let a thread go on to the
// next tick (4 ms) though others wait, be it of idle priority: since Linux 6.6 (EEVDF) whoever has
// had less than its share is chosen before all others, and nothing but a tick or somebody who wakes
// up ends its turn. Offering the processor after each piece ends it in time for whoever answers
// clients there.
#pragma once

#include <sched.h>

#include <cstdint>

namespace mirror {

class Pace {
 public:
  // Says about how many nanoseconds the work took that was done; the order of magnitude is enough.
  void add(uint64_t nanoseconds) {
    done_ += nanoseconds;
    if (done_ < kPieceNs) return;
    done_ = 0;
    // Linux has no way to fail here.
    static_cast<void>(::sched_yield());
  }

 private:
  // Some answers' time; offering the processor costs about a hundredth of it.
  static constexpr uint64_t kPieceNs = 100'000;
  uint64_t done_ = 0;
};

}  // namespace mirror
