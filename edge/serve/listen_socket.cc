#include "edge/serve/listen_socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <utility>

#include "base/core/text.h"
#include "edge/serve/limits.h"

namespace mirror {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";

// A socket address of any kind with its size.
struct SocketAddress {
  union {
    sockaddr any;
    sockaddr_in ipv4;
    sockaddr_in6 ipv6;
    sockaddr_un local;
  };
  socklen_t size = 0;
};

SocketAddress make_ipv4(const ListenAddress& listen) {
  SocketAddress out{};
  out.ipv4.sin_family = AF_INET;
  out.ipv4.sin_port = htons(listen.port);
  out.ipv4.sin_addr.s_addr = htonl(listen.address.ipv4());
  out.size = sizeof out.ipv4;
  return out;
}

SocketAddress make_ipv6(const ListenAddress& listen) {
  SocketAddress out{};
  out.ipv6.sin6_family = AF_INET6;
  out.ipv6.sin6_port = htons(listen.port);
  listen.address.write_network_bytes(out.ipv6.sin6_addr.s6_addr);
  out.size = sizeof out.ipv6;
  return out;
}

std::string describe(const ListenAddress& listen) {
  return fmt::format("listen on {}", listen.url());
}

Result<SocketAddress> make_unix(const ListenAddress& listen) {
  SocketAddress out{};
  out.local.sun_family = AF_UNIX;
  if (listen.unix_path.size() >= sizeof out.local.sun_path) {
    return fail(ErrorKind::kInvalid, "{}: the path must have 1 to {} bytes", describe(listen),
                sizeof out.local.sun_path - 1);
  }
  std::memcpy(out.local.sun_path, listen.unix_path.c_str(), listen.unix_path.size() + 1);
  out.size = sizeof out.local;
  return out;
}

UniqueFd make_socket(int family) {
  return UniqueFd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

bool switch_on(const UniqueFd& fd, int level, int option, int value = 1) {
  return ::setsockopt(fd.get(), level, option, &value, sizeof value) == 0;
}

struct TcpOptions {
  bool share_port = false;
  bool ipv6_only = true;
};

Result<UniqueFd> bind_tcp(const ListenAddress& listen, const TcpOptions& options) {
  const bool ipv4 = listen.address.is_ipv4();
  const SocketAddress address = ipv4 ? make_ipv4(listen) : make_ipv6(listen);
  UniqueFd fd = make_socket(address.any.sa_family);
  if (!fd.valid() || !switch_on(fd, SOL_SOCKET, SO_REUSEADDR) ||
      (options.share_port && !switch_on(fd, SOL_SOCKET, SO_REUSEPORT)) ||
      (!ipv4 && !switch_on(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6_only ? 1 : 0))) {
    return fail_errno(errno, describe(listen));
  }
  if (::bind(fd.get(), &address.any, address.size) == 0) return fd;
  if (errno != EADDRINUSE) return fail_errno(errno, describe(listen));
  return fail(ErrorKind::kConflict,
              "{}: the port is in use by another process; stop it or give another port (--port)",
              describe(listen));
}

Result<UniqueFd> bind_unix(const ListenAddress& listen, uint32_t mode) {
  const std::string& path = listen.unix_path;
  MIRROR_TRY(const SocketAddress address, make_unix(listen));
  UniqueFd fd = make_socket(AF_UNIX);
  if (!fd.valid()) return fail_errno(errno, describe(listen));
  if (::bind(fd.get(), &address.any, address.size) != 0) {
    if (errno != EADDRINUSE) return fail_errno(errno, describe(listen));
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) {
      return fail(ErrorKind::kConflict, "{}: there is something that is no socket",
                  describe(listen));
    }
    const UniqueFd probe = make_socket(AF_UNIX);
    // EPROTOTYPE: a socket of another kind, which nobody asked to be removed.
    if (::connect(probe.get(), &address.any, address.size) == 0 || errno != ECONNREFUSED) {
      return fail(ErrorKind::kConflict, "{}: another process listens there", describe(listen));
    }
    if (::unlink(path.c_str()) != 0) return fail_errno(errno, fmt::format("remove {}", path));
    if (::bind(fd.get(), &address.any, address.size) != 0)
      return fail_errno(errno, describe(listen));
  }
  if (mode != 0 && ::chmod(path.c_str(), mode) != 0)
    return fail_errno(errno, fmt::format("permissions of {}", path));
  return fd;
}

Result<ListenSocket> wrap(UniqueFd fd, const ListenAddress& address, ListenRole role) {
  MIRROR_TRY(std::string url, url_of_socket(fd.get()));
  return ListenSocket{std::move(fd), role, std::move(url), address.unix_path};
}

Result<void> start_listening(const UniqueFd& fd, const ListenAddress& address) {
  if (::listen(fd.get(), kListenBacklog) != 0) return fail_errno(errno, describe(address));
  return {};
}

}  // namespace

