// All listening sockets of an edge, wherever they come from: the process whose place it takes, then
// what the service manager has opened, then what is missing of the options. Each address is
// listened on once.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/core/error.h"
#include "base/core/log.h"
#include "edge/serve/hand_over.h"
#include "edge/serve/listen_socket.h"

namespace mirror {

struct SocketOptions {
  struct Listen {
    ListenAddress address;
    ListenRole role = ListenRole::kClients;
  };
  std::vector<Listen> listen;
  // Where to listen if nothing is given and nothing is passed on.
  ListenAddress fallback;
  uint32_t mode = 0;      // permissions of unix sockets; 0: as the umask says
  std::string admin;      // ADDRESS:PORT or unix:PATH; "": none
  std::string hand_over;  // path of the socket for whoever takes over; "": none
  bool take_over = false;
};

struct EdgeSockets {
  std::vector<ListenSocket> served;  // for clients and proxies; they listen
  ListenSocket admin;                // without a descriptor if there is none
  ListenSocket hand_over;            // likewise
  // The process whose place is taken, which waits to hear that this one answers; null if there is
  // none.
  std::unique_ptr<TakeOver> take_over;

  // Paths of unix sockets that go when the process ends.
  [[nodiscard]] std::vector<std::string> owned_paths() const;
  [[nodiscard]] std::vector<std::string> urls() const;  // of `served`, each once
};

// `workers`: how many sockets a TCP address gets that is opened afresh.
[[nodiscard]] Result<EdgeSockets> open_edge_sockets(const SocketOptions& options, size_t workers,
                                                    const Log& log);

}  // namespace mirror
