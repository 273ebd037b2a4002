#include "edge/http/response_head.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "edge/http/http_date.h"

namespace mirror {
namespace {

std::string render(const ResponseHead& head) {
  std::array<char, kResponseHeadSizeMax> scratch;
  std::string text;
  for (const auto slice : render_response_head(head, scratch)) text += slice;
  return text;
}

TEST(ResponseHead, ListAnswer) {
  const HttpDate date(784111777);
  EXPECT_EQ(render({.status = 200,
                    .content_type = "text/plain",
                    .content_length = 12,
                    .date = date.http(),
                    .generation = 42}),
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 12\r\n"
            "date: Sun, 06 Nov 1994 08:49:37 GMT\r\nx-mirrorlist-generation: 42\r\n\r\n");
}

TEST(ResponseHead, RedirectHasItsLocationFirstAndOfAnyLength) {
  const HttpDate date(0);
  const std::string location = "https://m.example/" + std::string(100000, 'a');
  EXPECT_EQ(render({.status = 302,
                    .location = location,
                    .content_type = "text/plain",
                    .date = date.http(),
                    .no_store = true,
                    .connection = ConnectionHeader::kKeepAlive}),
            "HTTP/1.1 302 Found\r\nlocation: " + location +
                "\r\ncontent-type: text/plain\r\ncontent-length: 0\r\ndate: Thu, 01 Jan 1970 "
                "00:00:00 GMT\r\n"
                "cache-control: no-store\r\nconnection: keep-alive\r\n\r\n");
}

TEST(ResponseHead, RefusedMethod) {
  const HttpDate date(0);
  EXPECT_EQ(render({.status = 405,
                    .date = date.http(),
                    .allow = true,
                    .connection = ConnectionHeader::kClose}),
            "HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\ndate: Thu, 01 Jan 1970 "
            "00:00:00 GMT\r\n"
            "allow: GET, HEAD\r\nconnection: close\r\n\r\n");
}

TEST(ResponseHead, TheLargestHeadFits) {
  const HttpDate date(0);
  const uint64_t largest = ~uint64_t{0};
  EXPECT_LT(render({.status = 505,
                    .content_type = "application/metalink+xml",
                    .content_length = largest,
                    .date = date.http(),
                    .generation = largest,
                    .no_store = true,
                    .allow = true,
                    .retry_after_seconds = 0xffffffff,
                    .connection = ConnectionHeader::kKeepAlive})
                .size(),
            kResponseHeadSizeMax);
}

TEST(HttpDate, KnownDays) {
  EXPECT_EQ(HttpDate(0).http(), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(HttpDate(951782400).http(), "Tue, 29 Feb 2000 00:00:00 GMT");
  EXPECT_EQ(HttpDate(951868799).http(), "Tue, 29 Feb 2000 23:59:59 GMT");
  EXPECT_EQ(HttpDate(4107542400).http(), "Mon, 01 Mar 2100 00:00:00 GMT");
  EXPECT_EQ(HttpDate(1795446732).day(), "2026-11-23");
  EXPECT_EQ(HttpDate(-1).http(), "Wed, 31 Dec 1969 23:59:59 GMT");
  EXPECT_EQ(HttpDate(INT64_MAX).http(), "Fri, 31 Dec 9999 23:59:59 GMT");
  EXPECT_EQ(HttpDate(INT64_MIN).http(), "Sat, 01 Jan 0000 00:00:00 GMT");
}

}  // namespace
}  // namespace mirror
