#include "edge/http/response_head.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "base/core/http_date.h"

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
                    .date = date.text(),
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
                    .date = date.text(),
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
                    .date = date.text(),
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
                    .date = date.text(),
                    .generation = largest,
                    .no_store = true,
                    .allow = true,
                    .retry_after_seconds = 0xffffffff,
                    .connection = ConnectionHeader::kKeepAlive})
                .size(),
            kResponseHeadSizeMax);
}

}  // namespace
}  // namespace mirror
