// How a running edge hands its sockets to the one that takes its place, so that no connection is
// lost while the program is replaced. The new process connects to a unix socket of the old one and
// gets every listening descriptor (SCM_RIGHTS, unix(7)). From then on both hold the same sockets;
// whoever accepts first has the connection. The new one reports when it answers; only then the old
// one stops accepting and drains. If the new one ends before, nothing has happened.
//
// Messages of a SOCK_SEQPACKET socket, each a line of text:
// clang-format off
//   old: mirror-edge-hand-over 1 COUNT
//   old: ROLE PATH                  COUNT times, a descriptor with each; PATH of a unix socket that
//                                   it owns, or nothing
//   new: ready
//   old: done                       it stops accepting
// or, in place of its next message,
//   old: refused: WHY               the new one must end
//   old: ending                     it ends anyway: the new one goes on with the sockets
// clang-format on
//
// Only a process of the same user or of root is answered. Each side gives the other a limited time.
#pragma once

#include <uv.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/core/error.h"
#include "base/core/log.h"
#include "edge/serve/limits.h"
#include "edge/serve/listen_socket.h"
#include "edge/serve/uv_owner.h"

namespace mirror {

// The old one's side; lives on the control thread.
class HandOverServer {
 public:
  struct Callbacks {
    // What is handed over: borrowed descriptors.
    struct Socket {
      int fd = -1;
      ListenRole role = ListenRole::kClients;
      std::string owned_path;
    };
    std::function<std::vector<Socket>()> sockets;
    // The successor answers: stop accepting. Called once, and must not destroy the server.
    std::function<void()> taken;
  };
  // `socket`: bound to the path, of role kHandOver. `loop`, `log` must outlive the object.
  [[nodiscard]] static Result<std::unique_ptr<HandOverServer>> open(uv_loop_t* loop,
                                                                    ListenSocket socket,
                                                                    const Log& log,
                                                                    Callbacks callbacks);
  // This process ends by itself: whoever has the sockets already goes on with them. True if
  // somebody has.
  [[nodiscard]] bool end();
  ~HandOverServer();
  HandOverServer(const HandOverServer&) = delete;
  HandOverServer& operator=(const HandOverServer&) = delete;

  [[nodiscard]] const ListenSocket& socket() const { return socket_; }

 private:
  HandOverServer(uv_loop_t* loop, ListenSocket socket, const Log& log, Callbacks callbacks);
  void on_connection();
  [[nodiscard]] Result<void> give(int fd);
  void on_message();
  void drop(std::string_view why);
  void refuse(int fd, std::string_view why);

  uv_loop_t* const loop_;
  const Log& log_;
  const Callbacks callbacks_;
  ListenSocket socket_;
  UvOwner<uv_poll_t> listener_;
  // The process that is taking over; one at a time.
  UniqueFd successor_;
  UvOwner<uv_poll_t> successor_poll_;
  UvOwner<uv_timer_t> timer_;
};

// A bound socket of the kind that HandOverServer takes, for `path`, which only this user may open.
[[nodiscard]] Result<ListenSocket> open_hand_over_socket(const std::string& path);

// The new one's side. Blocks, for a limited time: `timeout_ms` for each step.
class TakeOver {
 public:
  // nullptr if nobody listens at `path`: then there is nothing to take over.
  [[nodiscard]] static Result<std::unique_ptr<TakeOver>> begin(
      const std::string& path, uint64_t timeout_ms = kHandOverTimeoutMs);

  // What the old one had, all of it.
  [[nodiscard]] std::vector<ListenSocket> take_sockets() { return std::move(sockets_); }
  // Tells the old one that this process answers now, and waits until it has heard it. An error if
  // the old one serves on, so that this process must end; none if it ends, or has ended, whatever
  // it says.
  [[nodiscard]] Result<void> report_ready();

 private:
  TakeOver() = default;
  [[nodiscard]] Result<void> receive_sockets();

  UniqueFd fd_;
  std::vector<ListenSocket> sockets_;
};

}  // namespace mirror
