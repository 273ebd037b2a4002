#include "base/core/pace.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>

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

void use_one_processor() {
  cpu_set_t all, one;
  ASSERT_EQ(::sched_getaffinity(0, sizeof all, &all), 0);
  CPU_ZERO(&one);
  for (int cpu = 0; CPU_COUNT(&one) == 0; ++cpu) {
    if (CPU_ISSET(cpu, &all)) CPU_SET(cpu, &one);
  }
  ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
}

// More than pages account for.
constexpr long kSomeRests = 10;

// Works beside somebody who wants the same processor now and then, until it has rested so often or
// the time is over, and says how often that was.
long rests_of_work(int policy, std::chrono::milliseconds time) {
  std::atomic<bool> stop = false;
  std::thread other([&stop] {
    use_one_processor();
    while (!stop.load(std::memory_order_relaxed)) {
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  });
  long rests = 0;
  std::thread work([&] {
    use_one_processor();
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
