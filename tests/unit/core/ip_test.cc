#include "base/core/ip.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>

#include "base/core/random.h"
#include "tests/unit/answer/seed.h"

namespace mirror {
namespace {

TEST(IpAddress, ParsesOnlyStrictText) {
  for (const char* good :
       {"0.0.0.0", "255.255.255.255", "::", "::1", "2001:db8::", "::ffff:1.2.3.4"}) {
    EXPECT_TRUE(IpAddress::parse(good)) << good;
  }
  for (const char* bad :
       {"", " 1.2.3.4", "1.2.3.4 ", "01.2.3.4", "1.2.3", "1.2.3.256", "1.2.3.4.5", "[::1]", "::g",
        "fe80::1%eth0", "1.2.3.4:80", ":::", "2001:db8::1::2", "1.2.3.4/8",
        "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc"}) {
    EXPECT_FALSE(IpAddress::parse(bad)) << bad;
  }
  EXPECT_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0", 8)));
}

TEST(IpAddress, TextIsCanonical) {
  EXPECT_EQ(IpAddress::parse("2001:0DB8:0:0:0:0:0:1")->to_string(), "2001:db8::1");
  EXPECT_EQ(IpAddress::parse("10.0.0.1")->to_string(), "10.0.0.1");
  EXPECT_EQ(IpAddress::parse("::ffff:1.2.3.4")->to_string(), "::ffff:1.2.3.4");
}

// The oracle is inet_ntop of glibc, which writes as RFC 5952 recommends, and ::a.b.c.d.
TEST(IpAddress, TextOfIpv6IsThatOfTheCLibrary) {
  Random random(test_seed());
  for (int round = 0; round < 200'000; ++round) {
    // Groups of one to four digits, runs of zeros of every length at every place, and embedded
    // IPv4.
    unsigned char bytes[16];
    uint64_t words[2] = {0, 0};
    for (int i = 0; i < 8; ++i) {
      const bool zero = random.below(2) == 0;
      const bool ones = random.below(8) == 0;
      const auto group = zero ? 0 : ones ? 0xffff : random.below(65536) >> (4 * random.below(4));
      words[i / 4] = words[i / 4] << 16 | group;
      bytes[2 * i] = static_cast<unsigned char>(group >> 8);
      bytes[2 * i + 1] = static_cast<unsigned char>(group);
    }
    char expected[INET6_ADDRSTRLEN];
    ::inet_ntop(AF_INET6, bytes, expected, sizeof expected);
    const auto address = IpAddress::from_ipv6(words[0], words[1]);
    ASSERT_EQ(address.to_string(), expected);
    unsigned char written[16];
    address.write_network_bytes(written);
    ASSERT_EQ(std::memcmp(written, bytes, sizeof bytes), 0) << expected;
  }
}

TEST(IpAddress, UnmapsOnlyMappedAddresses) {
  EXPECT_EQ(IpAddress::parse("::ffff:1.2.3.4")->unmapped(), *IpAddress::parse("1.2.3.4"));
  for (const char* same : {"1.2.3.4", "::1.2.3.4", "::fffe:1.2.3.4", "1::ffff:1.2.3.4"}) {
    EXPECT_EQ(IpAddress::parse(same)->unmapped(), *IpAddress::parse(same)) << same;
  }
}

TEST(IpAddress, ReadsSocketAddresses) {
  sockaddr_in ipv4{};
  ipv4.sin_family = AF_INET;
  ipv4.sin_addr.s_addr = htonl(0x7f000001);
  EXPECT_EQ(IpAddress::from_sockaddr(reinterpret_cast<sockaddr*>(&ipv4))->to_string(), "127.0.0.1");
  sockaddr_in6 ipv6{};
  ipv6.sin6_family = AF_INET6;
  ipv6.sin6_addr = in6addr_loopback;
  EXPECT_EQ(IpAddress::from_sockaddr(reinterpret_cast<sockaddr*>(&ipv6))->to_string(), "::1");
  sockaddr other{};
  other.sa_family = AF_UNIX;
  EXPECT_FALSE(IpAddress::from_sockaddr(&other));
}

TEST(IpPrefix, ParsesRoutingTableText) {
  EXPECT_EQ(IpPrefix::parse("10.1.2.3/8")->to_string(), "10.0.0.0/8");
  EXPECT_EQ(IpPrefix::parse("010.001.000.000/08")->to_string(), "10.0.0.0/8");
  EXPECT_EQ(IpPrefix::parse("10.1.2.3")->to_string(), "10.1.2.3/32");
  EXPECT_EQ(IpPrefix::parse("2001:DB8::/32")->to_string(), "2001:db8::/32");
  EXPECT_EQ(IpPrefix::parse("::1")->length, 128);
  for (const char* bad : {"", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0/24", "010.0.0.1",
                          "2001:db8::/129", "10.0.0.0 /8", "10.0.0.0/8/9", "10.0.0.0/-1",
                          "10.0.0.0/+8", "1.2.3.4/008", "host/24", "0010.0.0.0/8"}) {
    EXPECT_FALSE(IpPrefix::parse(bad)) << bad;
  }
}

// The naive oracle: compares bit by bit.
bool same_bits(const IpAddress& a, const IpAddress& b, int bits) {
  const auto bit = [](const IpAddress& address, int at) {
    if (address.is_ipv4()) return (address.low >> (31 - at)) & 1;
    return at < 64 ? (address.high >> (63 - at)) & 1 : (address.low >> (127 - at)) & 1;
  };
  for (int i = 0; i < bits; ++i) {
    if (bit(a, i) != bit(b, i)) return false;
  }
  return true;
}

TEST(IpPrefix, ContainsAsBitsSay) {
  const uint64_t seed = Random::system_seed();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  Random random(seed);
  for (int i = 0; i < 20000; ++i) {
    const bool ipv4 = random.below(2) == 0;
    const auto address = ipv4 ? IpAddress::from_ipv4(static_cast<uint32_t>(random.next()))
                              : IpAddress::from_ipv6(random.next(), random.next());
    const int length =
        static_cast<int>(random.below(static_cast<uint64_t>(address.bit_count()) + 1));
    const IpPrefix prefix = IpPrefix::of(address, length);
    EXPECT_TRUE(prefix.contains(address));
    EXPECT_TRUE(prefix.contains(prefix.last()));
    EXPECT_EQ(IpPrefix::parse(prefix.to_string()), prefix);
    IpAddress other = address;
    const uint64_t flip = random.below(static_cast<uint64_t>(address.bit_count()));
    (flip < 64 ? other.low : other.high) ^= uint64_t{1} << (flip % 64);
    EXPECT_EQ(prefix.contains(other), same_bits(address, other, length));
  }
  EXPECT_FALSE(IpPrefix::parse("0.0.0.0/0")->contains(*IpAddress::parse("::")));
}

}  // namespace
}  // namespace mirror
