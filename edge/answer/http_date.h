// `Sun, 22 Nov 2026 12:30:45 GMT` (RFC 9110 section 5.6.7), which metalinks use as well. No locale,
// no time zone database: gmtime_r takes a lock.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace mirror {

class HttpDate {
 public:
  HttpDate() { set(0); }
  // Formats anew only if the second is another one. Seconds outside the years 0 to 9999 are
  // clamped.
  std::string_view at(int64_t unix_seconds) {
    if (unix_seconds != formatted_) set(unix_seconds);
    return {text_.data(), text_.size()};
  }

 private:
  void set(int64_t unix_seconds);

  static constexpr size_t kSize = 29;
  int64_t formatted_ = 0;
  std::array<char, kSize> text_{};
};

}  // namespace mirror
