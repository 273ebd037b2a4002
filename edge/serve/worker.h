// A worker: one thread with one loop, its listeners, a fixed number of connections and its own view
// of the current generation. ConnectionEngine decides what happens to connections; this class is
// its Transport over libuv. Between two events it adopts the generation that the control thread has
// posted; since no answer points into a generation once its event is handled, adopting is also the
// release of the one before.
//
// One request costs one read and one write, and one in some thousands a wake-up of the access log;
// it allocates nothing, takes no lock and touches no memory that another thread writes, but for the
// place up to which the log's ring is read.
//
// The control thread creates, starts, posts to, drains, joins and destroys it; everything private
// is the worker thread's between start() and join().
#pragma once

#include <uv.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "base/core/clock.h"
#include "base/core/error.h"
#include "base/core/unique_fd.h"
#include "edge/serve/connection_engine.h"
#include "edge/serve/generation_slot.h"
#include "edge/serve/limits.h"
#include "edge/serve/request_handler.h"
#include "edge/serve/ticker.h"
#include "edge/serve/transport.h"
#include "edge/serve/uv_owner.h"
#include "edge/serve/wakeup.h"
#include "edge/serve/worker_counters.h"

namespace mirror {

class Worker final : private Transport {
 public:
  struct Options {
    RequestHandler::Options handler;
    WorkerLimits limits;
    const Clock* clock = nullptr;  // outlives the worker
    const Wakeup* control =
        nullptr;  // rung when a generation is adopted and when the worker has ended
  };
  // A socket that listens: TCP or unix.
  struct Socket {
    UniqueFd fd;
    bool proxied = false;  // each connection begins with a PROXY header
  };

  // Connections are accepted from start() on.
  [[nodiscard]] static Result<std::unique_ptr<Worker>> create(const Options& options,
                                                              std::vector<Socket> sockets);
  // REQUIRES: joined, or never started.
  ~Worker() override;
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // --- the control thread
  [[nodiscard]] Result<void> start();
  // The generation stays valid until adopted_ordinal() is a later one.
  void post(const Generation& generation);
  // Accepts what waits in its sockets, stops accepting, finishes what is under way, ends.
  void drain();
  // The same when somebody else accepts from the sockets: stops accepting at once, and leaves
  // connections their time until they ask once more.
  void hand_over();
  // Ends now, whatever is under way.
  void stop();
  [[nodiscard]] bool ended() const { return ended_.load(std::memory_order_acquire); }
  // REQUIRES: drain(), hand_over() or stop() was called.
  void join();

  // Of the generation that is served; 0 before the first.
  [[nodiscard]] uint64_t adopted_ordinal() const { return slot_.adopted_ordinal(); }
  [[nodiscard]] const WorkerCounters& counters() const { return counters_; }

 private:
  enum class Command : int { kRun, kDrain, kHandOver, kStop };
  struct Listener {
    uv_pipe_t stream;  // libuv's pipe is a plain stream over a descriptor: TCP or unix
    bool proxied = false;
    bool holds_connection = false;  // accepted by libuv, and no connection of ours was free for it
    bool closes = false;
  };
  struct UvConnection : Connection {
    uv_pipe_t stream{};
    uv_write_t write{};
    Worker* worker = nullptr;
  };

  explicit Worker(const Options& options);
  [[nodiscard]] Result<void> open(std::vector<Socket> sockets);

  void run();
  void send(Command command);
  void on_message();
  void take_mail();
  void on_tick();
  void on_turn_end();
  void on_turn();
  void begin_drain();
  // All but those that hold a connection for which there is no room yet.
  void close_listeners();
  void close_listener(Listener& listener);
  void end_if_drained();
  // Every callback of the loop comes through here first.
  void begin_turn();

  void on_connection(Listener* listener, int status);
  void accept(Listener* listener, UvConnection* connection);
  void resume_accepting();
  void on_read(UvConnection* connection, ssize_t count, const char* data);
  void on_closed(UvConnection* connection);

  // Transport
  [[nodiscard]] int64_t write(Connection& connection,
                              std::span<const std::string_view> slices) override;
  [[nodiscard]] bool write_later(Connection& connection,
                                 std::span<const std::string_view> slices) override;
  [[nodiscard]] size_t unwritten(const Connection& connection) const override;
  void start_reading(Connection& connection) override;
  void stop_reading(Connection& connection) override;
  void take_turns() override;
  [[nodiscard]] bool end_writing(Connection& connection) override;
  [[nodiscard]] bool has_unread(const Connection& connection) const override;
  void close(Connection& connection) override;
  [[nodiscard]] uint64_t now_ms() const override { return uv_now(loop_.get()); }
  [[nodiscard]] uint64_t turn() const override { return turn_; }
  [[nodiscard]] uint64_t turn_ns() const override;

  const WorkerLimits limits_;
  const Clock& clock_;
  const Wakeup& control_;
  WorkerCounters counters_;
  RequestHandler handler_;
  ConnectionEngine engine_;

  // Written by one side, read by the other.
  GenerationSlot slot_;
  std::atomic<Command> command_{Command::kRun};
  std::atomic<bool> ended_{false};

  std::unique_ptr<UvConnection[]> connections_;
  uint64_t turn_ = 0;
  int64_t turn_began_ns_ = 0;  // 0: the loop waits
  bool draining_ = false;
  bool hands_over_ = false;
  bool stopping_ = false;
  bool closes_listeners_ = false;
  size_t held_connections_ = 0;  // by listeners

  UvLoop loop_;
  Wakeup message_;
  Ticker tick_;
  UvOwner<uv_prepare_t> before_wait_;
  UvOwner<uv_idle_t> turns_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  size_t open_listeners_ = 0;
  std::thread thread_;
};

}  // namespace mirror
