#include "edge/serve/edge_sockets.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "edge/serve/service_manager.h"

namespace mirror {
namespace {

// Port 0 of an address stands for any port.
bool is_at(const ListenSocket& socket, const ListenAddress& address) {
  const std::string url = address.url();
  if (!address.unix_path.empty() || address.port != 0) return socket.url == url;
  return std::string_view(socket.url).substr(0, socket.url.rfind(':') + 1) ==
         std::string_view(url).substr(0, url.rfind(':') + 1);
}

bool is_listened_on(const std::vector<ListenSocket>& sockets, const SocketOptions::Listen& wanted) {
  return std::ranges::any_of(sockets, [&](const ListenSocket& socket) {
    return socket.role == wanted.role && is_at(socket, wanted.address);
  });
}

// Deals out what the process before had.
Result<void> take_over(const SocketOptions& options, const Log& log, EdgeSockets* sockets) {
  if (!options.take_over) return {};
  MIRROR_TRY(sockets->take_over, TakeOver::begin(options.hand_over));
  if (sockets->take_over == nullptr) {
    log.info("no edge runs at {}: starting afresh", options.hand_over);
    return {};
  }
  for (ListenSocket& socket : sockets->take_over->take_sockets()) {
    if (socket.role == ListenRole::kAdmin) {
      sockets->admin = std::move(socket);
    } else if (socket.role == ListenRole::kHandOver) {
      sockets->hand_over = std::move(socket);
    } else {
      sockets->served.push_back(std::move(socket));
    }
  }
  for (const ListenSocket& socket : sockets->served) {
    const bool wanted = std::ranges::any_of(options.listen, [&](const auto& listen) {
      return listen.role == socket.role && is_at(socket, listen.address);
    });
    if (!wanted && !options.listen.empty()) {
      log.warning("{} is taken over, although no option names it; a restart would end it",
                  socket.url);
    }
  }
  log.info("{} sockets are taken over", sockets->served.size());
  return {};
}

Result<void> open_missing(const SocketOptions& options, const SocketOptions::Listen& wanted,
                          size_t workers, std::vector<ListenSocket>* sockets) {
  if (is_listened_on(*sockets, wanted)) return {};
  ListenOptions how;
  how.role = wanted.role;
  how.workers = workers;
  how.unix_mode = options.mode;
  // `::` takes IPv4 clients as well, unless there is a listener of their own.
  how.ipv6_only = std::ranges::any_of(options.listen, [&](const auto& other) {
    return other.address.unix_path.empty() && other.address.address.is_ipv4() &&
           other.address.port == wanted.address.port;
  });
  MIRROR_TRY(auto opened, open_listen_sockets(wanted.address, how));
  std::ranges::move(opened, std::back_inserter(*sockets));
  return {};
}

Result<void> open_admin(const SocketOptions& options, ListenSocket* admin) {
  if (options.admin.empty()) {
    *admin = {};
    return {};
  }
  const auto address = ListenAddress::parse(options.admin, std::nullopt);
  if (!address) return with_context(address.error(), "--admin");
  if (admin->fd.valid() && is_at(*admin, *address)) return {};
  MIRROR_TRY(*admin, open_exclusive_socket(*address, ListenRole::kAdmin));
  return {};
}

Result<void> open_hand_over(const SocketOptions& options, ListenSocket* hand_over) {
  if (options.hand_over.empty()) {
    *hand_over = {};
  } else if (!hand_over->fd.valid()) {
    MIRROR_TRY(*hand_over, open_hand_over_socket(options.hand_over));
  }
  return {};
}

}  // namespace

Result<EdgeSockets> open_edge_sockets(const SocketOptions& options, size_t workers,
                                      const Log& log) {
  EdgeSockets sockets;
  MIRROR_TRY(auto passed, take_passed_sockets());
  MIRROR_CHECK(take_over(options, log, &sockets));
  // The process before may have got the same ones from the service manager.
  std::erase_if(passed, [&](const ListenSocket& socket) {
    return std::ranges::any_of(sockets.served, [&](const ListenSocket& other) {
      return other.role == socket.role && other.url == socket.url;
    });
  });
  std::ranges::move(passed, std::back_inserter(sockets.served));
  for (const auto& wanted : options.listen)
    MIRROR_CHECK(open_missing(options, wanted, workers, &sockets.served));
  if (options.listen.empty() && sockets.served.empty()) {
    MIRROR_CHECK(
        open_missing(options, {options.fallback, ListenRole::kClients}, workers, &sockets.served));
  }
  MIRROR_CHECK(open_admin(options, &sockets.admin));
  MIRROR_CHECK(open_hand_over(options, &sockets.hand_over));
  return sockets;
}

std::vector<std::string> EdgeSockets::owned_paths() const {
  std::vector<std::string> paths;
  const auto add = [&paths](const ListenSocket& socket) {
    if (!socket.owned_path.empty()) paths.push_back(socket.owned_path);
  };
  std::ranges::for_each(served, add);
  add(admin);
  add(hand_over);
  return paths;
}

std::vector<std::string> EdgeSockets::urls() const {
  std::vector<std::string> urls;
  for (const ListenSocket& socket : served) {
    if (std::ranges::find(urls, socket.url) == urls.end()) urls.push_back(socket.url);
  }
  return urls;
}

}  // namespace mirror
