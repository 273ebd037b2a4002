// Long work at idle priority (SCHED_IDLE, sched(7)) in pieces. Others should get the processor as
// soon as they want it, but the scheduler may let such a thread go on to the next tick (4 ms)
// though others wait: since Linux 6.6 (EEVDF) whoever has had less than its share is chosen before
// all others, and nothing but a tick or somebody who wakes up ends its turn. Offering the processor
// after each piece ends it in time for whoever answers clients there.
//
// Each piece also takes the nearer caches from whoever answers, and an answer without them takes
// half as long again. With a piece between any two answers a queue of requests forms; so where
// somebody wanted the processor during a piece, a rest follows, in which the caches fill again.
// Whether somebody did is whether the thread had to give way since it looked last. That includes
// giving way when it offered the processor, as the only sign where the scheduler lets it go on.
//
// A thread of any other policy neither offers nor rests: it would be charged for the whole turn
// that it gives away.
#pragma once

#include <sched.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdint>
#include <thread>

namespace mirror {

// For one task of one thread, from its beginning to its end.
class Pace {
 public:
  // More rests than this are not taken: the work must end. Two tasks of so many are well within the
  // time after which the edge loads with ordinary priority (kLoaderPatienceMs).
  static constexpr unsigned kRestsMax = 400;
  static constexpr std::chrono::microseconds kRest{1000};

  explicit Pace(unsigned rests_max = kRestsMax) : rests_left_(rests_max) {}

  // Says about how many nanoseconds the work took that was done; the order of magnitude is enough.
  void add(uint64_t nanoseconds) {
    done_ += nanoseconds;
    if (done_ < kLookNs) return;
    done_ = 0;
    if (Clock::now() - begin_ < kPiece) return;
    // Asked anew, as somebody may have changed it meanwhile.
    if (::sched_getscheduler(0) == SCHED_IDLE) offer();
    begin_ = Clock::now();
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr uint64_t kLookNs = 20'000;
  // Of time that passes, also while others run: some answers' time. Offering the processor costs
  // about a hundredth of it.
  static constexpr std::chrono::microseconds kPiece{100};

  void offer() {
    const long preemptions = count_preemptions();
    const bool wanted = preemptions != preemptions_;
    preemptions_ = preemptions;  // before offering: see above
    if (wanted && rests_left_ > 0) {
      --rests_left_;
      std::this_thread::sleep_for(kRest);
    } else {
      ::sched_yield();
    }
  }
  static long count_preemptions() {
    rusage used{};
    ::getrusage(RUSAGE_THREAD, &used);
    return used.ru_nivcsw;
  }

  uint64_t done_ = 0;  // since the last look at the clock
  Clock::time_point begin_ = Clock::now();
  long preemptions_ = count_preemptions();
  unsigned rests_left_;
};

}  // namespace mirror
