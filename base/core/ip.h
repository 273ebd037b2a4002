// IP addresses and prefixes as plain values.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

struct sockaddr;

namespace mirror {

// An IPv4 or IPv6 address. IPv4 lies in the low 32 bits of `low`. A value, 24 bytes.
struct IpAddress {
  enum class Family : uint8_t { kIpv4, kIpv6 };
  Family family = Family::kIpv4;
  uint64_t high = 0;
  uint64_t low = 0;

  auto operator<=>(const IpAddress&) const = default;

  [[nodiscard]] bool is_ipv4() const { return family == Family::kIpv4; }
  [[nodiscard]] int bit_count() const { return is_ipv4() ? 32 : 128; }
  [[nodiscard]] uint32_t ipv4() const { return static_cast<uint32_t>(low); }

  // ::ffff:a.b.c.d becomes a.b.c.d, everything else stays (RFC 4291 section 2.5.5.2).
  [[nodiscard]] IpAddress unmapped() const;

  // Canonical text (IPv6 per RFC 5952).
  [[nodiscard]] std::string to_string() const;
  // Writes the canonical text and returns its length; `out` has kTextSize bytes. Does not allocate.
  static constexpr size_t kTextSize = 46;
  size_t format(char* out) const;

  // The 16 bytes as they stand in packets and in in6_addr. REQUIRES: an IPv6 address.
  void write_network_bytes(unsigned char* out) const;

  // Strict: dotted quad without leading zeros, or IPv6 without brackets, zone or port. No blanks.
  [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);
  // Port is dropped. nullopt for families other than IPv4 and IPv6.
  [[nodiscard]] static std::optional<IpAddress> from_sockaddr(const sockaddr* address);
  [[nodiscard]] static IpAddress from_ipv4(uint32_t bits) { return {Family::kIpv4, 0, bits}; }
  [[nodiscard]] static IpAddress from_ipv6(uint64_t high, uint64_t low) {
    return {Family::kIpv6, high, low};
  }
};

// An address and a length; host bits are always zero.
struct IpPrefix {
  IpAddress address;
  uint8_t length = 0;

  auto operator<=>(const IpPrefix&) const = default;

  // Masks the host bits. REQUIRES: length <= address.bit_count().
  [[nodiscard]] static IpPrefix of(IpAddress address, int length);
  // `ADDRESS/LENGTH`; octets and length may have leading zeros and are read as decimal, host bits
  // are masked. A bare address is its own /32 or /128 and must be strict.
  [[nodiscard]] static std::optional<IpPrefix> parse(std::string_view text);

  [[nodiscard]] bool contains(const IpAddress& other) const;
  [[nodiscard]] IpAddress first() const { return address; }
  [[nodiscard]] IpAddress last() const;
  [[nodiscard]] std::string to_string() const;
};

}  // namespace mirror
