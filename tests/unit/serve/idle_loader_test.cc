// The priority of the thread that loads snapshots, as the kernel tells it.
#include "edge/serve/idle_loader.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "tests/unit/core/one_processor.h"

namespace mirror {
namespace {

using std::chrono::steady_clock;

class IdleLoaderTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(loader_.start()); }
  // Runs a job of the loader's thread to its end.
  void load(IdleLoader& loader, const std::function<void()>& work) {
    bool done = false;
    loader.load(
        [&]() -> Result<Snapshot> {
          work();
          return fail(ErrorKind::kRefused, "a test");
        },
        [&](const Result<Snapshot>& result) {
          EXPECT_EQ(result.error().message, "a test");
          done = true;
          uv_stop(loop_.get());
        });
    uv_run(loop_.get(), UV_RUN_DEFAULT);
    EXPECT_TRUE(done);
  }

  UvLoop loop_;
  IdleLoader loader_{loop_.get()};
};

TEST_F(IdleLoaderTest, ALoadThatLastsGetsTheProcessorLikeEverybody) {
  // An earlier long load makes none of the later ones ordinary.
  for (int round = 0; round < 2; ++round) {
    int first = -1, last = -1;
    load(loader_, [&] {
      const auto end = steady_clock::now() + std::chrono::seconds(30);
      first = last = ::sched_getscheduler(0);
      while (last != SCHED_OTHER && steady_clock::now() < end) last = ::sched_getscheduler(0);
    });
    if (last == SCHED_IDLE && ::geteuid() != 0) GTEST_SKIP() << "RLIMIT_NICE forbids it";
    EXPECT_EQ(first, SCHED_IDLE) << round;
    EXPECT_EQ(last, SCHED_OTHER) << round;
  }
}

// How often a thread that could have gone on was made to wait, also by offering the processor.
long involuntary_switches() {
  rusage used{};
  ::getrusage(RUSAGE_THREAD, &used);
  return used.ru_nivcsw;
}

TEST_F(IdleLoaderTest, NobodyWaitsBusilyForAThreadThatGetsNoProcessor) {
  // All that this test starts shares one processor with somebody who wants all of it.
  const OneProcessor shared;
  IdleLoader loader(loop_.get());
  ASSERT_TRUE(loader.start());
  std::atomic<bool> stop = false;
  std::thread busy([&stop] {
    while (!stop.load(std::memory_order_relaxed)) {
    }
  });
  constexpr int kLoads = 40;
  const long begin = involuntary_switches();
  for (int round = 0; round < kLoads; ++round) load(loader, [] {});
  // With libuv's own way, of which wakeup.h tells, there are two a load; else hardly any.
  EXPECT_LT(involuntary_switches() - begin, kLoads);
  stop = true;
  busy.join();
}

}  // namespace
}  // namespace mirror
