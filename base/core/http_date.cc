#include "base/core/http_date.h"

#include <algorithm>

namespace mirror {
namespace {

constexpr std::string_view kWeekdays = "ThuFriSatSunMonTueWed";  // 1970-01-01 was a Thursday
constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
constexpr int64_t kDaySeconds = 86400;
constexpr int64_t kFirst = -62167219200;  // 0000-01-01 00:00:00
constexpr int64_t kLast = 253402300799;   // 9999-12-31 23:59:59

struct Date {
  int64_t year;
  unsigned month;  // 1 .. 12
  unsigned day;    // 1 .. 31
};

// From days since 1970-01-01 to a date of the Gregorian calendar, by years that begin in March:
// https://howardhinnant.github.io/date_algorithms.html#civil_from_days.
Date date_of(int64_t days) {
  constexpr int64_t kDaysToMarch0000 = 719468;
  constexpr int64_t kEraDays = 146097;  // 400 years
  days += kDaysToMarch0000;
  const int64_t era = (days >= 0 ? days : days - kEraDays + 1) / kEraDays;
  const auto in_era = static_cast<unsigned>(days - era * kEraDays);
  const unsigned year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
  const unsigned in_year = in_era - (365 * year + year / 4 - year / 100);
  const unsigned month = (5 * in_year + 2) / 153;  // 0 is March
  const unsigned day = in_year - (153 * month + 2) / 5 + 1;
  const bool next_year = month >= 10;
  return {era * 400 + year + (next_year ? 1 : 0), next_year ? month - 9 : month + 3, day};
}

void put_digits(char* to, int64_t number, int digits) {
  for (int i = digits - 1; i >= 0; --i, number /= 10) to[i] = static_cast<char>('0' + number % 10);
}

}  // namespace

void HttpDate::set(int64_t unix_seconds) {
  formatted_ = unix_seconds;
  const int64_t seconds = std::clamp(unix_seconds, kFirst, kLast);
  const int64_t days =
      seconds >= 0 ? seconds / kDaySeconds : (seconds - kDaySeconds + 1) / kDaySeconds;
  const int64_t of_day = seconds - days * kDaySeconds;
  const Date date = date_of(days);
  const auto weekday = static_cast<size_t>((days % 7 + 7) % 7);
  const std::string_view shape = "xxx, 00 xxx 0000 00:00:00 GMT";
  std::copy(shape.begin(), shape.end(), text_.begin());
  std::copy_n(kWeekdays.begin() + weekday * 3, 3, text_.begin());
  put_digits(&text_[5], date.day, 2);
  std::copy_n(kMonths.begin() + (date.month - 1) * 3, 3, text_.begin() + 8);
  put_digits(&text_[12], date.year, 4);
  put_digits(&text_[17], of_day / 3600, 2);
  put_digits(&text_[20], of_day / 60 % 60, 2);
  put_digits(&text_[23], of_day % 60, 2);
  day_.fill('-');
  put_digits(&day_[0], date.year, 4);
  put_digits(&day_[5], date.month, 2);
  put_digits(&day_[8], date.day, 2);
}

std::string utc_text(uint64_t unix_seconds) {
  if (unix_seconds > uint64_t{kLast}) return "?";
  const HttpDate date(static_cast<int64_t>(unix_seconds));
  const auto time = date.text().substr(std::string_view("xxx, 00 xxx 0000 ").size(), 8);
  return std::string(date.day()).append("T").append(time).append("Z");
}

}  // namespace mirror
