#include "edge/http/http_date.h"

#include <algorithm>
#include <cstring>

namespace mirror {
namespace {

constexpr int64_t kSecondsPerDay = 86400;
constexpr int64_t kFirstSecond = -62167219200;  // 0000-01-01
constexpr int64_t kLastSecond = 253402300799;   // 9999-12-31 23:59:59

struct CivilDay {
  int64_t year;
  uint32_t month;  // 1 .. 12
  uint32_t day;    // 1 .. 31
};

// Days since 1970-01-01 to a date of the Gregorian calendar: the era has 400 years and begins on 1
// March, so that the leap day is the last of its year (Howard Hinnant, "chrono-Compatible Low-Level
// Date Algorithms").
CivilDay civil_day(int64_t days) {
  const int64_t shifted = days + 719468;
  const int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
  const auto day_of_era = static_cast<uint32_t>(shifted - era * 146097);
  const uint32_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const uint32_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const uint32_t month_from_march = (5 * day_of_year + 2) / 153;
  const uint32_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  return {int64_t{year_of_era} + era * 400 + (month <= 2 ? 1 : 0), month,
          day_of_year - (153 * month_from_march + 2) / 5 + 1};
}

void put_digits(char* out, int64_t value, int count) {
  for (int i = count - 1; i >= 0; --i) {
    out[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

}  // namespace

void HttpDate::set(int64_t unix_seconds) {
  unix_seconds_ = std::clamp(unix_seconds, kFirstSecond, kLastSecond);
  int64_t days = unix_seconds_ / kSecondsPerDay;
  int64_t second = unix_seconds_ % kSecondsPerDay;
  if (second < 0) {
    second += kSecondsPerDay;
    --days;
  }
  const auto date = civil_day(days);
  const int64_t weekday = ((days + 4) % 7 + 7) % 7;  // 1970-01-01 was a Thursday
  std::memcpy(http_.data(), "Sun, 01 Jan 1970 00:00:00 GMT", http_.size());
  std::memcpy(http_.data(), &"SunMonTueWedThuFriSat"[weekday * 3], 3);
  std::memcpy(http_.data() + 8, &"JanFebMarAprMayJunJulAugSepOctNovDec"[(date.month - 1) * 3], 3);
  put_digits(http_.data() + 5, date.day, 2);
  put_digits(http_.data() + 12, date.year, 4);
  put_digits(http_.data() + 17, second / 3600, 2);
  put_digits(http_.data() + 20, second / 60 % 60, 2);
  put_digits(http_.data() + 23, second % 60, 2);
  std::memcpy(day_.data(), "1970-01-01", day_.size());
  put_digits(day_.data(), date.year, 4);
  put_digits(day_.data() + 5, date.month, 2);
  put_digits(day_.data() + 8, date.day, 2);
}

}  // namespace mirror
