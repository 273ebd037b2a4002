#include "edge/answer/client_address.h"

#include <algorithm>
#include <optional>

#include "base/core/text.h"

namespace mirror {
namespace {

// An element of X-Forwarded-For: ADDRESS, IPV4:PORT, [ADDRESS] or [ADDRESS]:PORT. What stands for a
// port is not looked at.
std::optional<IpAddress> parse_hop(std::string_view text) {
  text = trim(text);
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    const std::string_view rest = text.substr(close + 1);
    if (!rest.empty() && !rest.starts_with(':')) return std::nullopt;
    text = text.substr(1, close - 1);
  } else if (const size_t colon = text.find(':');
             colon != std::string_view::npos &&
             text.find(':', colon + 1) == std::string_view::npos) {
    text = text.substr(0, colon);
  }
  const auto address = IpAddress::parse(text);
  if (!address) return std::nullopt;
  return address->unmapped();
}

}  // namespace

bool TrustedProxies::contains(const IpAddress& address) const {
  return std::any_of(prefixes_.begin(), prefixes_.end(),
                     [&](const IpPrefix& prefix) { return prefix.contains(address); });
}

IpAddress resolve_client(const Peer& peer, std::span<const std::string_view> forwarded_for,
                         const TrustedProxies& trusted) {
  IpAddress client = peer.address.unmapped();
  bool is_trusted = peer.is_local || trusted.contains(client);
  for (size_t line = forwarded_for.size(); line > 0; --line) {
    std::string_view rest = forwarded_for[line - 1];
    for (bool more = true; more;) {
      if (!is_trusted) return client;
      const size_t comma = rest.rfind(',');
      more = comma != std::string_view::npos;
      const auto hop = parse_hop(more ? rest.substr(comma + 1) : rest);
      if (!hop) return client;
      client = *hop;
      is_trusted = trusted.contains(client);
      if (more) rest = rest.substr(0, comma);
    }
  }
  return client;
}

}  // namespace mirror
