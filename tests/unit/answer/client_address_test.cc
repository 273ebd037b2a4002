#include "edge/answer/client_address.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace mirror {
namespace {

IpAddress address(std::string_view text) {
  const auto parsed = IpAddress::parse(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  return parsed.value_or(IpAddress{});
}

struct Case {
  std::string_view peer;
  std::vector<std::string_view> forwarded_for;
  std::string_view client;
};

TEST(ClientAddress, TheChainIsWalkedFromTheRightPastTrustedHops) {
  const TrustedProxies trusted(
      {*IpPrefix::parse("127.0.0.0/8"), *IpPrefix::parse("::1"), *IpPrefix::parse("10.0.0.0/8")});
  const std::vector<Case> cases = {
      {"127.0.0.1", {}, "127.0.0.1"},
      {"127.0.0.1", {"89.160.20.113"}, "89.160.20.113"},
      {"::ffff:127.0.0.1", {"89.160.20.113"}, "89.160.20.113"},
      {"::1", {"::ffff:89.160.20.113"}, "89.160.20.113"},
      {"192.0.2.1", {"89.160.20.113"}, "192.0.2.1"},
      {"127.0.0.1", {"1.1.1.1, 2.2.2.2"}, "2.2.2.2"},
      {"127.0.0.1", {"1.1.1.1,2.2.2.2 ,  10.1.1.1"}, "2.2.2.2"},
      {"127.0.0.1", {"1.1.1.1", "2.2.2.2"}, "2.2.2.2"},
      {"127.0.0.1", {"1.1.1.1", "10.0.0.1"}, "1.1.1.1"},
      {"127.0.0.1", {"10.0.0.1, 10.0.0.2", "10.0.0.3"}, "10.0.0.1"},
      {"127.0.0.1", {""}, "127.0.0.1"},
      {"127.0.0.1", {"unknown"}, "127.0.0.1"},
      {"127.0.0.1", {"1.1.1.1, unknown, 10.0.0.3"}, "10.0.0.3"},
      {"127.0.0.1", {"1.1.1.1,"}, "127.0.0.1"},
      {"127.0.0.1", {"1.1.1.1:80"}, "1.1.1.1"},
      {"127.0.0.1", {"[2001:db8::1]:443"}, "2001:db8::1"},
      {"127.0.0.1", {"[2001:db8::1]"}, "2001:db8::1"},
      {"127.0.0.1", {"2001:db8::1"}, "2001:db8::1"},
      {"127.0.0.1", {"[2001:db8::1"}, "127.0.0.1"},
      {"127.0.0.1", {"[2001:db8::1]x"}, "127.0.0.1"},
      {"127.0.0.1", {"[]"}, "127.0.0.1"},
      {"127.0.0.1", {"\xff\xfe"}, "127.0.0.1"},
      {"127.0.0.1", {"01.1.1.1"}, "127.0.0.1"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(resolve_client(Peer{address(c.peer)}, c.forwarded_for, trusted).to_string(), c.client)
        << c.peer << " " << testing::PrintToString(c.forwarded_for);
  }
}

TEST(ClientAddress, WithoutTrustedProxiesThePeerIsTheClient) {
  const TrustedProxies nobody({});
  const std::vector<std::string_view> forwarded_for = {"1.1.1.1"};
  EXPECT_EQ(resolve_client(Peer{address("127.0.0.1")}, forwarded_for, nobody).to_string(),
            "127.0.0.1");
}

}  // namespace
}  // namespace mirror
