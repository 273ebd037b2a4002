#include "base/core/pace.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>

#include "tests/unit/core/one_processor.h"

namespace mirror {
namespace {

using std::chrono::steady_clock;

// How often the thread slept or waited, in place of being made to wait (a page that is not in
// memory counts, too), and how often it had to give way.
struct Switches {
  long voluntary, involuntary;
};
Switches switches() {
  rusage used{};
  ::getrusage(RUSAGE_THREAD, &used);
  return {used.ru_nvcsw, used.ru_nivcsw};
}

// Nanoseconds of work after which a Pace looks at the clock.
constexpr uint64_t kWork = 1'000'000;

// More than pages account for.
constexpr unsigned kSomeRests = 10;

// Works beside somebody who wants the same processor now and then, until it has rested so often or
// the time is over, and says how often that was.
long rests_of_work(int policy, unsigned rests_max, long most, std::chrono::milliseconds time) {
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
    const long before = switches().voluntary;
    const auto end = steady_clock::now() + time;
    Pace pace(rests_max);
    while (switches().voluntary < before + most && steady_clock::now() < end) pace.add(kWork);
    rests = switches().voluntary - before;
  });
  work.join();
  stop = true;
  other.join();
  return rests;
}

TEST(Pace, RestsWhereSomebodyWantsTheProcessor) {
  EXPECT_GE(rests_of_work(SCHED_IDLE, Pace::kRestsMax, kSomeRests, std::chrono::seconds(30)),
            kSomeRests);
}

TEST(Pace, RestsNoMoreThanSoOften) {
  // Without a bound it would be several times as much.
  constexpr long kMost = 10 * kSomeRests;
  const long rests = rests_of_work(SCHED_IDLE, kSomeRests, kMost, std::chrono::milliseconds(500));
  EXPECT_LT(rests, 2 * kSomeRests);
}

TEST(Pace, NeverRestsAsAnOrdinaryThread) {
  EXPECT_LT(rests_of_work(SCHED_OTHER, Pace::kRestsMax, kSomeRests, std::chrono::milliseconds(200)),
            kSomeRests);
}

// Others may want the processor at any time, so this waits for a while in which nobody did; on a
// machine that is busy all the time there is none.
TEST(Pace, DoesNotRestWhereNobodyWantsTheProcessor) {
  bool rested = false;
  bool worked_on = false;
  std::thread work([&] {
    const sched_param none{};
    ASSERT_EQ(::pthread_setschedparam(::pthread_self(), SCHED_IDLE, &none), 0);
    const auto end = steady_clock::now() + std::chrono::seconds(30);
    while (!worked_on && steady_clock::now() < end) {
      const Switches before = switches();
      Pace pace;
      const auto pieces_end = steady_clock::now() + std::chrono::microseconds(500);
      while (steady_clock::now() < pieces_end) pace.add(kWork);
      const Switches after = switches();
      if (after.involuntary != before.involuntary) continue;
      (after.voluntary == before.voluntary ? worked_on : rested) = true;
    }
  });
  work.join();
  if (!worked_on && !rested) GTEST_SKIP() << "others wanted the processor for 30 seconds on end";
  EXPECT_TRUE(worked_on);
}

}  // namespace
}  // namespace mirror
