// `Sun, 22 Nov 2026 12:30:45 GMT` (RFC 9110 section 5.6.7), which metalinks use as well,
// `2026-11-22`, which the access log uses, and `2026-11-22T12:30:45Z`, for people; always UTC. No
// locale, no time zone database: gmtime_r takes a lock.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace mirror {

class HttpDate {
 public:
  HttpDate() { set(0); }
  explicit HttpDate(int64_t unix_seconds) { set(unix_seconds); }
  // Formats anew only if the second is another one. Seconds outside the years 0 to 9999 are
  // clamped.
  std::string_view at(int64_t unix_seconds) {
    if (unix_seconds != formatted_) set(unix_seconds);
    return text();
  }

  // Of the second that was formatted last.
  [[nodiscard]] std::string_view text() const { return {text_.data(), text_.size()}; }
  [[nodiscard]] std::string_view day() const { return {day_.data(), day_.size()}; }
  // `12:30:45`
  [[nodiscard]] std::string_view time_of_day() const { return text().substr(17, 8); }
  [[nodiscard]] int64_t unix_seconds() const { return formatted_; }

 private:
  void set(int64_t unix_seconds);

  int64_t formatted_ = 0;
  std::array<char, 29> text_{};
  std::array<char, 10> day_{};
};

// `2026-11-22T12:30:45Z` (RFC 3339); `?` after the year 9999, so that any number may be shown.
[[nodiscard]] std::string utc_text(uint64_t unix_seconds);

}  // namespace mirror
