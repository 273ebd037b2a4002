// mirror-edge as a whole: the control thread with its signals, watches, timers and admin listener,
// the workers, the publisher and the access log. run() is the control thread; everything else that
// this file names is called from it.
#pragma once

#include <sys/types.h>
#include <uv.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/core/clock.h"
#include "base/core/error.h"
#include "base/core/log.h"
#include "edge/answer/client_address.h"
#include "edge/serve/access_log.h"
#include "edge/serve/admin_server.h"
#include "edge/serve/edge_sockets.h"
#include "edge/serve/hand_over.h"
#include "edge/serve/idle_loader.h"
#include "edge/serve/listen_socket.h"
#include "edge/serve/publisher.h"
#include "edge/serve/readiness.h"
#include "edge/serve/uv_owner.h"
#include "edge/serve/wakeup.h"
#include "edge/serve/worker.h"

namespace mirror {

struct ServerOptions {
  SocketOptions sockets;
  uint32_t workers = 1;
  uint32_t connections_max = 10000;  // all workers together
  WorkerLimits limits;               // a worker's; the number of connections is derived
  Publisher::Options publisher;
  AnswerOptions answer;
  ReadinessOptions readiness;
  std::vector<IpPrefix> trusted_proxies;
  std::string access_log;  // "": none
  AccessLineOptions log_line;
  std::string pid_file;  // "": none
  uint64_t drain_timeout_ms = 30000;
  std::vector<std::string> command_line;  // to start a successor with
};

class Server final : private GenerationSink {
 public:
  // Opens everything that can fail and listens, but answers nobody yet. The signals that only tell
  // it something are blocked from here until run(), which takes those that came. The references
  // must outlive the server.
  [[nodiscard]] static Result<std::unique_ptr<Server>> create(const ServerOptions& options,
                                                              const Clock& clock, const Log& log);
  ~Server() override;

  // Serves until a signal ends it.
  [[nodiscard]] Result<void> run();

 private:
  // A path and what lay there when it was ours: somebody else's of the same name stays.
  struct OwnedPath {
    std::string path;
    dev_t device = 0;
    ino_t inode = 0;
  };

  Server(const ServerOptions& options, const Clock& clock, const Log& log);
  [[nodiscard]] Result<void> open();
  [[nodiscard]] WorkerLimits share_limits(size_t sockets) const;
  [[nodiscard]] RequestLimits admin_request_limits() const;
  [[nodiscard]] Result<void> open_listeners(EdgeSockets sockets);
  [[nodiscard]] Result<void> copy_sockets(const std::vector<ListenSocket>& sockets);
  [[nodiscard]] Result<void> open_workers(std::vector<ListenSocket> served);
  [[nodiscard]] std::vector<HandOverServer::Callbacks::Socket> sockets_to_give() const;
  void handle_signals();
  void watch(const std::string& directory);
  void start_timers();
  [[nodiscard]] Result<void> start_workers();
  [[nodiscard]] Result<void> finish_take_over();
  void answer_what_was_accepted();
  [[nodiscard]] Result<void> write_pid_file();
  void remove_pid_file();
  // All but one that is still in use; "": all.
  void remove_owned_paths(std::string_view except);
  void announce() const;

  void on_signal(int number);
  void on_worker_message();
  void look(bool forced);
  void drain();
  void start_drain_timer();
  void start_successor();
  void on_taken_over();
  void leave_to_other_process();
  void end();
  [[nodiscard]] AdminReply answer_admin(std::string_view target);
  [[nodiscard]] Readiness current_readiness() const;

  // GenerationSink
  void publish(const Generation& generation) override;
  [[nodiscard]] uint64_t lowest_adopted_ordinal() const override;
  void load_ended() override;

  const ServerOptions options_;
  const Clock& clock_;
  const Log& log_;
  const TrustedProxies trusted_proxies_;
  const int64_t started_;
  uint64_t open_files_ = 0;
  WorkerLimits limits_;
  std::vector<std::string> urls_;
  std::vector<OwnedPath> owned_paths_;  // of unix sockets, which go when nobody listens any more
  std::vector<ListenSocket> copies_;    // of what the workers accept from, for whoever takes over
  std::unique_ptr<TakeOver> take_over_;
  bool draining_ = false;
  bool told_to_end_ = false;  // by a signal
  bool pid_file_written_ = false;

  std::unique_ptr<AccessLog> access_log_;
  UvLoop loop_;
  IdleLoader loader_;
  Publisher publisher_;
  Wakeup worker_message_;
  UvOwner<uv_timer_t> poll_timer_;
  UvOwner<uv_timer_t> retry_timer_;
  UvOwner<uv_timer_t> settle_timer_;
  UvOwner<uv_timer_t> drain_timer_;
  UvOwner<uv_process_t> successor_;
  std::vector<UvOwner<uv_signal_t>> signals_;
  std::vector<UvOwner<uv_fs_event_t>> watches_;
  std::unique_ptr<AdminServer> admin_;
  std::unique_ptr<HandOverServer> hand_over_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace mirror
