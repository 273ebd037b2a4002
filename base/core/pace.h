// Long work at idle priority (SCHED_IDLE, sched(7)) in pieces. Others should get the processor as
// soon as they want it, but the scheduler may let such a thread go on to the next tick (4 ms)
// though others wait: since Linux 6.6 (EEVDF) whoever has had less than its share is chosen before
// all others, and nothing but a tick or somebody who wakes up ends its turn. Offering the processor
// after each piece ends it in time for whoever answers clients there. A thread of any other policy
// offers nothing: it would be charged for the whole turn that it gives away.
#pragma once

#include <sched.h>

#include <chrono>
#include <cstdint>

namespace mirror {

class Pace {
 public:
  // Says about how many nanoseconds the work took that was done; the order of magnitude is enough.
  void add(uint64_t nanoseconds) {
    done_ += nanoseconds;
    if (done_ < kLookNs) return;
    done_ = 0;
    offer();
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr uint64_t kLookNs = 20'000;
  // Some answers' time; offering the processor costs about a hundredth of it.
  static constexpr std::chrono::microseconds kPiece{100};

  void offer() {
    if (Clock::now() - begin_ < kPiece) return;
    // Asked anew, as somebody may have changed it meanwhile.
    if (::sched_getscheduler(0) == SCHED_IDLE) ::sched_yield();
    begin_ = Clock::now();
  }

  uint64_t done_ = 0;  // since the last look at the clock
  Clock::time_point begin_ = Clock::now();
};

}  // namespace mirror
