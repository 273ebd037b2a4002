#include "base/core/ip.h"

#include <arpa/inet.h>
#include <endian.h>
#include <fmt/compile.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>

#include "base/core/assert.h"
#include "base/core/text.h"

namespace mirror {
namespace {

IpAddress from_network_bytes(const unsigned char* bytes) {
  uint64_t words[2] = {0, 0};
  for (int i = 0; i < 16; ++i) words[i / 8] = (words[i / 8] << 8) | bytes[i];
  return IpAddress::from_ipv6(words[0], words[1]);
}

// A dotted quad whose octets may have leading zeros, as prefixes in routing tables do.
std::optional<IpAddress> parse_padded_ipv4(std::string_view text) {
  const auto octets = split(text, '.');
  if (octets.size() != 4) return std::nullopt;
  uint32_t bits = 0;
  for (const auto octet : octets) {
    const auto value = parse_uint64(octet);
    if (!value || *value > 255 || octet.size() > 3) return std::nullopt;
    bits = (bits << 8) | static_cast<uint32_t>(*value);
  }
  return IpAddress::from_ipv4(bits);
}

// Not inet_ntop, which goes through printf: addresses are written to the log for every answer.
char* append_ipv4(uint32_t bits, char* out) {
  const auto octet = [bits](int shift) { return (bits >> shift) & 0xff; };
  return fmt::format_to(out, FMT_COMPILE("{}.{}.{}.{}"), octet(24), octet(16), octet(8), octet(0));
}

char* append_hex(unsigned group, char* out) {
  int shift = 12;
  while (shift > 0 && group >> shift == 0) shift -= 4;
  for (; shift >= 0; shift -= 4) *out++ = "0123456789abcdef"[(group >> shift) & 15];
  return out;
}

// RFC 5952 sections 4 and 5; addresses that embed one of IPv4 end as those do (RFC 4291 section
// 2.5.5).
char* append_ipv6(const IpAddress& ipv6, char* out) {
  constexpr int kGroups = 8;
  const auto group = [&ipv6](int i) {
    return static_cast<unsigned>((i < 4 ? ipv6.high : ipv6.low) >> (48 - 16 * (i % 4))) & 0xffff;
  };
  // The longest run of groups of zeros, the first of equally long ones; a single one is written.
  int run_begin = kGroups, run_size = 1;
  for (int i = 0; i < kGroups; ++i) {
    const int begin = i;
    while (i < kGroups && group(i) == 0) ++i;
    if (i - begin <= run_size) continue;
    run_begin = begin;
    run_size = i - begin;
  }
  const bool embeds_ipv4 =
      run_begin == 0 && (run_size == 6 || (run_size == 5 && group(5) == 0xffff));
  const int groups = embeds_ipv4 ? kGroups - 2 : kGroups;
  for (int i = 0; i < groups;) {
    if (i == run_begin) {
      *out++ = ':';
      i += run_size;
      // What follows puts the second one before itself.
      if (i == kGroups) *out++ = ':';
      continue;
    }
    if (i > 0) *out++ = ':';
    out = append_hex(group(i++), out);
  }
  if (!embeds_ipv4) return out;
  *out++ = ':';
  return append_ipv4(static_cast<uint32_t>(ipv6.low), out);
}

}  // namespace

IpAddress IpAddress::unmapped() const {
  if (!is_ipv4() && high == 0 && (low >> 32) == 0xffff)
    return from_ipv4(static_cast<uint32_t>(low));
  return *this;
}

size_t IpAddress::format(char* out) const {
  char* const end = is_ipv4() ? append_ipv4(ipv4(), out) : append_ipv6(*this, out);
  *end = '\0';
  return static_cast<size_t>(end - out);
}

void IpAddress::write_network_bytes(unsigned char* out) const {
  const uint64_t words[2] = {htobe64(high), htobe64(low)};
  std::memcpy(out, words, sizeof words);
}

std::string IpAddress::to_string() const {
  char text[kTextSize];
  return {text, format(text)};
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  // inet_pton refuses leading zeros, zones, brackets and blanks, but wants a terminated string.
  char terminated[kTextSize];
  if (text.empty() || text.size() >= sizeof terminated) return std::nullopt;
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  std::memcpy(terminated, text.data(), text.size());
  terminated[text.size()] = '\0';
  unsigned char bytes[16];
  if (text.find(':') == std::string_view::npos) {
    if (::inet_pton(AF_INET, terminated, bytes) != 1) return std::nullopt;
    return from_ipv4((uint32_t{bytes[0]} << 24) | (uint32_t{bytes[1]} << 16) |
                     (uint32_t{bytes[2]} << 8) | bytes[3]);
  }
  if (::inet_pton(AF_INET6, terminated, bytes) != 1) return std::nullopt;
  return from_network_bytes(bytes);
}

std::optional<IpAddress> IpAddress::from_sockaddr(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    sockaddr_in ipv4;
    std::memcpy(&ipv4, address, sizeof ipv4);
    return from_ipv4(ntohl(ipv4.sin_addr.s_addr));
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 ipv6;
    std::memcpy(&ipv6, address, sizeof ipv6);
    return from_network_bytes(ipv6.sin6_addr.s6_addr);
  }
  return std::nullopt;
}

IpPrefix IpPrefix::of(IpAddress address, int length) {
  MIRROR_ASSERT(length >= 0 && length <= address.bit_count());
  const auto mask64 = [](int bits) {
    return bits <= 0 ? 0 : bits >= 64 ? ~uint64_t{0} : ~uint64_t{0} << (64 - bits);
  };
  if (address.is_ipv4()) {
    address.low &= mask64(length) >> 32;
  } else {
    address.high &= mask64(length);
    address.low &= mask64(length - 64);
  }
  return {address, static_cast<uint8_t>(length)};
}

std::optional<IpPrefix> IpPrefix::parse(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) {
    const auto address = IpAddress::parse(text);
    if (!address) return std::nullopt;
    return of(*address, address->bit_count());
  }
  auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) address = parse_padded_ipv4(text.substr(0, slash));
  const auto length_text = text.substr(slash + 1);
  const auto length = parse_uint64(length_text);
  if (!address || !length || length_text.size() > (address->is_ipv4() ? 2u : 3u))
    return std::nullopt;
  if (*length > static_cast<uint64_t>(address->bit_count())) return std::nullopt;
  return of(*address, static_cast<int>(*length));
}

bool IpPrefix::contains(const IpAddress& other) const {
  return other.family == address.family && of(other, length).address == address;
}

IpAddress IpPrefix::last() const {
  const auto host_bits = [](int bits) {
    return bits <= 0 ? 0 : bits >= 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1;
  };
  IpAddress end = address;
  const int bits = address.bit_count() - length;
  end.low |= host_bits(bits);
  if (!address.is_ipv4()) end.high |= host_bits(bits - 64);
  return end;
}

std::string IpPrefix::to_string() const {
  return fmt::format("{}/{}", address.to_string(), length);
}

}  // namespace mirror
