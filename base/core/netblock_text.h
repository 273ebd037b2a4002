// What people type into host_netblock, and into a mirrors file: a prefix, an address, an address
// with a netmask, or a host name. Rules: compiler inputs of MirrorManager, with its crashes and its
// octal readings mended (C-10, C-11).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/core/ip.h"

namespace mirror {

struct NetblockName {
  std::string name;  // in lower case, without a dot at its end
};
struct NetblockFault {
  std::string_view reason;  // a fixed text
};
using NetblockText = std::variant<IpPrefix, NetblockName, NetblockFault>;

// `names` false: whatever is not a prefix or an address is a fault.
[[nodiscard]] NetblockText parse_netblock(std::string_view text, bool names);

// Why a prefix is not taken, or why it deserves a look: a typo must not capture the world (C-09).
enum class PrefixWidth { kFine, kSuspicious, kAll };
[[nodiscard]] PrefixWidth width_of(const IpPrefix& prefix);

}  // namespace mirror
