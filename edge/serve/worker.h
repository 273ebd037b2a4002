// A worker: one thread with one loop, its own SO_REUSEPORT listeners, a fixed pool of connections
// and its own view of the current generation. Between requests it adopts the generation that the
// control thread has put into its mailbox. An answer is written, or its rest copied, before the
// next event is handled, so that nothing points into a generation once the next one is adopted:
// adopting is also the release of the one before.
//
// One request costs one read and one write; it allocates nothing, takes no lock and touches no
// memory that another thread writes, but for the mailbox flag that libuv looks at.
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
#include "edge/serve/block_pool.h"
#include "edge/serve/connection.h"
#include "edge/serve/counters.h"
#include "edge/serve/limits.h"
#include "edge/serve/request_handler.h"
#include "edge/serve/uv_owner.h"

namespace mirror {

class Worker {
 public:
  struct Options {
    RequestHandler::Options handler;
    WorkerLimits limits;
    const Clock* clock = nullptr;  // outlives the worker
    uv_async_t* control =
        nullptr;  // told when a generation is adopted and when the worker has ended
  };

  // Takes sockets that listen already; connections are accepted from start() on.
  [[nodiscard]] static Result<std::unique_ptr<Worker>> create(const Options& options,
                                                              std::vector<UniqueFd> sockets);
  // REQUIRES: joined, or never started.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // --- the control thread
  [[nodiscard]] Result<void> start();
  // Puts the generation into the mailbox; one that still lies there was never seen and is replaced.
  void post(const Generation& generation);
  // Stops accepting, finishes what is under way, ends.
  void drain();
  // Ends now, whatever is under way.
  void stop();
  [[nodiscard]] bool ended() const { return ended_.load(std::memory_order_acquire); }
  // REQUIRES: drain() or stop() was called.
  void join();

  // Of the generation that is served; 0 before the first.
  [[nodiscard]] uint64_t adopted_ordinal() const {
    return adopted_ordinal_.load(std::memory_order_acquire);
  }
  [[nodiscard]] const WorkerCounters& counters() const { return counters_; }

 private:
  enum class Command : int { kRun, kDrain, kStop };
  enum class Sent { kWhole, kPending, kFailed };
  struct Listener {
    uv_tcp_t tcp;
    bool holds_connection = false;  // accepted by libuv, and no connection of ours was free for it
  };
  using Bytes = std::string_view;

  explicit Worker(const Options& options);
  [[nodiscard]] Result<void> open(std::vector<UniqueFd> sockets);

  void run();
  void on_message();
  void take_mail();
  void on_tick();
  void start_ticking(uint64_t first_ms);
  void begin_drain();
  void close_idle_in_drain();
  void close_listeners();
  void end_if_drained();

  // --- accepting
  void on_connection(Listener* listener, int status);
  void accept(Listener* listener);
  void make_room();
  void resume_accepting();

  // --- reading
  static void on_buffer_wanted(uv_handle_t* handle, size_t suggested_size, uv_buf_t* buffer);
  static void on_bytes(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer);
  void provide_buffer(Connection* connection, uv_buf_t* buffer);
  void on_read(Connection* connection, ssize_t count, const char* data);
  void discard(Connection* connection, size_t count);
  void process(Connection* connection, Bytes bytes);
  // Keeps the bytes that no answer has used up. False if there is no room: the connection is
  // closed.
  [[nodiscard]] bool keep(Connection* connection, Bytes bytes);
  [[nodiscard]] char* take_read_buffer();
  void release_buffer(Connection* connection);

  // --- writing
  [[nodiscard]] Sent send(Connection* connection, const Response& response);
  [[nodiscard]] bool hold_rest(Connection* connection, std::span<const uv_buf_t> slices,
                               size_t sent);
  [[nodiscard]] bool make_pending_room(const Connection* connection, size_t size);
  void append_pending(Connection* connection, Bytes bytes);
  [[nodiscard]] bool write_pending(Connection* connection);
  void on_written(Connection* connection, int status);
  void release_pending(Connection* connection, size_t blocks);
  void finish_closing(Connection* connection, bool linger);

  // --- states
  void enter(Connection* connection, ConnectionState state);
  void close(Connection* connection);
  void on_closed(Connection* connection);
  void sweep(ConnectionState state, uint64_t timeout_ms, Counter* counter);
  [[nodiscard]] ConnectionList& list(ConnectionState state) {
    return lists_[static_cast<size_t>(state)];
  }
  [[nodiscard]] size_t open_connections() const {
    return limits_.connections - lists_[static_cast<size_t>(ConnectionState::kFree)].size();
  }

  const WorkerLimits limits_;
  const Clock& clock_;
  uv_async_t* const control_;
  WorkerCounters counters_;
  RequestHandler handler_;

  // Written by one side, read by the other.
  std::atomic<const Generation*> mailbox_{nullptr};
  std::atomic<Command> command_{Command::kRun};
  std::atomic<uint64_t> adopted_ordinal_{0};
  std::atomic<bool> ended_{false};

  std::unique_ptr<Connection[]> connections_;
  ConnectionList lists_[kConnectionStates];
  BlockPool read_buffers_;
  BlockPool pending_;
  std::unique_ptr<char[]> shared_buffer_;
  bool draining_ = false;
  bool stopping_ = false;
  bool listeners_closed_ = false;

  UvLoop loop_;
  UvOwner<uv_async_t> message_;
  UvOwner<uv_timer_t> tick_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  size_t open_listeners_ = 0;
  std::thread thread_;
};

}  // namespace mirror
