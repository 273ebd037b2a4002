// Runs a callback in a libuv loop at regular times, by a timerfd_create(2) of its own.
//
// uv_timer_t does that, too, but while one is active, libuv waits for events with a timeout, for
// which the kernel sets up a timer and takes it back each time that the loop sleeps: 0.6 us of a
// worker that sleeps after each request (bench/RESULTS.md). Here it is set up once a period.
#pragma once

#include <sys/timerfd.h>
#include <uv.h>

#include <cstdint>
#include <ctime>
#include <functional>
#include <utility>

#include "base/core/assert.h"
#include "base/core/unique_fd.h"
#include "edge/serve/counter_poll.h"

namespace mirror {

// Thread and errors are those of CounterPoll. Times that a busy loop missed share one callback.
class Ticker {
 public:
  Ticker(uv_loop_t* loop, std::function<void()> callback)
      : timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)),
        poll_(loop, timer_.get(), std::move(callback)) {}

  // From now on, in place of what was set before and of a tick that waits. REQUIRES: first_ms > 0.
  void start(uint64_t first_ms, uint64_t period_ms) {
    const itimerspec times{.it_interval = timespec_of(period_ms),
                           .it_value = timespec_of(first_ms)};
    MIRROR_ASSERT(::timerfd_settime(timer_.get(), 0, &times, nullptr) == 0);
  }
  // No callback comes any more.
  void close() { poll_.close(); }

 private:
  static timespec timespec_of(uint64_t ms) {
    return {.tv_sec = static_cast<time_t>(ms / 1000),
            .tv_nsec = static_cast<long>(ms % 1000 * 1'000'000)};
  }

  UniqueFd timer_;
  CounterPoll poll_;
};

}  // namespace mirror
