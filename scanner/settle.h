// A stored ctime has whole seconds. What changes twice within one second, with our look in between,
// would keep the ctime that we stored and be taken for unchanged for ever. So nothing is looked at
// before its ctime lies safely in the past: the settler waits, which costs at most two seconds a
// scan, since afterwards all earlier changes are past too. What goes on changing, or bears a time
// of the future, exhausts the budget; it is then recorded with ctime 0, which makes the next scan
// look again.
#pragma once

#include <chrono>
#include <cstdint>
#include <thread>

#include "base/core/clock.h"
#include "scanner/limits.h"

namespace mirror {

class Settler {
 public:
  explicit Settler(const Clock& clock) : clock_(clock) {}

  // Waits until `ctime` is past. False: not within what is left of the budget.
  [[nodiscard]] bool settle(int64_t ctime) {
    // The kernel stamps with a clock that lags by up to a tick, hence two seconds and not one.
    while (clock_.unix_seconds() < ctime + 2) {
      if (left_ms_ <= 0 || ctime > clock_.unix_seconds() + 5) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(kStepMs));
      left_ms_ -= kStepMs;
    }
    return true;
  }

 private:
  static constexpr int64_t kStepMs = 50;
  const Clock& clock_;
  int64_t left_ms_ = scan_limits::kSettleBudgetMs;
};

}  // namespace mirror
