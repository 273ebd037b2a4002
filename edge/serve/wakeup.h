// Waking another thread. EventFd is eventfd(2); Wakeup runs a callback in a libuv loop.
//
// uv_async_send does the latter, too, but marks its handle as busy while it writes, and the
// receiver spins until that mark is gone (libuv 1.44). The write wakes the receiver, which takes
// the processor from a sender of lower priority (idle_loader.h) or from one whose time is over, and
// then spins for as long as others want the processor as well. Here nobody ever waits for the
// sender.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>
#include <uv.h>

#include <cerrno>
#include <cstdint>
#include <functional>
#include <utility>

#include "base/core/assert.h"
#include "base/core/error.h"
#include "base/core/unique_fd.h"
#include "edge/serve/counter_poll.h"

namespace mirror {

// Counts rings until they are cleared; readable (poll(2)) when there were any.
class EventFd {
 public:
  EventFd() = default;
  [[nodiscard]] static Result<EventFd> create() {
    EventFd event;
    event.fd_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!event.fd_.valid()) return fail_errno(errno, "eventfd");
    return event;
  }
  [[nodiscard]] int get() const { return fd_.get(); }
  // Any thread. Fails only when the count is at its end, and then it has been rung already.
  void ring() const {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(fd_.get(), &one, sizeof one);
  }
  void clear() const {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(fd_.get(), &count, sizeof count);
  }

 private:
  UniqueFd fd_;
};

// Thread and errors are those of CounterPoll. A ring before or during a callback leads to another
// callback; several may share one.
class Wakeup {
 public:
  Wakeup(uv_loop_t* loop, std::function<void()> callback)
      : event_(made()), poll_(loop, event_.get(), std::move(callback)) {}

  // Any thread.
  void ring() const { event_.ring(); }
  // No callback comes any more.
  void close() { poll_.close(); }

 private:
  static EventFd made() {
    auto event = EventFd::create();
    MIRROR_ASSERT(event.has_value());
    return std::move(*event);
  }

  EventFd event_;
  CounterPoll poll_;
};

}  // namespace mirror
