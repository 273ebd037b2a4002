// Dates as HTTP and the access log write them, always UTC. Does not allocate.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace mirror {

// The texts of one second. Made once a second, read for each answer.
class HttpDate {
 public:
  explicit HttpDate(int64_t unix_seconds = 0) { set(unix_seconds); }

  // Years 0 to 9999; seconds outside are taken as the nearest one inside.
  void set(int64_t unix_seconds);

  [[nodiscard]] int64_t unix_seconds() const { return unix_seconds_; }
  // "Sun, 06 Nov 1994 08:49:37 GMT" (IMF-fixdate, RFC 9110 section 5.6.7).
  [[nodiscard]] std::string_view http() const { return {http_.data(), http_.size()}; }
  // "1994-11-06"
  [[nodiscard]] std::string_view day() const { return {day_.data(), day_.size()}; }

 private:
  int64_t unix_seconds_ = 0;
  std::array<char, 29> http_{};
  std::array<char, 10> day_{};
};

}  // namespace mirror