std::string ListenAddress::url() const {
  if (!unix_path.empty()) return fmt::format("{}{}", kUnixPrefix, unix_path);
  return fmt::format(fmt::runtime(address.is_ipv4() ? "http://{}:{}" : "http://[{}]:{}"),
                     address.to_string(), port);
}

Result<std::string> url_of_socket(int fd) {
  SocketAddress address{};
  address.size = sizeof address.local;
  if (::getsockname(fd, &address.any, &address.size) != 0) return fail_errno(errno, "getsockname");
  ListenAddress listen;
  if (address.any.sa_family == AF_UNIX) {
    listen.unix_path.assign(address.local.sun_path,
                            ::strnlen(address.local.sun_path, sizeof address.local.sun_path));
    return listen.url();
  }
  const auto ip = IpAddress::from_sockaddr(&address.any);
  if (!ip) return fail(ErrorKind::kInvalid, "a socket of family {}", address.any.sa_family);
  listen.address = *ip;
  listen.port = ntohs(ip->is_ipv4() ? address.ipv4.sin_port : address.ipv6.sin6_port);
  return listen.url();
}

Result<ListenAddress> ListenAddress::parse(std::string_view text,
                                           std::optional<uint16_t> default_port) {
  if (text.starts_with(kUnixPrefix) && text.size() > kUnixPrefix.size())
    return ListenAddress{{}, 0, std::string(text.substr(kUnixPrefix.size()))};
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
  if (address && !has_port && !default_port)
    return fail(ErrorKind::kInvalid, "'{}' has no port: give ADDRESS:PORT",
                quote_for_message(text));
  std::optional<uint64_t> port = default_port;
  if (has_port) port = parse_uint64(port_text);
  if (!address || !port || *port > 65535 || (text.starts_with('[') && address->is_ipv4())) {
    return fail(ErrorKind::kInvalid,
                "'{}' is no address to listen on: give an IPv4 or IPv6 address (no name), with "
                "':PORT' if you like, such as 127.0.0.1:3000 or [::1]:3000, or unix:PATH",
                quote_for_message(text));
  }
  return ListenAddress{*address, static_cast<uint16_t>(*port), {}};
}

Result<ListenSocket> open_exclusive_socket(const ListenAddress& address, ListenRole role) {
  MIRROR_TRY(UniqueFd fd,
             address.unix_path.empty() ? bind_tcp(address, {}) : bind_unix(address, 0));
  return wrap(std::move(fd), address, role);
}

Result<std::vector<ListenSocket>> open_listen_sockets(const ListenAddress& address,
                                                      const ListenOptions& options) {
  std::vector<ListenSocket> sockets;
  if (!address.unix_path.empty()) {
    MIRROR_TRY(UniqueFd fd, bind_unix(address, options.unix_mode));
    MIRROR_CHECK(start_listening(fd, address));
    MIRROR_TRY(ListenSocket socket, wrap(std::move(fd), address, options.role));
    sockets.push_back(std::move(socket));
    return sockets;
  }
  ListenAddress chosen = address;
  if (address.port != 0) {
    MIRROR_TRY(const UniqueFd probe, bind_tcp(address, {false, options.ipv6_only}));
  }
  for (size_t i = 0; i < options.workers; ++i) {
    MIRROR_TRY(UniqueFd fd, bind_tcp(chosen, {true, options.ipv6_only}));
    MIRROR_CHECK(start_listening(fd, chosen));
    MIRROR_TRY(ListenSocket socket, wrap(std::move(fd), chosen, options.role));
    if (chosen.port == 0) {
      // The others share the port that the kernel chose.
      MIRROR_TRY(const auto bound,
                 ListenAddress::parse(socket.url.substr(std::strlen("http://")), 0));
      chosen.port = bound.port;
    }
    sockets.push_back(std::move(socket));
  }
  return sockets;
}

Result<std::vector<std::vector<ListenSocket>>> deal_out(std::vector<ListenSocket> sockets,
                                                        size_t workers) {
  std::map<std::pair<ListenRole, std::string>, std::vector<ListenSocket>> addresses;
  for (auto& socket : sockets) addresses[{socket.role, socket.url}].push_back(std::move(socket));
  std::vector<std::vector<ListenSocket>> dealt(workers);
  for (auto& [address, group] : addresses) {
    const size_t own = group.size();
    for (size_t i = own; i < workers; ++i) {
      const int shared = group[i % own].fd.get();
      UniqueFd copy(::fcntl(shared, F_DUPFD_CLOEXEC, 0));
      if (!copy.valid()) return fail_errno(errno, fmt::format("sharing {}", address.second));
      group.push_back({std::move(copy), address.first, address.second, {}});
    }
    for (size_t i = 0; i < group.size(); ++i) dealt[i % workers].push_back(std::move(group[i]));
  }
  return dealt;
}

}  // namespace mirror
