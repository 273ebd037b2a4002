// The admin listener: a few requests a minute from operators and load balancers, on the control
// thread. TCP or a unix socket; one request a connection. May allocate and take its time, unlike
// the workers.
#pragma once

#include <uv.h>

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "base/core/clock.h"
#include "base/core/error.h"
#include "edge/http/http_connection.h"
#include "edge/serve/admin_reply.h"
#include "edge/serve/limits.h"
#include "edge/serve/listen_socket.h"
#include "edge/serve/uv_owner.h"

namespace mirror {

class AdminServer {
 public:
  struct Callbacks {
    std::function<AdminReply(std::string_view target)> answer;
    std::function<uint64_t()> generation;  // X-Mirrorlist-Generation of all answers; 0: none
  };

  // `socket`: of role kAdmin. Listens at once. `limits`: of requests.
  [[nodiscard]] static Result<std::unique_ptr<AdminServer>> open(uv_loop_t* loop,
                                                                 ListenSocket socket,
                                                                 const RequestLimits& limits,
                                                                 const Clock& clock,
                                                                 Callbacks callbacks);
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  // Accepts nobody any more; who is being answered still is.
  void stop_listening();

  // "http://127.0.0.1:3001" or "unix:/run/mirror-edge.sock"
  [[nodiscard]] const std::string& url() const { return socket_.url; }
  // Borrowed: what is handed over to a successor.
  [[nodiscard]] const ListenSocket& socket() const { return socket_; }

 private:
  // libuv's pipe handle is a plain stream over a descriptor; it serves both kinds of sockets.
  struct Client;

  AdminServer(uv_loop_t* loop, const RequestLimits& limits, const Clock& clock,
              Callbacks callbacks);
  [[nodiscard]] Result<void> listen(ListenSocket socket);
  void on_connection(int status);
  void on_read(Client* client, ssize_t count);
  void reply(Client* client, const AdminReply& reply, bool head_only);
  void remove(Client* client);
  void sweep();

  uv_loop_t* const loop_;
  const RequestLimits limits_;
  const Clock& clock_;
  const Callbacks callbacks_;
  ListenSocket socket_;
  UvOwner<uv_pipe_t> listener_;
  UvOwner<uv_timer_t> timer_;
  std::list<std::unique_ptr<Client>> clients_;
};

}  // namespace mirror
