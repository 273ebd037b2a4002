// Runs a callback in a libuv loop when a descriptor that counts, eventfd(2) or timerfd_create(2),
// has counted something, and takes the count.
//
// Made and destroyed by the thread of the loop, or while the loop is nobody's. Stays where it is
// made. Like a handle of libuv it stops the program where it can't be made. What is counted before
// or during a callback leads to another callback; several may share one.
#pragma once

#include <unistd.h>
#include <uv.h>

#include <cstdint>
#include <functional>
#include <utility>

#include "base/core/assert.h"
#include "edge/serve/uv_owner.h"

namespace mirror {

class CounterPoll {
 public:
  // The descriptor is not blocking, and outlives the poll.
  CounterPoll(uv_loop_t* loop, int counter, std::function<void()> callback)
      : counter_(counter), callback_(std::move(callback)), poll_([this, loop](uv_poll_t* handle) {
          handle->data = this;
          return uv_poll_init(loop, handle, counter_);
        }) {
    const int code = uv_poll_start(poll_.get(), UV_READABLE, [](uv_poll_t* handle, int, int) {
      const auto* self = static_cast<const CounterPoll*>(handle->data);
      uint64_t count = 0;
      // Nothing is there any more if another callback of this turn has set the timer anew.
      if (::read(self->counter_, &count, sizeof count) == sizeof count) self->callback_();
    });
    MIRROR_ASSERT(code == 0);
  }
  CounterPoll(const CounterPoll&) = delete;
  CounterPoll& operator=(const CounterPoll&) = delete;

  // No callback comes any more.
  void close() { poll_.close(); }

 private:
  const int counter_;
  const std::function<void()> callback_;
  UvOwner<uv_poll_t> poll_;
};

}  // namespace mirror
