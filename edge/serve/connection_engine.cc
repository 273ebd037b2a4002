#include "edge/serve/connection_engine.h"

#include <algorithm>
#include <cstring>

#include "base/core/assert.h"
#include "edge/http/proxy_header.h"

namespace mirror {

ConnectionEngine::ConnectionEngine(const WorkerLimits& limits, RequestHandler& handler,
                                   WorkerCounters& counters, Transport& transport)
    : limits_(limits),
      handler_(handler),
      counters_(counters),
      transport_(transport),
      read_buffers_({limits.request.head_bytes, limits.read_buffers}),
      pending_({kPendingBlockSize, limits.pending_bytes / kPendingBlockSize}),
      shared_buffer_(new char[limits.request.head_bytes]) {
  MIRROR_ASSERT(limits.request.head_bytes >= kProxyHeaderSizeMax);
}

void ConnectionEngine::add(Connection& connection) {
  list(ConnectionState::kFree).push_back(&connection);
}

// ---------------------------------------------------------------- accepting

Connection* ConnectionEngine::find_free() {
  if (open_count() * 100 >= uint64_t{limits_.connections} * kCrowdedPercent) make_room();
  // The one that was closed last: its memory is warm.
  return list(ConnectionState::kFree).back();
}

// Who is idle; then who has its last answer; then who does not take the one that it has asked for.
void ConnectionEngine::make_room() {
  if (Connection* idle = find_evictable_idle(); idle != nullptr) {
    counters_.idle_evicted.add();
    close(*idle);
    return;
  }
  if (Connection* refused = list(ConnectionState::kLingering).front(); refused != nullptr) {
    counters_.lingers_cut.add();
    close(*refused);
    return;
  }
  Connection* writer = list(ConnectionState::kWriting).front();
  if (writer == nullptr) return;
  const bool is_slow = transport_.now_ms() - writer->since_ms >= kSlowWriterMs;
  if (!is_slow && !list(ConnectionState::kFree).empty()) return;
  counters_.writers_evicted.add();
  close(*writer);
}

// Idle is who has sent nothing, not who has not been read from yet.
Connection* ConnectionEngine::find_evictable_idle() {
  Connection* idle = list(ConnectionState::kIdle).front();
  for (unsigned i = 0; i < kEvictionLooks && idle != nullptr; ++i, idle = idle->next) {
    if (!transport_.has_unread(*idle)) return idle;
  }
  return nullptr;
}

void ConnectionEngine::opened(Connection& connection, const Peer& peer, bool proxied) {
  connection.http.reset(limits_.request);
  connection.peer = peer;
  connection.awaits_proxy_header = proxied;
  connection.close_after_write = false;
  connection.linger_after_write = false;
  connection.requests_left = limits_.requests_per_connection;
  connection.discarded = 0;
  enter(connection, ConnectionState::kIdle);
  counters_.accepted.add();
  counters_.connections.add();
  if (proxied && !handler_.trusts(peer)) {
    counters_.proxies_untrusted.add();
    close(connection);
    return;
  }
  transport_.start_reading(connection);
}

// ---------------------------------------------------------------- reading

std::span<char> ConnectionEngine::room(Connection& connection) {
  const bool own = connection.buffer != nullptr;
  const size_t held = own ? connection.held : 0;
  return {(own ? connection.buffer : shared_buffer_.get()) + held,
          limits_.request.head_bytes - held};
}

void ConnectionEngine::received(Connection& connection, Bytes bytes) {
  if (connection.state == ConnectionState::kLingering) {
    discard(connection, bytes.size());
  } else if (connection.buffer != nullptr) {
    connection.held += static_cast<uint32_t>(bytes.size());
    process(connection, {connection.buffer, connection.held});
  } else {
    process(connection, bytes);
  }
}

void ConnectionEngine::discard(Connection& connection, size_t count) {
  connection.discarded += count;
  if (connection.discarded <= kLingerBytesMax) return;
  counters_.lingers_cut.add();
  close(connection);
}

void ConnectionEngine::process(Connection& connection, Bytes bytes) {
  if (connection.awaits_proxy_header && !take_proxy_header(connection, &bytes)) return;
  if (connection.turn != transport_.turn()) {
    connection.turn = transport_.turn();
    connection.answered = 0;
  }
  bool answered = false;
  while (!bytes.empty()) {
    if (connection.answered == kAnswersPerTurn) {
      wait_for_turn(connection, bytes);
      return;
    }
    RequestHead head;
    const auto outcome = connection.http.parse(bytes, &head);
    if (outcome == HttpConnection::Outcome::kIncomplete) break;
    const bool refused = outcome == HttpConnection::Outcome::kRefused;
    const Response response = respond(connection, refused ? nullptr : &head);
    const Sent sent = send(connection, response);
    if (sent == Sent::kFailed) return;
    bytes.remove_prefix(refused ? bytes.size() : head.size);
    ++connection.answered;
    answered = true;
    if (response.close) {
      // Whoever did not ask for the end may send on.
      const bool linger = refused || head.keep_alive || !bytes.empty();
      connection.linger_after_write = linger;
      if (sent == Sent::kWhole) finish_closing(connection, linger);
      return;
    }
    if (sent == Sent::kPending) {
      // One answer at a time: what the client has sent behind this request waits, here and in the
      // kernel.
      static_cast<void>(keep(connection, bytes));
      return;
    }
  }
  rest(connection, bytes, answered);
}

bool ConnectionEngine::take_proxy_header(Connection& connection, Bytes* bytes) {
  ProxyHeader header;
  switch (parse_proxy_header(*bytes, &header)) {
    case ProxyHeaderOutcome::kIncomplete:
      rest(connection, *bytes, false);
      return false;
    case ProxyHeaderOutcome::kMalformed:
      counters_.proxy_headers_malformed.add();
      close(connection);
      return false;
    case ProxyHeaderOutcome::kHeader:
      break;
  }
  counters_.proxy_headers.add();
  connection.awaits_proxy_header = false;
  if (header.client) connection.peer = {header.client->unmapped(), false};
  bytes->remove_prefix(header.size);
  return true;
}

Response ConnectionEngine::respond(Connection& connection, const RequestHead* request) {
  if (request == nullptr) return handler_.refuse(connection.http.refusal());
  const bool last = --connection.requests_left == 0;
  if (last) counters_.request_limits.add();
  return handler_.respond(*request, connection.peer, last);
}

// Nothing can be answered before more bytes come.
void ConnectionEngine::rest(Connection& connection, Bytes bytes, bool answered) {
  if (!keep(connection, bytes)) return;
  if (bytes.empty()) {
    enter(connection, ConnectionState::kIdle);
  } else if (answered || connection.state != ConnectionState::kReading) {
    // The time for a request counts from its first byte.
    enter(connection, ConnectionState::kReading);
  }
}

// Without this, one client who sends requests as fast as it can would make all others wait.
void ConnectionEngine::wait_for_turn(Connection& connection, Bytes bytes) {
  if (!keep(connection, bytes)) return;
  transport_.stop_reading(connection);
  enter(connection, ConnectionState::kWaiting);
  transport_.take_turns();
}

bool ConnectionEngine::serve_waiting() {
  ConnectionList& waiting = list(ConnectionState::kWaiting);
  if (waiting.empty()) return false;
  Connection& next = *waiting.front();
  next.answered = 0;
  process(next, {next.buffer, next.held});
  const bool reads =
      next.state == ConnectionState::kIdle || next.state == ConnectionState::kReading;
  if (reads) transport_.start_reading(next);
  return !waiting.empty();
}

bool ConnectionEngine::keep(Connection& connection, Bytes bytes) {
  if (bytes.empty()) {
    release_buffer(connection);
    return true;
  }
  if (connection.buffer == nullptr) {
    connection.buffer = take_read_buffer();
    if (connection.buffer == nullptr) {
      counters_.readers_evicted.add();
      close(connection);
      return false;
    }
  }
  std::memmove(connection.buffer, bytes.data(), bytes.size());
  connection.held = static_cast<uint32_t>(bytes.size());
  return true;
}

char* ConnectionEngine::take_read_buffer() {
  if (read_buffers_.available() == 0) {
    if (Connection* reader = find_evictable_reader(); reader != nullptr) {
      counters_.readers_evicted.add();
      close(*reader);
    }
  }
  return read_buffers_.take();
}

// Whoever sends slowly; then who does not take its answer and yet sends on; then who sends much.
Connection* ConnectionEngine::find_evictable_reader() {
  if (Connection* slow = list(ConnectionState::kReading).front(); slow != nullptr) return slow;
  Connection* writer = list(ConnectionState::kWriting).front();
  for (unsigned i = 0; i < kEvictionLooks && writer != nullptr; ++i, writer = writer->next) {
    if (writer->buffer != nullptr) return writer;
  }
  return list(ConnectionState::kWaiting).front();
}

void ConnectionEngine::release_buffer(Connection& connection) {
  if (connection.buffer == nullptr) return;
  read_buffers_.give_back(connection.buffer);
  connection.buffer = nullptr;
  connection.held = 0;
}

// ---------------------------------------------------------------- states and time

void ConnectionEngine::enter(Connection& connection, ConnectionState state) {
  list(connection.state).remove(&connection);
  connection.state = state;
  connection.since_ms = transport_.now_ms();
  list(state).push_back(&connection);
}

void ConnectionEngine::close(Connection& connection) {
  if (connection.state == ConnectionState::kClosing) return;
  enter(connection, ConnectionState::kClosing);
  release_buffer(connection);
  transport_.close(connection);
  release_pending(connection, SIZE_MAX);
}

void ConnectionEngine::closed(Connection& connection) {
  enter(connection, ConnectionState::kFree);
  counters_.connections.subtract();
}

void ConnectionEngine::sweep() {
  sweep(ConnectionState::kIdle, limits_.idle_timeout_ms, counters_.idle_timeouts);
  sweep(ConnectionState::kReading, limits_.header_timeout_ms, counters_.header_timeouts);
  sweep(ConnectionState::kLingering, kLingerTimeoutMs, counters_.lingers_cut);
  sweep_writers();
}

void ConnectionEngine::sweep(ConnectionState state, uint64_t timeout_ms, Counter& counter) {
  const uint64_t now = transport_.now_ms();
  while (!list(state).empty() && now - list(state).front()->since_ms >= timeout_ms) {
    counter.add();
    close(*list(state).front());
  }
}

// A reader stays as long as it takes the least number of bytes in each period of the write timeout.
void ConnectionEngine::sweep_writers() {
  const uint64_t now = transport_.now_ms();
  const uint64_t least =
      std::max<uint64_t>(1, limits_.write_rate_min * limits_.write_timeout_ms / 1000);
  ConnectionList& writers = list(ConnectionState::kWriting);
  while (!writers.empty() && now - writers.front()->since_ms >= limits_.write_timeout_ms) {
    Connection& reader = *writers.front();
    const size_t left = untaken(reader);
    if (reader.untaken_when_looked - left < least) {
      counters_.write_timeouts.add();
      close(reader);
      continue;
    }
    reader.untaken_when_looked = left;
    enter(reader, ConnectionState::kWriting);
  }
}

void ConnectionEngine::begin_drain(bool handed_over) { handler_.drain(handed_over); }

void ConnectionEngine::close_idle() {
  const uint64_t now = transport_.now_ms();
  Connection* next = nullptr;
  for (Connection* idle = list(ConnectionState::kIdle).front(); idle != nullptr; idle = next) {
    next = idle->next;
    if (now - idle->since_ms < kDrainGraceMs) return;
    if (!transport_.has_unread(*idle)) close(*idle);
  }
}

void ConnectionEngine::close_all() {
  for (const auto state :
       {ConnectionState::kIdle, ConnectionState::kReading, ConnectionState::kWaiting,
        ConnectionState::kWriting, ConnectionState::kLingering}) {
    while (!list(state).empty()) {
      const bool unfinished =
          state != ConnectionState::kIdle && state != ConnectionState::kLingering;
      if (unfinished) counters_.drain_cut.add();
      close(*list(state).front());
    }
  }
}

}  // namespace mirror
