#include "edge/serve/listen_address.h"

#include <gtest/gtest.h>

namespace mirror {
namespace {

TEST(ListenAddress, Forms) {
  const auto text = [](std::string_view input) {
    const auto address = ListenAddress::parse(input, 3000);
    return address ? address->to_string() : "error";
  };
  EXPECT_EQ(text("127.0.0.1"), "127.0.0.1:3000");
  EXPECT_EQ(text("127.0.0.1:80"), "127.0.0.1:80");
  EXPECT_EQ(text("0.0.0.0:0"), "0.0.0.0:0");
  EXPECT_EQ(text("::1"), "[::1]:3000");
  EXPECT_EQ(text("2001:db8::1"), "[2001:db8::1]:3000");
  EXPECT_EQ(text("[::]"), "[::]:3000");
  EXPECT_EQ(text("[::1]:65535"), "[::1]:65535");
  for (const auto* bad :
       {"", "localhost", "localhost:80", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:x", "[::1",
        "[::1]80", "[::1]:", "[127.0.0.1]:80", "*", "127.0.0.1:-1", "[]", ":80", "1.2.3.4:80:90"}) {
    EXPECT_EQ(text(bad), "error") << bad;
  }
}

TEST(ListenSockets, ASecondEdgeIsNoticedBeforeTheFirstOneAnswers) {
  const auto first = open_listen_sockets({*IpAddress::parse("127.0.0.1"), 0}, 2);
  ASSERT_TRUE(first.has_value()) << first.error().message;
  EXPECT_EQ(first->sockets.size(), 2u);
  const auto second = open_listen_sockets(first->address, 2);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().kind, ErrorKind::kConflict);
}

}  // namespace
}  // namespace mirror
