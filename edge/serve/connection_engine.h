// What a worker does with its connections, without any socket: bytes in, bytes out, and when a
// connection is read from, answered, held, timed out, evicted or closed. Everything that the
// network does comes in by a call, everything that it shall do goes out through Transport, time is
// a parameter: one seed repeats any history (tests/sim).
//
// One answer at a time a connection: requests that are pipelined behind an unfinished answer wait
// in the read buffer and in the kernel. And few of them a turn of the loop: who sends many waits
// for its next turn, while others are served. A read buffer belongs to a connection only while it
// holds bytes; unfinished answers lie in a bounded pool. Where memory or connections run out, those
// make room that have waited longest. An answer is written, or its rest copied, before a call
// returns: nothing points into a generation afterwards.
//
// One thread. Does not allocate after construction.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "edge/serve/block_pool.h"
#include "edge/serve/connection.h"
#include "edge/serve/limits.h"
#include "edge/serve/request_handler.h"
#include "edge/serve/transport.h"
#include "edge/serve/worker_counters.h"

namespace mirror {

class ConnectionEngine {
 public:
  // The references must outlive the engine.
  ConnectionEngine(const WorkerLimits& limits, RequestHandler& handler, WorkerCounters& counters,
                   Transport& transport);
  ConnectionEngine(const ConnectionEngine&) = delete;
  ConnectionEngine& operator=(const ConnectionEngine&) = delete;

  // Before anything else, `limits.connections` times: the connections that there are. They must
  // outlive the engine.
  void add(Connection& connection);

  // --- accepting
  // A connection for a client who waits, after making room if it is crowded; nullptr if there is
  // none now. It stays free until opened(). Who has sent a request is never closed for it before
  // its answer is written.
  [[nodiscard]] Connection* find_free();
  // It has a socket now. With `proxied` it must begin with a PROXY header and come from a trusted
  // proxy. Starts reading, or closes.
  void opened(Connection& connection, const Peer& peer, bool proxied);

  // --- what the network reports
  // Where the next bytes shall go.
  [[nodiscard]] std::span<char> room(Connection& connection);
  // Bytes that lie in the room. The connection may be closed afterwards.
  void received(Connection& connection, std::string_view bytes);
  // The client has closed, or the connection is broken.
  void ended(Connection& connection) { close(connection); }
  void written(Connection& connection, bool good);
  // Answers the next of those who wait for their turn. Whether others are left.
  [[nodiscard]] bool serve_waiting();
  // The socket is gone: the connection is free.
  void closed(Connection& connection);

  // --- time
  // About once a second: whoever has had its time is closed.
  void sweep();
  // From now on each answer is the last one of its connection. `handed_over`: another process has
  // the listening sockets.
  void begin_drain(bool handed_over);
  // Closes the idle ones, but for those that may have sent something: who was accepted less than
  // kDrainGraceMs ago, and whose bytes wait in the kernel.
  void close_idle();
  // Closes all that are left.
  void close_all();

  [[nodiscard]] size_t open_count() const {
    return limits_.connections - list(ConnectionState::kFree).size();
  }
  // How many connections are in a state, for tests.
  [[nodiscard]] size_t count(ConnectionState state) const { return list(state).size(); }
  [[nodiscard]] size_t pending_blocks_used() const { return pending_.used(); }
  [[nodiscard]] size_t read_buffers_used() const { return read_buffers_.used(); }

 private:
  enum class Sent : uint8_t { kWhole, kPending, kFailed };
  using Bytes = std::string_view;

  // --- reading
  void discard(Connection& connection, size_t count);
  void process(Connection& connection, Bytes bytes);
  // Takes the header of a proxy off. False: it is not whole yet, or the connection is closed.
  [[nodiscard]] bool take_proxy_header(Connection& connection, Bytes* bytes);
  [[nodiscard]] Response respond(Connection& connection, const RequestHead* request);
  // Keeps the bytes that no answer has used up. False if there is no room: the connection is
  // closed.
  [[nodiscard]] bool keep(Connection& connection, Bytes bytes);
  void rest(Connection& connection, Bytes bytes, bool answered);
  void wait_for_turn(Connection& connection, Bytes bytes);
  [[nodiscard]] char* take_read_buffer();
  // The one whose read buffer goes if another one needs it; nullptr if there is none.
  [[nodiscard]] Connection* find_evictable_reader();
  [[nodiscard]] Connection* find_evictable_idle();
  void make_room();
  void release_buffer(Connection& connection);

  // --- writing
  [[nodiscard]] Sent send(Connection& connection, const Response& response);
  [[nodiscard]] bool hold_rest(Connection& connection, std::span<const Bytes> slices, size_t sent);
  [[nodiscard]] bool make_pending_room(const Connection& connection, size_t size);
  void append_pending(Connection& connection, Bytes bytes);
  [[nodiscard]] bool write_pending(Connection& connection);
  void release_pending(Connection& connection, size_t blocks);
  void finish_closing(Connection& connection, bool linger);
  [[nodiscard]] size_t untaken(const Connection& connection) const;

  // --- states
  void enter(Connection& connection, ConnectionState state);
  void close(Connection& connection);
  void sweep(ConnectionState state, uint64_t timeout_ms, Counter& counter);
  void sweep_writers();
  [[nodiscard]] ConnectionList& list(ConnectionState state) {
    return lists_[static_cast<size_t>(state)];
  }
  [[nodiscard]] const ConnectionList& list(ConnectionState state) const {
    return lists_[static_cast<size_t>(state)];
  }

  const WorkerLimits limits_;
  RequestHandler& handler_;
  WorkerCounters& counters_;
  Transport& transport_;
  std::array<ConnectionList, kConnectionStates> lists_;
  BlockPool read_buffers_;
  BlockPool pending_;
  std::unique_ptr<char[]> shared_buffer_;  // of all connections that hold no bytes
};

}  // namespace mirror
