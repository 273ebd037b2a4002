#include "base/core/pace.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>

#include "tests/unit/core/one_processor.h"

namespace mirror {
namespace {

using std::chrono::steady_clock;

// How often the thread slept or waited, in place of being made to wait. A page that is not in
// memory counts, too.
long voluntary_switches() {
  rusage used{};
  ::getrusage(RUSAGE_THREAD, &used);
  return used.ru_nvcsw;
}

// More than pages account for.
constexpr long kSomeRests = 10;

// Works beside somebody who wants the same processor now and then, until it has rested so often or
// the time is over, and says how often that was.
long rests_of_work(int policy, std::chrono::milliseconds time) {
  const OneProcessor shared;
  std::atomic<bool> stop = false;
  std::thread other([&stop] {
    while (!stop.load(std::memory_order_relaxed)) {
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  });
  long rests = 0;
  std::thread work([&] {
    const sched_param none{};
    ASSERT_EQ(::pthread_setschedparam(::pthread_self(), policy, &none), 0);
    const long before = voluntary_switches();
    const auto end = steady_clock::now() + time;
    Pace pace;
    while (voluntary_switches() < before + kSomeRests && steady_clock::now() < end) {
      pace.add(1'000'000);
    }
    rests = voluntary_switches() - before;
  });
  work.join();
  stop = true;
  other.join();
  return rests;
}

TEST(Pace, RestsWhereSomebodyWantsTheProcessor) {
  EXPECT_GE(rests_of_work(SCHED_IDLE, std::chrono::seconds(30)), kSomeRests);
}

TEST(Pace, NeverRestsAsAnOrdinaryThread) {
  EXPECT_LT(rests_of_work(SCHED_OTHER, std::chrono::milliseconds(200)), kSomeRests);
}

}  // namespace
}  // namespace mirror
