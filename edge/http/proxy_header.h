// The header with which a proxy says for whom it connects: the PROXY protocol of HAProxy, version 1
// (text) and 2 (binary), as doc/proxy-protocol.txt of HAProxy specifies it. It stands once, before
// the first byte of a connection. Whether a connection begins with one is a matter of
// configuration, never guessed: otherwise a client could say who it is.
//
// A pure function over hostile bytes; does not allocate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/core/ip.h"

namespace mirror {

// The longest header that is taken, with its extensions (version 2); version 1 has at most 107
// bytes. A read buffer must hold it.
inline constexpr size_t kProxyHeaderSizeMax = 2048;

struct ProxyHeader {
  // Who connected to the proxy, as it was sent. None: the proxy connects for itself (LOCAL,
  // UNKNOWN), or the client has no IP address, and the address of the connection counts.
  std::optional<IpAddress> client;
  size_t size = 0;  // what follows is the first request
};

enum class ProxyHeaderOutcome : uint8_t {
  kIncomplete,  // more bytes are needed
  kHeader,      // `header` is filled
  kMalformed,   // the connection must be closed
};

// `bytes` begin with the first byte of the connection.
[[nodiscard]] ProxyHeaderOutcome parse_proxy_header(std::string_view bytes, ProxyHeader* header);

}  // namespace mirror
