// The half of ConnectionEngine that writes: answers, and what becomes of those that a client does
// not take at once.
#include <algorithm>
#include <cstring>

#include "base/core/assert.h"
#include "edge/serve/connection_engine.h"

namespace mirror {
namespace {

// The first bytes of a block of an unfinished answer.
struct PendingHeader {
  char* next;
  uint32_t size;
};
constexpr size_t kPendingRoom = kPendingBlockSize - sizeof(PendingHeader);

PendingHeader& header_of(char* block) { return *reinterpret_cast<PendingHeader*>(block); }
char* bytes_of(char* block) { return block + sizeof(PendingHeader); }

}  // namespace

ConnectionEngine::Sent ConnectionEngine::send(Connection& connection, const Response& response) {
  std::array<Bytes, kSlicesMax> slices;
  size_t count = 0;
  size_t total = 0;
  for (const auto slice : response.slices) {
    if (slice.empty()) continue;
    slices[count++] = slice;
    total += slice.size();
  }
  const int64_t written = transport_.write(connection, {slices.data(), count});
  if (written < 0) {
    close(connection);
    return Sent::kFailed;
  }
  const auto sent = static_cast<size_t>(written);
  counters_.bytes_sent.add(sent);
  counters_.answer_ns.add(transport_.turn_ns());
  if (sent == total) return Sent::kWhole;
  counters_.answers_unfinished.add();
  connection.close_after_write = response.close;
  return hold_rest(connection, {slices.data(), count}, sent) ? Sent::kPending : Sent::kFailed;
}

bool ConnectionEngine::hold_rest(Connection& connection, std::span<const Bytes> slices,
                                 size_t sent) {
  size_t rest = 0;
  for (const auto slice : slices) rest += slice.size();
  rest -= sent;
  if (!make_pending_room(connection, rest)) {
    counters_.writers_evicted.add();
    close(connection);
    return false;
  }
  for (const auto slice : slices) {
    const size_t skipped = std::min(sent, slice.size());
    sent -= skipped;
    append_pending(connection, slice.substr(skipped));
  }
  transport_.stop_reading(connection);
  connection.untaken_when_looked = connection.pending_bytes;
  enter(connection, ConnectionState::kWriting);
  return write_pending(connection);
}

bool ConnectionEngine::make_pending_room(const Connection& connection, size_t size) {
  const size_t blocks = (size + kPendingRoom - 1) / kPendingRoom;
  if (blocks > pending_.block_count()) return false;
  // The slowest reader has waited longest.
  while (pending_.available() < blocks) {
    Connection* slowest = list(ConnectionState::kWriting).front();
    MIRROR_ASSERT(slowest != nullptr && slowest != &connection);
    counters_.writers_evicted.add();
    close(*slowest);
  }
  return true;
}

void ConnectionEngine::append_pending(Connection& connection, Bytes bytes) {
  connection.pending_bytes += bytes.size();
  counters_.pending_bytes.add(bytes.size());
  while (!bytes.empty()) {
    char* block = connection.pending_last;
    if (block == nullptr || header_of(block).size == kPendingRoom) {
      block = pending_.take();
      MIRROR_ASSERT(block != nullptr);
      header_of(block) = {nullptr, 0};
      if (connection.pending_last == nullptr) {
        connection.pending_first = block;
      } else {
        header_of(connection.pending_last).next = block;
      }
      connection.pending_last = block;
    }
    auto& header = header_of(block);
    const size_t taken = std::min(bytes.size(), kPendingRoom - header.size);
    std::memcpy(bytes_of(block) + header.size, bytes.data(), taken);
    header.size += static_cast<uint32_t>(taken);
    bytes.remove_prefix(taken);
  }
}

bool ConnectionEngine::write_pending(Connection& connection) {
  std::array<Bytes, kSlicesMax> slices;
  size_t count = 0;
  connection.pending_in_write = 0;
  for (char* block = connection.pending_first; block != nullptr && count < slices.size();
       block = header_of(block).next) {
    slices[count++] = {bytes_of(block), header_of(block).size};
    connection.pending_in_write += header_of(block).size;
  }
  connection.pending_blocks_in_write = static_cast<uint32_t>(count);
  if (transport_.write_later(connection, {slices.data(), count})) return true;
  close(connection);
  return false;
}

size_t ConnectionEngine::untaken(const Connection& connection) const {
  return connection.pending_bytes - connection.pending_in_write + transport_.unwritten(connection);
}

void ConnectionEngine::written(Connection& connection, bool good) {
  // Closing has released everything; the network only reports what was cancelled.
  if (connection.state == ConnectionState::kClosing) return;
  if (!good) {
    close(connection);
    return;
  }
  counters_.bytes_sent.add(connection.pending_in_write);
  release_pending(connection, connection.pending_blocks_in_write);
  if (connection.pending_first != nullptr) {
    static_cast<void>(write_pending(connection));
    return;
  }
  if (connection.close_after_write) {
    finish_closing(connection, connection.linger_after_write);
    return;
  }
  enter(connection, ConnectionState::kIdle);
  transport_.start_reading(connection);
  process(connection, {connection.buffer, connection.held});
}

void ConnectionEngine::release_pending(Connection& connection, size_t blocks) {
  while (blocks > 0 && connection.pending_first != nullptr) {
    char* block = connection.pending_first;
    connection.pending_bytes -= header_of(block).size;
    counters_.pending_bytes.subtract(header_of(block).size);
    connection.pending_first = header_of(block).next;
    pending_.give_back(block);
    --blocks;
  }
  connection.pending_in_write = 0;
  connection.pending_blocks_in_write = 0;
  if (connection.pending_first == nullptr) connection.pending_last = nullptr;
}

void ConnectionEngine::finish_closing(Connection& connection, bool linger) {
  if (!linger) {
    close(connection);
    return;
  }
  // Bytes that nobody reads would turn the close into a reset, and the reset may overtake the
  // answer (RFC 9112 section 9.6): say the end, and read on for a while.
  release_buffer(connection);
  if (!transport_.end_writing(connection)) {
    close(connection);
    return;
  }
  enter(connection, ConnectionState::kLingering);
  transport_.start_reading(connection);
}

}  // namespace mirror
