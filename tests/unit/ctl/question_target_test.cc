// What people type as a question.
#include "ops/mirrorctl/question_target.h"

#include <gtest/gtest.h>

namespace mirror {
namespace {

TEST(QuestionTarget, TakesUrlsPathsAndQueries) {
  EXPECT_EQ(question_target("repo=a&arch=b"), "/mirrorlist?repo=a&arch=b");
  EXPECT_EQ(question_target("?repo=a&arch=b"), "/mirrorlist?repo=a&arch=b");
  EXPECT_EQ(question_target("path=x://y"), "/mirrorlist?path=x://y");
  EXPECT_EQ(question_target("mirrorlist?path=a"), "/mirrorlist?path=a");
  EXPECT_EQ(question_target("metalink?path=a"), "/metalink?path=a");
  EXPECT_EQ(question_target("/a/metalink?path=a"), "/a/metalink?path=a");
  EXPECT_EQ(question_target("https://h.example:8080/a/metalink?path=a"), "/a/metalink?path=a");
  EXPECT_EQ(question_target("http://h.example"), "/");
  EXPECT_EQ(question_target("http://h.example?path=a"), "/?path=a");
  EXPECT_EQ(question_target(""), "/mirrorlist?");
}

TEST(QuestionTarget, IsMadeFitForHttp) {
  EXPECT_EQ(target_for_http("/mirrorlist?path=a+b%20c&ip=::1#x"),
            "/mirrorlist?path=a+b%20c&ip=::1");
  EXPECT_EQ(target_for_http("/x?a b\r\n\xc3\xa9\"<>\\^`{|}"),
            "/x?a%20b%0D%0A%C3%A9%22%3C%3E%5C%5E%60%7B%7C%7D");
}

}  // namespace
}  // namespace mirror
