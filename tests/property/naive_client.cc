#include "tests/property/naive_client.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/core/text.h"

namespace mirror {

static std::optional<IpAddress> parse_hop(std::string_view hop) {
  hop = trim(hop);
  if (hop.starts_with('[')) {
    hop = hop.substr(1, hop.find(']') - 1);
  } else if (std::count(hop.begin(), hop.end(), ':') == 1) {
    hop = hop.substr(0, hop.find(':'));
  }
  const auto address = IpAddress::parse(hop);
  return address ? std::optional(address->unmapped()) : std::nullopt;
}

IpAddress NaiveClient::address() const {
  std::string chain;  // each line after a comma, so that its first element is empty and not a hop
  for (const std::string& line : forwarded_for) chain += "," + line;
  auto hops = split(chain, ',');
  IpAddress client = peer.unmapped();
  while (hops.size() > 1) {
    const bool is_trusted =
        std::any_of(trusted.begin(), trusted.end(),
                    [&](const IpPrefix& prefix) { return prefix.contains(client); });
    const auto hop = parse_hop(hops.back());
    if (!is_trusted || !hop) break;
    client = *hop;
    hops.pop_back();
  }
  return client;
}

}  // namespace mirror
