#include "base/core/netblock_text.h"

#include <algorithm>
#include <bit>

#include "base/core/text.h"

namespace mirror {
namespace {

constexpr size_t kNameSizeMax = 253;  // RFC 1035 section 2.3.4, without the root's dot
constexpr size_t kLabelSizeMax = 63;
constexpr int kNarrowEnough4 = 8;
constexpr int kNarrowEnough6 = 16;

// The length of a contiguous mask.
std::optional<int> mask_length(const IpAddress& mask) {
  const int ones = std::popcount(mask.high) + std::popcount(mask.low);
  const auto all = mask.is_ipv4() ? IpAddress::from_ipv4(~uint32_t{0})
                                  : IpAddress::from_ipv6(~uint64_t{0}, ~uint64_t{0});
  if (IpPrefix::of(all, ones).address != mask) return std::nullopt;
  return ones;
}

bool is_label(std::string_view label) {
  if (label.empty() || label.size() > kLabelSizeMax || label.front() == '-' || label.back() == '-')
    return false;
  return std::ranges::all_of(label, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

// A resolver reads "010.0.0.1" as octal and "10.1" or "0x7f.1" as short forms of addresses; no
// top-level domain begins with a digit, so what ends in such a label is not a name.
bool is_host_name(std::string_view name) {
  if (name.empty() || name.size() > kNameSizeMax) return false;
  const auto labels = split(name, '.');
  const char first = labels.back().empty() ? '0' : labels.back().front();
  if (first >= '0' && first <= '9') return false;
  return std::ranges::all_of(labels, is_label);
}

NetblockText parse_name(std::string_view text) {
  std::string name(text.ends_with('.') ? text.substr(0, text.size() - 1) : text);
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (!is_host_name(name))
    return NetblockFault{"is neither a prefix nor an address nor a host name"};
  return NetblockName{std::move(name)};
}

}  // namespace

NetblockText parse_netblock(std::string_view text, bool names) {
  text = trim(text);
  if (text.empty()) return NetblockFault{"is empty"};
  if (const auto prefix = IpPrefix::parse(text)) return *prefix;
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) {
    return names ? parse_name(text) : NetblockFault{"is neither a prefix nor an address"};
  }
  if (text.find('/', slash + 1) != std::string_view::npos)
    return NetblockFault{"has more than one slash"};
  const auto address = IpAddress::parse(text.substr(0, slash));
  const auto mask = IpAddress::parse(text.substr(slash + 1));
  if (!address || !mask) return NetblockFault{"is not a prefix"};
  // The netmask may be of the other family: 10.1.2.3/ffff:: has always been 10.1.2.3/16.
  const auto length = mask_length(*mask);
  if (!length) return NetblockFault{"has a netmask with holes"};
  if (*length > address->bit_count()) return NetblockFault{"has a netmask that is too long"};
  return IpPrefix::of(*address, *length);
}

PrefixWidth width_of(const IpPrefix& prefix) {
  if (prefix.length == 0) return PrefixWidth::kAll;
  return prefix.length < (prefix.address.is_ipv4() ? kNarrowEnough4 : kNarrowEnough6)
             ? PrefixWidth::kSuspicious
             : PrefixWidth::kFine;
}

}  // namespace mirror
