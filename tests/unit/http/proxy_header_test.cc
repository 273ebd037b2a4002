// The PROXY protocol, both versions, whole and in every part.
#include "edge/http/proxy_header.h"

#include <gtest/gtest.h>

#include <string>

namespace mirror {
namespace {

using Outcome = ProxyHeaderOutcome;

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string v2(uint8_t command, uint8_t family, const std::string& rest) {
  std::string bytes = kSignature;
  bytes += static_cast<char>(command);
  bytes += static_cast<char>(family);
  bytes += static_cast<char>(rest.size() >> 8);
  bytes += static_cast<char>(rest.size() & 255);
  return bytes + rest;
}

// The address, "local" without one, "bad" or "more". Every shorter part must ask for more, and what
// follows must not matter.
std::string parse(const std::string& bytes) {
  ProxyHeader header;
  const auto outcome = parse_proxy_header(bytes, &header);
  if (outcome == Outcome::kMalformed) return "bad";
  if (outcome == Outcome::kIncomplete) return "more";
  EXPECT_EQ(header.size, bytes.size());
  for (size_t size = 0; size < bytes.size(); ++size) {
    ProxyHeader part;
    EXPECT_EQ(parse_proxy_header(bytes.substr(0, size), &part), Outcome::kIncomplete) << size;
  }
  ProxyHeader longer;
  EXPECT_EQ(parse_proxy_header(bytes + "GET / HTTP/1.1\r\n\r\n", &longer), Outcome::kHeader);
  EXPECT_EQ(longer.size, header.size);
  EXPECT_EQ(longer.client, header.client);
  return header.client ? header.client->to_string() : "local";
}

TEST(ProxyHeader, Version1) {
  EXPECT_EQ(parse("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n"), "192.0.2.1");
  EXPECT_EQ(parse("PROXY TCP6 2001:db8::1 ::1 1 65535\r\n"), "2001:db8::1");
  EXPECT_EQ(parse("PROXY UNKNOWN\r\n"), "local");
  EXPECT_EQ(parse("PROXY UNKNOWN ffff:f...f:ffff 1 2 3\r\n"), "local");
  for (const std::string bad :
       {"PROXY TCP4 2001:db8::1 ::1 1 2\r\n", "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 1 65536\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 1 2 3\r\n", "PROXY TCP4  192.0.2.1 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2.01 198.51.100.1 1 2\r\n", "PROXY TCP5 192.0.2.1 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 -1 2\r\n", "PROXY \r\n", "PROXY\r\n", "proxy TCP4",
        "GET / HTTP/1.1\r\n", "\r\n\r\nG", "PROXX"}) {
    EXPECT_EQ(parse(bad), "bad") << bad;
  }
  EXPECT_EQ(parse("PROXY UNKNOWN " + std::string(91, 'x') + "\r\n"), "local");
  EXPECT_EQ(parse("PROXY UNKNOWN " + std::string(92, 'x') + "\r\n"), "bad");
  EXPECT_EQ(parse("PROXY TCP4 192.0.2.1"), "more");
  EXPECT_EQ(parse(""), "more");
}

TEST(ProxyHeader, Version2) {
  const std::string ipv4("\xc0\x00\x02\x01\xc6\x33\x64\x01\x00\x50\x01\xbb", 12);
  const std::string ipv6 = std::string("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16) +
                           std::string(16, '\0') + std::string(4, '\1');
  EXPECT_EQ(parse(v2(0x21, 0x11, ipv4)), "192.0.2.1");
  EXPECT_EQ(parse(v2(0x21, 0x21, ipv6)), "2001:db8::1");
  // Extensions are passed over.
  EXPECT_EQ(parse(v2(0x21, 0x11, ipv4 + std::string("\x04\x00\x02xx", 5))), "192.0.2.1");
  // The proxy's own connections, unix sockets, and what is no stream.
  EXPECT_EQ(parse(v2(0x20, 0x00, "")), "local");
  EXPECT_EQ(parse(v2(0x20, 0x11, ipv4)), "local");
  EXPECT_EQ(parse(v2(0x21, 0x00, "")), "local");
  EXPECT_EQ(parse(v2(0x21, 0x31, std::string(216, 'u'))), "local");
  EXPECT_EQ(parse(v2(0x21, 0x12, ipv4)), "local");
  // Too short, another command, another version, too long.
  EXPECT_EQ(parse(v2(0x21, 0x11, ipv4.substr(0, 11))), "bad");
  EXPECT_EQ(parse(v2(0x21, 0x21, ipv6.substr(0, 35))), "bad");
  EXPECT_EQ(parse(v2(0x22, 0x11, ipv4)), "bad");
  EXPECT_EQ(parse(v2(0x11, 0x11, ipv4)), "bad");
  EXPECT_EQ(parse(v2(0x21, 0x11, ipv4 + std::string(kProxyHeaderSizeMax - 28, 't'))), "192.0.2.1");
  EXPECT_EQ(parse(v2(0x21, 0x11, ipv4 + std::string(kProxyHeaderSizeMax - 27, 't'))), "bad");
}

}  // namespace
}  // namespace mirror
