#include "base/core/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mirror {
namespace {

using testing::ElementsAre;

TEST(Text, TrimsAndSplits) {
  EXPECT_EQ(trim(" \t a b \r\n"), "a b");
  EXPECT_EQ(trim(" \n"), "");
  EXPECT_THAT(split("a,,b,", ','), ElementsAre("a", "", "b", ""));
  EXPECT_THAT(split("", ','), ElementsAre(""));
  EXPECT_THAT(split_blanks("  a \t b"), ElementsAre("a", "b"));
  EXPECT_THAT(split_blanks(" "), ElementsAre());
}

TEST(Text, ParsesWholeNumbersOnly) {
  EXPECT_EQ(parse_int64("-12"), -12);
  EXPECT_EQ(parse_uint64("18446744073709551615"), ~uint64_t{0});
  for (const char* bad : {"", " 1", "1 ", "+1", "1x", "18446744073709551616", "-1"}) {
    EXPECT_FALSE(parse_uint64(bad)) << bad;
  }
}

TEST(Text, UpperCasesOnlyAscii) { EXPECT_EQ(upper_ascii("s\xc3\xa9-z"), "S\xc3\xa9-Z"); }

TEST(Text, KnowsValidUtf8) {
  for (const char* good : {"", "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
                           "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf"}) {
    EXPECT_TRUE(is_valid_utf8(good)) << good;
  }
  for (const char* bad :
       {"\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf0\x80\x80\xaf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc3", "\xe2\x82", "\xff", "a\xc3z"}) {
    EXPECT_FALSE(is_valid_utf8(bad));
  }
}

TEST(Text, EscapesForXmlAndMessages) {
  EXPECT_EQ(escape_xml("a&b<c>\"d'"), "a&amp;b&lt;c&gt;&quot;d'");
  EXPECT_EQ(quote_for_message("a\n\"\\\x7f"), "\"a\\x0a\\x22\\x5c\\x7f\"");
  EXPECT_EQ(quote_for_message("abcdef", 3), "\"abc\"...");
  EXPECT_EQ(quote_for_message("\xc3\xa9"), "\"\xc3\xa9\"");
  EXPECT_EQ(quote_for_message("a\xc3\xa9", 2), "\"a\"...");
  EXPECT_EQ(quote_for_message("\xc3\xa9\xff"), "\"\\xc3\\xa9\\xff\"");
  EXPECT_EQ(quote_for_message("\xf1\x80\x80\x80\x80\x80", 5), "\"\\xf1\\x80\"...");
  EXPECT_EQ(quote_for_message("\xc2\x9bm\xc2\xa0"), "\"\\xc2\\x9bm\xc2\xa0\"");
}

}  // namespace
}  // namespace mirror
