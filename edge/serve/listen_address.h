// Where the edge listens: reading addresses from the command line and making the sockets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/error.h"
#include "base/core/ip.h"
#include "base/core/unique_fd.h"

namespace mirror {

struct ListenAddress {
  IpAddress address;
  uint16_t port = 0;  // 0: the kernel chooses

  // "192.0.2.1:80" or "[2001:db8::1]:80"
  [[nodiscard]] std::string to_string() const;

  // ADDRESS, ADDRESS:PORT, [IPv6] or [IPv6]:PORT; an IPv6 address without brackets has no port.
  [[nodiscard]] static Result<ListenAddress> parse(std::string_view text, uint16_t default_port);
};

// A bound TCP socket that shares its port with nobody. `address` gets the port that the kernel
// chose.
[[nodiscard]] Result<UniqueFd> open_exclusive_socket(ListenAddress* address);
// A bound unix socket. What an ended process has left at the path is removed, a living one keeps
// it.
[[nodiscard]] Result<UniqueFd> open_unix_socket(const std::string& path);

// The sockets of one address, with SO_REUSEPORT, one for each worker; all of them listen.
struct ListenSockets {
  ListenAddress address;  // with the port that the kernel chose
  std::vector<UniqueFd> sockets;
};

// Probes with a bind without SO_REUSEPORT first: with it a second process would bind without an
// error and take half of the requests. The probe fails only where somebody listens, so that these
// sockets listen at once and not when the snapshot is loaded; clients wait until then.
[[nodiscard]] Result<ListenSockets> open_listen_sockets(const ListenAddress& address,
                                                        size_t workers);

}  // namespace mirror
