// Where the edge listens: reading addresses from the command line, making the sockets, and dealing
// them out to workers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/error.h"
#include "base/core/ip.h"
#include "base/core/unique_fd.h"

namespace mirror {

struct ListenAddress {
  IpAddress address;
  uint16_t port = 0;      // 0: the kernel chooses
  std::string unix_path;  // not empty: a unix socket, the rest does not count

  // "http://192.0.2.1:80", "http://[2001:db8::1]:80" or "unix:/run/edge.sock"
  [[nodiscard]] std::string url() const;

  // ADDRESS, ADDRESS:PORT, [IPv6], [IPv6]:PORT or unix:PATH; an IPv6 address without brackets has
  // no port. Without a default port a TCP address must have one.
  [[nodiscard]] static Result<ListenAddress> parse(std::string_view text,
                                                   std::optional<uint16_t> default_port);
};

// What connects there.
enum class ListenRole : uint8_t {
  kClients,
  kProxies,   // each connection begins with a PROXY header
  kAdmin,     // the admin listener
  kHandOver,  // the process that takes over
};

// A socket that is bound, and listens if it is for clients or proxies.
struct ListenSocket {
  UniqueFd fd;
  ListenRole role = ListenRole::kClients;
  std::string url;
  // The path of a unix socket that goes when the process ends; "" if there is none, or it is
  // somebody else's.
  std::string owned_path;
};

// One socket for each worker for a TCP address, with SO_REUSEPORT; one for all for a unix socket.
// All of them listen.
//
// For TCP a bind without SO_REUSEPORT is tried first: with it a second process would bind without
// an error and take half of the requests. It fails only where somebody listens, so that these
// sockets listen at once and not when the snapshot is loaded; clients wait until then.
struct ListenOptions {
  ListenRole role = ListenRole::kClients;
  size_t workers = 1;
  bool ipv6_only = true;   // otherwise `::` takes IPv4 clients as well
  uint32_t unix_mode = 0;  // permissions of a unix socket; 0: as the umask says
};
[[nodiscard]] Result<std::vector<ListenSocket>> open_listen_sockets(const ListenAddress& address,
                                                                    const ListenOptions& options);

// A bound socket that shares its address with nobody. What an ended process has left at the path of
// a unix socket is removed, a living one keeps it.
[[nodiscard]] Result<ListenSocket> open_exclusive_socket(const ListenAddress& address,
                                                         ListenRole role);

// The address to which a socket is bound.
[[nodiscard]] Result<std::string> url_of_socket(int fd);

// Which sockets each worker accepts from. Every socket gets at least one worker, and every worker a
// socket of each address: sockets of one address are dealt out in turn, and shared where there are
// fewer than workers.
[[nodiscard]] Result<std::vector<std::vector<ListenSocket>>> deal_out(
    std::vector<ListenSocket> sockets, size_t workers);

}  // namespace mirror
