#include <algorithm>
#include <cstring>
#include <utility>

#include "base/core/assert.h"
#include "tests/sim/simulation.h"

namespace mirror::sim {
namespace {

RequestHandler::Options handler_options(const TrustedProxies& trusted, LineRing& ring,
                                        uint64_t seed) {
  RequestHandler::Options options;
  options.answer.minimum = 1;
  options.trusted_proxies = &trusted;
  options.log = &ring;
  options.seed = seed;
  return options;
}

size_t size_of(std::span<const std::string_view> slices) {
  size_t size = 0;
  for (const auto slice : slices) size += slice.size();
  return size;
}

// Counts each connection that is closed although it did nothing wrong.
uint64_t close_reasons(const WorkerCounters& counters) {
  uint64_t sum = 0;
  for (const auto* counter :
       {&counters.idle_evicted, &counters.idle_timeouts, &counters.header_timeouts,
        &counters.write_timeouts, &counters.readers_evicted, &counters.writers_evicted,
        &counters.lingers_cut, &counters.drain_cut}) {
    sum += counter->get();
  }
  return sum;
}

}  // namespace

SimWorker::SimWorker(const Clock& clock, Random& random, const WorkerLimits& limits, bool proxied)
    : clock_(clock),
      random_(random),
      limits_(limits),
      proxied_(proxied),
      handler_(handler_options(trusted_, ring_, random.next()), counters_),
      engine_(limits, handler_, counters_, *this),
      sockets_(new Socket[limits.connections]) {
  for (uint32_t i = 0; i < limits.connections; ++i) engine_.add(sockets_[i]);
}

// ---------------------------------------------------------------- what may happen

void SimWorker::accept(std::deque<Client*>& waiting) {
  if (waiting.empty() || draining_) return;
  auto* socket = static_cast<Socket*>(engine_.find_free());
  if (socket == nullptr) return;
  socket->client = waiting.front();
  waiting.pop_front();
  socket->arrived = socket->read = 0;
  socket->capacity = 1 + random_.below(random_.below(2) == 0 ? 3000 : 300000);
  socket->on_the_way.clear();
  socket->reading = socket->ended_writing = false;
  socket->broken = socket->client_ended = false;
  note(1);
  engine_.opened(*socket, {IpAddress::from_ipv4(0x7f000001), false}, proxied_);
}

void SimWorker::step_socket() {
  Socket& socket = sockets_[random_.below(limits_.connections)];
  if (socket.client == nullptr) return;
  if (random_.below(3) == 0) ++turn_;
  switch (random_.below(6)) {
    case 0:
      return client_sends(socket);
    case 1:
      return client_reads(socket);
    case 2:
      return client_goes(socket);
    case 3:
      return flush_later(socket);
    case 4:
      return finish_close(socket);
    default:
      return deliver(socket);
  }
}

void SimWorker::client_sends(Socket& socket) {
  Client& client = *socket.client;
  if (socket.broken || client.sent == client.bytes.size()) return;
  const size_t left = client.bytes.size() - client.sent;
  size_t count = 1 + random_.below(random_.below(2) == 0 ? left : std::min<size_t>(left, 40));
  if (client.drips) count = 1;
  if (client.hurries) count = left;
  client.sent += count;
  socket.arrived += count;
  note(2 + count);
  // Nobody reads it any more: the client is reset, and may lose what it has not read.
  if (socket.closing) {
    socket.on_the_way.clear();
    socket.broken = true;
  }
}

void SimWorker::client_reads(Socket& socket) {
  Client& client = *socket.client;
  if (socket.broken || socket.on_the_way.empty()) return;
  if (client.stalls && random_.below(50) != 0) return;
  const size_t count = 1 + random_.below(socket.on_the_way.size());
  client.received += socket.on_the_way.substr(0, count);
  socket.on_the_way.erase(0, count);
  note(3 + count);
}

void SimWorker::client_goes(Socket& socket) {
  Client& client = *socket.client;
  if (socket.broken || socket.client_ended) return;
  if (client.aborts && random_.below(20) == 0) {
    socket.broken = true;
    socket.on_the_way.clear();
    note(4);
  } else if (socket.ended_writing && socket.on_the_way.empty()) {
    // It has read the end of the last answer and closes, too.
    socket.client_ended = true;
    note(5);
  }
}

// The kernel has room again for an answer that waits.
void SimWorker::flush_later(Socket& socket) {
  if (!socket.writes_later || socket.closing) return;
  if (socket.broken) {
    socket.writes_later = false;
    socket.later.clear();
    note(6);
    engine_.written(socket, false);
    return;
  }
  while (!socket.later.empty() && socket.on_the_way.size() < socket.capacity) {
    auto& slice = socket.later.front();
    const size_t count = std::min(slice.size(), socket.capacity - socket.on_the_way.size());
    socket.on_the_way += slice.substr(0, count);
    slice.remove_prefix(count);
    if (slice.empty()) socket.later.erase(socket.later.begin());
  }
  if (!socket.later.empty()) return;
  socket.writes_later = false;
  note(7);
  engine_.written(socket, true);
}

void SimWorker::deliver(Socket& socket) {
  if (!socket.reading || socket.closing) return;
  const size_t unread = socket.arrived - socket.read;
  if (unread == 0 || socket.broken) {
    if (!socket.broken && !socket.client_ended) return;
    socket.reading = false;
    note(8);
    engine_.ended(socket);
    return;
  }
  const auto room = engine_.room(socket);
  MIRROR_ASSERT(!room.empty());
  const size_t count =
      std::min(room.size(), socket.client->hurries ? unread : 1 + random_.below(unread));
  const size_t from = socket.client->sent - unread;
  std::memcpy(room.data(), socket.client->bytes.data() + from, count);
  socket.read += count;
  note(9 + count);
  engine_.received(socket, {room.data(), count});
}

void SimWorker::finish_close(Socket& socket) {
  if (!socket.closing) return;
  // What the kernel has is still delivered; nothing of it is lost unless the client was reset.
  if (!socket.broken) socket.client->received += socket.on_the_way;
  socket.on_the_way.clear();
  socket.client = nullptr;
  socket.closing = false;
  note(10);
  engine_.closed(socket);
}

// ---------------------------------------------------------------- the control thread's side

void SimWorker::adopt() {
  const Generation* generation = slot_.take();
  if (generation == nullptr) return;
  handler_.adopt(*generation);
  slot_.adopted(*generation);
  note(11 + generation->ordinal);
}

void SimWorker::tick() {
  if (draining_) engine_.close_idle();
  engine_.sweep();
}

void SimWorker::turn() {
  if (!takes_turns_) return;
  ++turn_;
  note(14);
  takes_turns_ = engine_.serve_waiting();
}

void SimWorker::drain() {
  draining_ = true;
  engine_.begin_drain(false);
}

void SimWorker::finish() {
  finishing_ = true;
  engine_.close_all();
  for (uint32_t i = 0; i < limits_.connections; ++i) finish_close(sockets_[i]);
  check_invariants();
  MIRROR_ASSERT(engine_.count(ConnectionState::kFree) == limits_.connections);
  MIRROR_ASSERT(engine_.pending_blocks_used() == 0 && engine_.read_buffers_used() == 0);
  MIRROR_ASSERT(counters_.connections.get() == 0 && counters_.pending_bytes.get() == 0);
}

void SimWorker::check_invariants() const {
  size_t total = 0;
  for (size_t state = 0; state < kConnectionStates; ++state)
    total += engine_.count(static_cast<ConnectionState>(state));
  MIRROR_ASSERT(total == limits_.connections);
  MIRROR_ASSERT(counters_.connections.get() == engine_.open_count());
  MIRROR_ASSERT(engine_.pending_blocks_used() * kPendingBlockSize <= limits_.pending_bytes);
  MIRROR_ASSERT(counters_.pending_bytes.get() <= limits_.pending_bytes);
  MIRROR_ASSERT(engine_.read_buffers_used() <= limits_.read_buffers);
  MIRROR_ASSERT(takes_turns_ || engine_.count(ConnectionState::kWaiting) == 0);
  // Whoever has an unfinished answer or waits for its turn is not read from, whoever may send is.
  size_t writing = 0;
  for (uint32_t i = 0; i < limits_.connections; ++i) {
    const Socket& socket = sockets_[i];
    const bool writes = socket.state == ConnectionState::kWriting;
    const bool waits = socket.state == ConnectionState::kWaiting;
    const bool open =
        socket.state != ConnectionState::kFree && socket.state != ConnectionState::kClosing;
    writing += writes ? 1 : 0;
    MIRROR_ASSERT(!open || socket.reading == !(writes || waits));
    MIRROR_ASSERT(!waits || socket.held > 0);
    MIRROR_ASSERT(writes == (socket.pending_first != nullptr));
  }
  MIRROR_ASSERT(writing == engine_.count(ConnectionState::kWriting));
}

// ---------------------------------------------------------------- the transport

int64_t SimWorker::write(Connection& connection, std::span<const std::string_view> slices) {
  auto& socket = static_cast<Socket&>(connection);
  MIRROR_ASSERT(!socket.closing && !socket.ended_writing && !socket.writes_later);
  // However much a client sends at once: others are served before it has more than these. The turn
  // of those who wait is another one.
  if (std::exchange(socket.counted_turn, turn_) != turn_) socket.answers = 0;
  MIRROR_ASSERT(++socket.answers <= kAnswersPerTurn + kAnswersPerTurn);
  if (socket.broken) return -1;
  const size_t room = socket.capacity - std::min(socket.capacity, socket.on_the_way.size());
  size_t left = std::min(room, size_of(slices));
  // Sometimes the kernel takes less than it could.
  if (left > 0 && random_.below(4) == 0) left = random_.below(left + 1);
  const size_t taken = left;
  for (const auto slice : slices) {
    const auto part = slice.substr(0, left);
    socket.on_the_way += part;
    left -= part.size();
  }
  note(12 + taken);
  return static_cast<int64_t>(taken);
}

bool SimWorker::write_later(Connection& connection, std::span<const std::string_view> slices) {
  auto& socket = static_cast<Socket&>(connection);
  MIRROR_ASSERT(!socket.closing && !socket.ended_writing && !socket.writes_later);
  if (socket.broken && random_.below(2) == 0) return false;
  socket.later.assign(slices.begin(), slices.end());
  socket.writes_later = true;
  return true;
}

size_t SimWorker::unwritten(const Connection& connection) const {
  return size_of(static_cast<const Socket&>(connection).later);
}

void SimWorker::start_reading(Connection& connection) {
  static_cast<Socket&>(connection).reading = true;
}
void SimWorker::stop_reading(Connection& connection) {
  static_cast<Socket&>(connection).reading = false;
}

bool SimWorker::end_writing(Connection& connection) {
  auto& socket = static_cast<Socket&>(connection);
  MIRROR_ASSERT(!socket.closing && !socket.ended_writing);
  socket.ended_writing = true;
  return !socket.broken;
}

bool SimWorker::has_unread(const Connection& connection) const {
  const auto& socket = static_cast<const Socket&>(connection);
  return socket.arrived > socket.read;
}

void SimWorker::close(Connection& connection) {
  auto& socket = static_cast<Socket&>(connection);
  MIRROR_ASSERT(!socket.closing);
  socket.closing = true;
  socket.reading = false;
  // The engine counts before it closes.
  const uint64_t reasons = close_reasons(counters_);
  MIRROR_ASSERT(reasons <= close_reasons_ + 1);
  socket.client->close_reason = reasons > close_reasons_ || finishing_;
  socket.client->closed_in_drain = draining_ && socket.arrived == socket.read;
  close_reasons_ = reasons;
  // Nobody who has sent something makes room for others.
  if (std::exchange(idle_evicted_, counters_.idle_evicted.get()) != counters_.idle_evicted.get())
    MIRROR_ASSERT(socket.arrived == socket.read);
  // The engine takes its memory back at once: these bytes must not be looked at again.
  socket.writes_later = false;
  socket.later.clear();
  if (socket.arrived > socket.read) {
    // A kernel resets a connection that is closed with unread bytes.
    socket.broken = true;
    socket.on_the_way.clear();
  }
  note(13);
}

uint64_t SimWorker::now_ms() const {
  return static_cast<uint64_t>(clock_.monotonic_ns()) / 1'000'000;
}

}  // namespace mirror::sim
