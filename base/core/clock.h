// The two clocks. Code that decides by time takes them as parameters, so that a test can set them.
#pragma once

#include <time.h>

#include <cstdint>

namespace mirror {

class Clock {
 public:
  virtual ~Clock() = default;
  // Seconds since 1970-01-01 UTC.
  [[nodiscard]] virtual int64_t unix_seconds() const = 0;
  // Nanoseconds of a clock that never jumps.
  [[nodiscard]] virtual int64_t monotonic_ns() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] int64_t unix_seconds() const override { return read(CLOCK_REALTIME).tv_sec; }
  [[nodiscard]] int64_t monotonic_ns() const override {
    const timespec now = read(CLOCK_MONOTONIC);
    return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  }

 private:
  static timespec read(clockid_t id) {
    timespec now{};
    ::clock_gettime(id, &now);
    return now;
  }
};

}  // namespace mirror
