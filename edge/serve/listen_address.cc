#include "edge/serve/listen_address.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/core/text.h"
#include "edge/serve/limits.h"

namespace mirror {
namespace {

union SocketAddress {
  sockaddr any;
  sockaddr_in ipv4;
  sockaddr_in6 ipv6;
};

socklen_t fill(const ListenAddress& listen, SocketAddress* out) {
  std::memset(out, 0, sizeof *out);
  if (listen.address.is_ipv4()) {
    out->ipv4.sin_family = AF_INET;
    out->ipv4.sin_port = htons(listen.port);
    out->ipv4.sin_addr.s_addr = htonl(listen.address.ipv4());
    return sizeof out->ipv4;
  }
  out->ipv6.sin6_family = AF_INET6;
  out->ipv6.sin6_port = htons(listen.port);
  for (int i = 0; i < 16; ++i) {
    const uint64_t word = i < 8 ? listen.address.high : listen.address.low;
    out->ipv6.sin6_addr.s6_addr[i] = static_cast<uint8_t>(word >> (56 - 8 * (i % 8)));
  }
  return sizeof out->ipv6;
}

Result<UniqueFd> bind_socket(const ListenAddress& listen, bool share_port) {
  const auto what = fmt::format("listen on {}", listen.to_string());
  UniqueFd fd(::socket(listen.address.is_ipv4() ? AF_INET : AF_INET6,
                       SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return fail_errno(errno, what);
  const int on = 1;
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
    return fail_errno(errno, what);
  if (share_port && ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) {
    return fail_errno(errno, what);
  }
  SocketAddress address;
  const socklen_t size = fill(listen, &address);
  if (::bind(fd.get(), &address.any, size) == 0) return fd;
  if (errno != EADDRINUSE) return fail_errno(errno, what);
  return fail(ErrorKind::kConflict,
              "{}: the port is in use by another process; stop it or give another port (--port)",
              what);
}

Result<uint16_t> port_of(const UniqueFd& fd) {
  SocketAddress address;
  socklen_t size = sizeof address;
  if (::getsockname(fd.get(), &address.any, &size) != 0) return fail_errno(errno, "getsockname");
  return ntohs(address.any.sa_family == AF_INET ? address.ipv4.sin_port : address.ipv6.sin6_port);
}

}  // namespace

std::string ListenAddress::to_string() const {
  return fmt::format(fmt::runtime(address.is_ipv4() ? "{}:{}" : "[{}]:{}"), address.to_string(),
                     port);
}

Result<ListenAddress> ListenAddress::parse(std::string_view text, uint16_t default_port) {
  std::string_view host = text;
  std::string_view port_text;
  bool has_port = false;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    host = text.substr(1, end == std::string_view::npos ? end : end - 1);
    const auto rest = end == std::string_view::npos ? std::string_view("?") : text.substr(end + 1);
    has_port = !rest.empty();
    if (has_port) port_text = rest.starts_with(':') ? rest.substr(1) : "?";
  } else if (const auto colon = text.find(':');
             colon != std::string_view::npos && colon == text.rfind(':')) {
    host = text.substr(0, colon);
    port_text = text.substr(colon + 1);
    has_port = true;
  }
  const auto address = IpAddress::parse(host);
  const auto port = has_port ? parse_uint64(port_text) : default_port;
  if (!address || !port || *port > 65535 || (text.starts_with('[') && address->is_ipv4())) {
    return fail(ErrorKind::kInvalid,
                "'{}' is no address to listen on: give an IPv4 or IPv6 address (no name), with "
                "':PORT' if you "
                "like, such as 127.0.0.1:3000 or [::1]:3000",
                quote_for_message(text));
  }
  return ListenAddress{*address, static_cast<uint16_t>(*port)};
}

Result<UniqueFd> open_exclusive_socket(ListenAddress* address) {
  MIRROR_TRY(UniqueFd fd, bind_socket(*address, false));
  MIRROR_TRY(address->port, port_of(fd));
  return fd;
}

Result<UniqueFd> open_unix_socket(const std::string& path) {
  const auto what = fmt::format("listen on unix:{}", path);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return fail(ErrorKind::kInvalid, "{}: the path must have 1 to {} bytes", what,
                sizeof address.sun_path - 1);
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const auto* any = reinterpret_cast<const sockaddr*>(&address);
  const auto make = [] {
    return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  };
  UniqueFd fd = make();
  if (!fd.valid()) return fail_errno(errno, what);
  if (::bind(fd.get(), any, sizeof address) == 0) return fd;
  if (errno != EADDRINUSE) return fail_errno(errno, what);
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) {
    return fail(ErrorKind::kConflict, "{}: there is something that is no socket", what);
  }
  const UniqueFd probe = make();
  if (::connect(probe.get(), any, sizeof address) == 0 || errno != ECONNREFUSED) {
    return fail(ErrorKind::kConflict, "{}: another process listens there", what);
  }
  if (::unlink(path.c_str()) != 0) return fail_errno(errno, fmt::format("remove {}", path));
  if (::bind(fd.get(), any, sizeof address) != 0) return fail_errno(errno, what);
  return fd;
}

Result<ListenSockets> open_listen_sockets(const ListenAddress& address, size_t workers) {
  ListenSockets listen{address, {}};
  if (address.port != 0) {
    MIRROR_TRY(const UniqueFd probe, bind_socket(address, false));
  }
  for (size_t i = 0; i < workers; ++i) {
    MIRROR_TRY(UniqueFd fd, bind_socket(listen.address, true));
    if (listen.address.port == 0) {
      MIRROR_TRY(listen.address.port, port_of(fd));
    }
    if (::listen(fd.get(), kListenBacklog) != 0)
      return fail_errno(errno, fmt::format("listen on {}", listen.address.to_string()));
    listen.sockets.push_back(std::move(fd));
  }
  return listen;
}

}  // namespace mirror
