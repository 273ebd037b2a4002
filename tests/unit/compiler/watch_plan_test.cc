#include "compiler/watch_plan.h"

#include <gtest/gtest.h>

namespace mirror {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr WatchTimes kTimes{.every_ns = 3600 * kSecond,
                            .settle_ns = kSecond,
                            .settle_max_ns = 3 * kSecond,
                            .retry = {kSecond, 300 * kSecond}};
constexpr int64_t kStart = 1000 * kSecond;

// A compile of that length, from `now` on; returns its end.
int64_t compile(WatchPlan& plan, int64_t now, int64_t length,
                CompileOutcome outcome = CompileOutcome::kDone) {
  plan.on_start(now);
  EXPECT_EQ(plan.due_ns(), WatchPlan::kNever);
  plan.on_end(outcome, now + length);
  return now + length;
}

TEST(Backoff, DoublesUpToItsLimitAndNeverOverflows) {
  Backoff backoff({kSecond, 10 * kSecond});
  for (const int64_t expected : {1, 2, 4, 8, 10, 10})
    EXPECT_EQ(backoff.next_ns(), expected * kSecond);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(backoff.next_ns(), 10 * kSecond);
  backoff.reset();
  EXPECT_EQ(backoff.next_ns(), kSecond);
}

TEST(WatchPlan, BeginsAtOnceAndKeepsItsSchedule) {
  WatchPlan plan(kTimes, kStart);
  EXPECT_EQ(plan.due_ns(), kStart);
  compile(plan, kStart, 60 * kSecond);
  // From start to start, so that long compiles do not delay the next.
  EXPECT_EQ(plan.due_ns(), kStart + kTimes.every_ns);
}

TEST(WatchPlan, AChangeWaitsForQuiet) {
  WatchPlan plan(kTimes, kStart);
  const int64_t now = compile(plan, kStart, 0) + 100 * kSecond;
  plan.on_change(now);
  EXPECT_EQ(plan.due_ns(), now + kSecond);
  plan.on_change(now + kSecond / 2);
  EXPECT_EQ(plan.due_ns(), now + kSecond / 2 + kSecond);
}

TEST(WatchPlan, ChangesWithoutAPauseWaitNoLongerThanTheLimit) {
  WatchPlan plan(kTimes, kStart);
  const int64_t first = compile(plan, kStart, 0) + 100 * kSecond;
  for (int64_t now = first; now < first + 10 * kSecond; now += kSecond / 10) plan.on_change(now);
  EXPECT_EQ(plan.due_ns(), first + 3 * kSecond);
}

TEST(WatchPlan, AChangeDuringACompileGivesAnother) {
  WatchPlan plan(kTimes, kStart);
  plan.on_start(kStart);
  plan.on_change(kStart + kSecond);
  EXPECT_EQ(plan.due_ns(), WatchPlan::kNever);
  plan.on_end(CompileOutcome::kDone, kStart + kSecond);
  EXPECT_EQ(plan.due_ns(), kStart + 2 * kSecond);
  compile(plan, kStart + 2 * kSecond, kSecond);
  EXPECT_EQ(plan.due_ns(), kStart + 2 * kSecond + kTimes.every_ns);
}

TEST(WatchPlan, CompilesTakeNoMoreThanHalfOfTheTime) {
  WatchPlan plan(kTimes, kStart);
  const int64_t end = compile(plan, kStart, 60 * kSecond);
  plan.on_change(end);
  EXPECT_EQ(plan.due_ns(), end + 60 * kSecond);
  // But a schedule is a schedule.
  WatchTimes busy = kTimes;
  busy.every_ns = 70 * kSecond;
  WatchPlan other(busy, kStart);
  other.on_change(compile(other, kStart, 60 * kSecond));
  EXPECT_EQ(other.due_ns(), kStart + 70 * kSecond);
}

TEST(WatchPlan, FailuresAreTriedAgainLessAndLessOften) {
  WatchPlan plan(kTimes, kStart);
  int64_t now = kStart;
  for (const int64_t pause : {1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300}) {
    now = compile(plan, now, kSecond, CompileOutcome::kFailed);
    EXPECT_EQ(plan.due_ns(), now + pause * kSecond);
    // A change may be what was missing: it is tried as soon as after a success.
    WatchPlan changed = plan;
    changed.on_change(now);
    EXPECT_EQ(changed.due_ns(),
              now + std::min(pause * kSecond, std::max(kSecond, kTimes.settle_ns)));
    now = plan.due_ns();
  }
  EXPECT_EQ(plan.failures(), 11);
  compile(plan, now, kSecond);
  EXPECT_EQ(plan.failures(), 0);
  EXPECT_EQ(plan.due_ns(), now + kTimes.every_ns);
}

TEST(WatchPlan, ADatabaseThatIsBackIsTriedSoon) {
  WatchPlan plan(kTimes, kStart);
  int64_t now = kStart;
  for (int i = 0; i < 10; ++i) now = compile(plan, now, 0, CompileOutcome::kFailed) + 300 * kSecond;
  now = compile(plan, now, 0, CompileOutcome::kFailed);
  plan.on_listening(now + 5 * kSecond);
  EXPECT_EQ(plan.due_ns(), now + 6 * kSecond);
  // And one that comes and goes all the time does not put it off.
  plan.on_listening(now + 5 * kSecond + kSecond / 2);
  EXPECT_EQ(plan.due_ns(), now + 6 * kSecond);
}

TEST(WatchPlan, WhatIsRefusedWaitsForAChange) {
  WatchPlan plan(kTimes, kStart);
  const int64_t end = compile(plan, kStart, kSecond, CompileOutcome::kRefused);
  EXPECT_EQ(plan.due_ns(), kStart + kTimes.every_ns);
  plan.on_change(end + 5 * kSecond);
  EXPECT_EQ(plan.due_ns(), end + 6 * kSecond);
}

TEST(WatchPlan, ARequestIsForNow) {
  WatchPlan plan(kTimes, kStart);
  const int64_t end = compile(plan, kStart, kSecond, CompileOutcome::kFailed);
  plan.on_request();
  EXPECT_LE(plan.due_ns(), end);
  plan.on_start(end);
  EXPECT_FALSE(plan.requested());
  plan.on_request();  // for another one after this
  EXPECT_EQ(plan.due_ns(), WatchPlan::kNever);
  plan.on_end(CompileOutcome::kDone, end + kSecond);
  EXPECT_LE(plan.due_ns(), end);
}

TEST(WatchPlan, ARequestOutlivesFailures) {
  WatchPlan plan(kTimes, kStart);
  plan.on_request();
  int64_t end = compile(plan, kStart, kSecond, CompileOutcome::kFailed);
  EXPECT_TRUE(plan.requested());
  EXPECT_GT(plan.due_ns(), end);  // but is no reason to hurry
  end = compile(plan, plan.due_ns(), kSecond, CompileOutcome::kDone);
  EXPECT_FALSE(plan.requested());
}

}  // namespace
}  // namespace mirror
