#include "edge/serve/ticker.h"

#include <gtest/gtest.h>

#include <chrono>

#include "edge/serve/wakeup.h"

namespace mirror {
namespace {

using std::chrono::steady_clock;

TEST(Ticker, TicksUntilItIsClosed) {
  UvLoop loop;
  int ticks = 0;
  Ticker ticker(loop.get(), [&] {
    if (++ticks == 3) ticker.close();
  });
  ticker.start(1, 1);
  uv_run(loop.get(), UV_RUN_DEFAULT);
  EXPECT_EQ(ticks, 3);
}

// A worker that is told to drain in the very turn in which a tick waits must still have its grace.
TEST(Ticker, AStartReplacesATickThatWaitsInTheSameTurn) {
  constexpr uint64_t kNever = 1'000'000'000;
  UvLoop loop;
  int ticks = 0;
  bool woken = false;
  Ticker ticker(loop.get(), [&] { ++ticks; });
  Wakeup wakeup(loop.get(), [&] {
    woken = true;
    ticker.start(kNever, kNever);
  });
  // The kernel knows of both before they are ready: events come in the order in which they happen.
  uv_run(loop.get(), UV_RUN_NOWAIT);
  wakeup.ring();
  ticker.start(1, kNever);
  // The time of the tick is over when a clock has passed it by far.
  const auto begin = steady_clock::now();
  while (steady_clock::now() - begin < std::chrono::milliseconds(20)) continue;
  uv_run(loop.get(), UV_RUN_NOWAIT);
  EXPECT_TRUE(woken);
  EXPECT_EQ(ticks, 0);
  wakeup.close();
  ticker.close();
}

}  // namespace
}  // namespace mirror
