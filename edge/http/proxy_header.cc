#include "edge/http/proxy_header.h"

#include <algorithm>

#include "base/core/text.h"

namespace mirror {
namespace {

using Outcome = ProxyHeaderOutcome;

constexpr std::string_view kSignature1 = "PROXY ";
constexpr std::string_view kSignature2("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr size_t kLineSizeMax = 107;
constexpr size_t kFixedSize = 16;  // of version 2: signature, version and command, family, length

uint8_t byte_at(std::string_view bytes, size_t at) { return static_cast<uint8_t>(bytes[at]); }

uint64_t big_endian(std::string_view bytes) {
  uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<uint8_t>(c);
  return value;
}

bool is_port(std::string_view text) {
  const auto port = parse_uint64(text);
  return port && *port <= 65535;
}

// Cuts the next word off, which ends at a blank or with the text.
std::string_view take_word(std::string_view* text) {
  const size_t blank = text->find(' ');
  const auto word = text->substr(0, blank);
  text->remove_prefix(blank == std::string_view::npos ? text->size() : blank + 1);
  return word;
}

// `TCP4 SOURCE DESTINATION PORT PORT`, `TCP6 ...`, or `UNKNOWN` and anything.
Outcome read_line(std::string_view line, ProxyHeader* header) {
  const auto family = take_word(&line);
  if (family == "UNKNOWN") return Outcome::kHeader;
  if (family != "TCP4" && family != "TCP6") return Outcome::kMalformed;
  const auto source = IpAddress::parse(take_word(&line));
  const auto destination = IpAddress::parse(take_word(&line));
  const bool ipv4 = family == "TCP4";
  if (!source || !destination || source->is_ipv4() != ipv4 || destination->is_ipv4() != ipv4)
    return Outcome::kMalformed;
  const auto source_port = take_word(&line);
  if (!is_port(source_port) || !is_port(line)) return Outcome::kMalformed;
  header->client = source;
  return Outcome::kHeader;
}

Outcome parse_version_1(std::string_view bytes, ProxyHeader* header) {
  const auto within = bytes.substr(0, kLineSizeMax);
  const size_t end = within.find("\r\n");
  if (end == std::string_view::npos)
    return bytes.size() < kLineSizeMax ? Outcome::kIncomplete : Outcome::kMalformed;
  header->size = end + 2;
  return read_line(within.substr(kSignature1.size(), end - kSignature1.size()), header);
}

Outcome read_addresses(uint8_t family, std::string_view addresses, ProxyHeader* header) {
  constexpr uint8_t kTcp4 = 0x11;
  constexpr uint8_t kTcp6 = 0x21;
  constexpr size_t kTcp4Size = 12;
  constexpr size_t kTcp6Size = 36;
  if (family == kTcp4) {
    if (addresses.size() < kTcp4Size) return Outcome::kMalformed;
    header->client =
        IpAddress::from_ipv4(static_cast<uint32_t>(big_endian(addresses.substr(0, 4))));
  } else if (family == kTcp6) {
    if (addresses.size() < kTcp6Size) return Outcome::kMalformed;
    header->client = IpAddress::from_ipv6(big_endian(addresses.substr(0, 8)),
                                          big_endian(addresses.substr(8, 8)));
  }
  // Other families (unspecified, datagrams, unix sockets) have no address that could count here.
  return Outcome::kHeader;
}

Outcome parse_version_2(std::string_view bytes, ProxyHeader* header) {
  constexpr uint8_t kLocal = 0x20;  // version 2 and the command
  constexpr uint8_t kProxy = 0x21;
  if (bytes.size() < kFixedSize) return Outcome::kIncomplete;
  const uint8_t command = byte_at(bytes, 12);
  if (command != kLocal && command != kProxy) return Outcome::kMalformed;
  const auto rest = static_cast<size_t>(big_endian(bytes.substr(14, 2)));
  header->size = kFixedSize + rest;
  if (header->size > kProxyHeaderSizeMax) return Outcome::kMalformed;
  if (bytes.size() < header->size) return Outcome::kIncomplete;
  if (command == kLocal) return Outcome::kHeader;
  return read_addresses(byte_at(bytes, 13), bytes.substr(kFixedSize, rest), header);
}

bool begins_like(std::string_view bytes, std::string_view signature) {
  const size_t size = std::min(bytes.size(), signature.size());
  return bytes.substr(0, size) == signature.substr(0, size);
}

}  // namespace

ProxyHeaderOutcome parse_proxy_header(std::string_view bytes, ProxyHeader* header) {
  *header = {};
  const bool text = begins_like(bytes, kSignature1);
  if (!text && !begins_like(bytes, kSignature2)) return Outcome::kMalformed;
  if (bytes.size() < (text ? kSignature1 : kSignature2).size()) return Outcome::kIncomplete;
  return text ? parse_version_1(bytes, header) : parse_version_2(bytes, header);
}

}  // namespace mirror
