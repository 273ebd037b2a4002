#include "base/core/http_date.h"

#include <gtest/gtest.h>
#include <time.h>

#include <array>

#include "base/core/random.h"
#include "tests/unit/answer/seed.h"

namespace mirror {
namespace {

TEST(HttpDate, KnownDates) {
  HttpDate date;
  EXPECT_EQ(date.at(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(date.at(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(date.at(1709210096), "Thu, 29 Feb 2024 12:34:56 GMT");
  EXPECT_EQ(date.at(-1), "Wed, 31 Dec 1969 23:59:59 GMT");
  EXPECT_EQ(date.at(253402300799), "Fri, 31 Dec 9999 23:59:59 GMT");
  EXPECT_EQ(date.at(INT64_MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
  EXPECT_EQ(date.at(INT64_MIN), "Sat, 01 Jan 0000 00:00:00 GMT");
}

TEST(HttpDate, TextsForPeople) {
  EXPECT_EQ(utc_text(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(utc_text(1709210096), "2024-02-29T12:34:56Z");
  EXPECT_EQ(utc_text(253402300799), "9999-12-31T23:59:59Z");
  EXPECT_EQ(utc_text(253402300800), "?");
  EXPECT_EQ(utc_text(UINT64_MAX), "?");
}

TEST(HttpDate, AgreesWithTheSystemLibrary) {
  Random random(test_seed());
  HttpDate date;
  for (int i = 0; i < 100'000; ++i) {
    const time_t seconds = static_cast<time_t>(random.below(253402300800)) - (i % 2) * 31536000;
    std::array<char, 64> expected{};
    tm parts{};
    ::gmtime_r(&seconds, &parts);
    ::strftime(expected.data(), expected.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    ASSERT_EQ(date.at(seconds), expected.data()) << seconds;
    ::strftime(expected.data(), expected.size(), "%Y-%m-%d", &parts);
    ASSERT_EQ(date.day(), expected.data()) << seconds;
    ASSERT_EQ(date.unix_seconds(), seconds);
  }
}

}  // namespace
}  // namespace mirror
