// mirror-edge as a whole: the control thread with its signals, watches, timers and admin listener,
// the workers, the publisher and the access log. run() is the control thread; everything else that
// this file names is called from it.
#pragma once

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
#include "edge/serve/hand_over.h"
#include "edge/serve/idle_loader.h"
#include "edge/serve/listen_socket.h"
#include "edge/serve/publisher.h"
#include "edge/serve/readiness.h"
#include "edge/serve/uv_owner.h"
#include "edge/serve/worker.h"

namespace mirror {

struct ServerOptions {
  struct Listen {
    ListenAddress address;
    ListenRole role = ListenRole::kClients;
  };
  std::vector<Listen> listen;
  // Where to listen if nothing is given and nothing is passed on.
  ListenAddress fallback;
  uint32_t socket_mode = 0;  // permissions of unix sockets; 0: as the umask says
  uint32_t workers = 1;
  uint32_t connections_max = 10000;  // all workers together
  WorkerLimits limits;               // a worker's; the number of connections is derived
  std::string admin;                 // "": none
  Publisher::Options publisher;
  AnswerOptions answer;
  ReadinessOptions readiness;
  std::vector<IpPrefix> trusted_proxies;
  std::string access_log;  // "": none
  AccessLineOptions log_line;
  std::string pid_file;   // "": none
  std::string hand_over;  // path of the socket for whoever takes over; "": none
  bool take_over = false;
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
  Server(const ServerOptions& options, const Clock& clock, const Log& log);
  [[nodiscard]] Result<void> open();
  [[nodiscard]] Result<void> open_sockets();
  [[nodiscard]] Result<void> take_over_sockets();
  [[nodiscard]] Result<void> open_missing(const ServerOptions::Listen& wanted);
  [[nodiscard]] Result<void> open_workers();
  [[nodiscard]] Result<void> open_admin();
  [[nodiscard]] Result<void> open_hand_over();
  [[nodiscard]] Result<void> share_limits();
  [[nodiscard]] const ListenSocket* find_socket(ListenRole role, const std::string& url) const;
  [[nodiscard]] ListenSocket extract_socket(ListenRole role);
  void handle_signals();
  void watch(const std::string& directory);
  void start_timers();
  [[nodiscard]] Result<void> start_workers();
  void finish_take_over();
  void announce() const;

  void on_signal(int number);
  void on_worker_message();
  void look(bool forced);
  void drain();
  void start_drain_timer();
  void start_successor();
  void on_taken_over();
  void end();
  [[nodiscard]] AdminReply answer_admin(std::string_view target);
  [[nodiscard]] Readiness current_readiness() const;

  // GenerationSink
  void publish(const Generation& generation) override;
  [[nodiscard]] uint64_t lowest_adopted_ordinal() const override;

  const ServerOptions options_;
  const Clock& clock_;
  const Log& log_;
  const TrustedProxies trusted_proxies_;
  const int64_t started_;
  uint64_t open_files_ = 0;
  WorkerLimits limits_;
  std::vector<std::string> urls_;
  std::vector<std::string> owned_paths_;  // unlinked at the end
  // Until the workers have them; afterwards copies for whoever takes over, if there may be one.
  std::vector<ListenSocket> sockets_;
  std::unique_ptr<TakeOver> take_over_;
  bool draining_ = false;
  bool handed_over_ = false;
  bool owns_paths_ = true;
  bool pid_file_written_ = false;

  std::unique_ptr<AccessLog> access_log_;
  UvLoop loop_;
  IdleLoader loader_;
  Publisher publisher_;
  UvOwner<uv_async_t> worker_message_;
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
