// The priority of the thread that loads snapshots, as the kernel tells it.
#include "edge/serve/idle_loader.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <chrono>
#include <functional>

namespace mirror {
namespace {

using std::chrono::steady_clock;

class IdleLoaderTest : public testing::Test {
 protected:
  // Runs a job of the loader's thread to its end.
  void load(const std::function<void()>& work) {
    bool done = false;
    loader_.load(
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
    load([&] {
      const auto end = steady_clock::now() + std::chrono::seconds(30);
      first = last = ::sched_getscheduler(0);
      while (last != SCHED_OTHER && steady_clock::now() < end) last = ::sched_getscheduler(0);
    });
    if (last == SCHED_IDLE && ::geteuid() != 0) GTEST_SKIP() << "RLIMIT_NICE forbids it";
    EXPECT_EQ(first, SCHED_IDLE) << round;
    EXPECT_EQ(last, SCHED_OTHER) << round;
  }
}

}  // namespace
}  // namespace mirror
