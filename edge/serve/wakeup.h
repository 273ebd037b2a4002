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
#include "edge/serve/uv_owner.h"

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

// Made and destroyed by the thread of the loop, or while the loop is nobody's. Stays where it is
// made. Like a handle of libuv it stops the program where there is no descriptor for it. A ring
// before or during a callback leads to another callback; several may share one.
class Wakeup {
 public:
  Wakeup(uv_loop_t* loop, std::function<void()> callback) : callback_(std::move(callback)) {
    auto event = EventFd::create();
    MIRROR_ASSERT(event.has_value());
    event_ = std::move(*event);
    poll_ = UvOwner<uv_poll_t>([this, loop](uv_poll_t* handle) {
      handle->data = this;
      return uv_poll_init(loop, handle, event_.get());
    });
    const int code = uv_poll_start(poll_.get(), UV_READABLE, [](uv_poll_t* handle, int, int) {
      const auto* self = static_cast<const Wakeup*>(handle->data);
      self->event_.clear();
      self->callback_();
    });
    MIRROR_ASSERT(code == 0);
  }
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

  // Any thread.
  void ring() const { event_.ring(); }
  // No callback comes any more.
  void close() { poll_.close(); }

 private:
  EventFd event_;
  const std::function<void()> callback_;
  UvOwner<uv_poll_t> poll_;
};

}  // namespace mirror
