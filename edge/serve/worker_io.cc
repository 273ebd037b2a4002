// The part of a worker that moves bytes: reading, answering, and what becomes of answers that a
// client does not take at once.
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/core/assert.h"
#include "edge/serve/worker.h"

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

uv_stream_t* stream_of(Connection* connection) {
  return reinterpret_cast<uv_stream_t*>(&connection->tcp);
}

}  // namespace

// ---------------------------------------------------------------- reading

void Worker::provide_buffer(Connection* connection, uv_buf_t* buffer) {
  const bool own = connection->buffer != nullptr;
  const size_t held = own ? connection->held : 0;
  *buffer = uv_buf_init((own ? connection->buffer : shared_buffer_.get()) + held,
                        static_cast<unsigned>(kRequestHeadSizeMax - held));
}

void Worker::on_read(Connection* connection, ssize_t count, const char* data) {
  if (count == 0) return;  // nothing there after all
  if (count < 0) {
    close(connection);
    return;
  }
  const auto size = static_cast<size_t>(count);
  if (connection->state == ConnectionState::kLingering) {
    discard(connection, size);
  } else if (connection->buffer != nullptr) {
    connection->held += static_cast<uint32_t>(size);
    process(connection, {connection->buffer, connection->held});
  } else {
    process(connection, {data, size});
  }
}

void Worker::discard(Connection* connection, size_t count) {
  connection->discarded += count;
  if (connection->discarded > kLingerBytesMax) close(connection);
}

void Worker::process(Connection* connection, Bytes bytes) {
  bool answered = false;
  while (!bytes.empty()) {
    RequestHead head;
    const auto outcome = connection->http.parse(bytes, &head);
    if (outcome == HttpConnection::Outcome::kIncomplete) break;
    const bool refused = outcome == HttpConnection::Outcome::kRefused;
    const Response response = refused ? handler_.refuse(connection->http.refusal())
                                      : handler_.respond(head, connection->peer);
    const Sent sent = send(connection, response);
    if (sent == Sent::kFailed) return;
    bytes.remove_prefix(refused ? bytes.size() : head.size);
    answered = true;
    if (response.close) {
      const bool linger = refused || !bytes.empty();
      connection->linger_after_write = linger;
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
  if (!keep(connection, bytes)) return;
  if (bytes.empty()) {
    enter(connection, ConnectionState::kIdle);
  } else if (answered || connection->state != ConnectionState::kReading) {
    enter(connection, ConnectionState::kReading);
  }
}

bool Worker::keep(Connection* connection, Bytes bytes) {
  if (bytes.empty()) {
    release_buffer(connection);
    return true;
  }
  if (connection->buffer == nullptr) {
    connection->buffer = take_read_buffer();
    if (connection->buffer == nullptr) {
      counters_.readers_evicted.add();
      close(connection);
      return false;
    }
  }
  std::memmove(connection->buffer, bytes.data(), bytes.size());
  connection->held = static_cast<uint32_t>(bytes.size());
  return true;
}

char* Worker::take_read_buffer() {
  if (read_buffers_.available() == 0 && !list(ConnectionState::kReading).empty()) {
    counters_.readers_evicted.add();
    close(list(ConnectionState::kReading).front());
  }
  return read_buffers_.take();
}

void Worker::release_buffer(Connection* connection) {
  if (connection->buffer == nullptr) return;
  read_buffers_.give_back(connection->buffer);
  connection->buffer = nullptr;
  connection->held = 0;
}

// ---------------------------------------------------------------- writing

Worker::Sent Worker::send(Connection* connection, const Response& response) {
  std::array<uv_buf_t, kSlicesMax> slices{};
  unsigned count = 0;
  size_t total = 0;
  for (const auto slice : response.slices) {
    if (slice.empty()) continue;
    slices[count++] =
        uv_buf_init(const_cast<char*>(slice.data()), static_cast<unsigned>(slice.size()));
    total += slice.size();
  }
  int written = uv_try_write(stream_of(connection), slices.data(), count);
  if (written == UV_EAGAIN) written = 0;
  if (written < 0) {
    close(connection);
    return Sent::kFailed;
  }
  const auto sent = static_cast<size_t>(written);
  counters_.bytes_sent.add(sent);
  if (sent == total) return Sent::kWhole;
  counters_.answers_unfinished.add();
  connection->close_after_write = response.close;
  return hold_rest(connection, {slices.data(), count}, sent) ? Sent::kPending : Sent::kFailed;
}

bool Worker::hold_rest(Connection* connection, std::span<const uv_buf_t> slices, size_t sent) {
  size_t rest = 0;
  for (const auto& slice : slices) rest += slice.len;
  rest -= sent;
  if (!make_pending_room(connection, rest)) {
    counters_.writers_evicted.add();
    close(connection);
    return false;
  }
  for (const auto& slice : slices) {
    const size_t skipped = std::min(sent, slice.len);
    sent -= skipped;
    append_pending(connection, {slice.base + skipped, slice.len - skipped});
  }
  uv_read_stop(stream_of(connection));
  enter(connection, ConnectionState::kWriting);
  return write_pending(connection);
}

bool Worker::make_pending_room(const Connection* connection, size_t size) {
  const size_t blocks = (size + kPendingRoom - 1) / kPendingRoom;
  if (blocks > pending_.block_count()) return false;
  // The slowest reader has waited longest.
  while (pending_.available() < blocks) {
    Connection* slowest = list(ConnectionState::kWriting).front();
    MIRROR_ASSERT(slowest != nullptr && slowest != connection);
    counters_.writers_evicted.add();
    close(slowest);
  }
  return true;
}

void Worker::append_pending(Connection* connection, Bytes bytes) {
  while (!bytes.empty()) {
    char* block = connection->pending_last;
    if (block == nullptr || header_of(block).size == kPendingRoom) {
      block = pending_.take();
      MIRROR_ASSERT(block != nullptr);
      header_of(block) = {nullptr, 0};
      if (connection->pending_last == nullptr) {
        connection->pending_first = block;
      } else {
        header_of(connection->pending_last).next = block;
      }
      connection->pending_last = block;
    }
    auto& header = header_of(block);
    const size_t taken = std::min(bytes.size(), kPendingRoom - header.size);
    std::memcpy(bytes_of(block) + header.size, bytes.data(), taken);
    header.size += static_cast<uint32_t>(taken);
    bytes.remove_prefix(taken);
  }
}

bool Worker::write_pending(Connection* connection) {
  std::array<uv_buf_t, kSlicesMax> slices{};
  unsigned count = 0;
  for (char* block = connection->pending_first; block != nullptr && count < slices.size();
       block = header_of(block).next) {
    slices[count++] = uv_buf_init(bytes_of(block), header_of(block).size);
  }
  connection->pending_blocks_in_write = count;
  connection->write.data = connection;
  const int code = uv_write(&connection->write, stream_of(connection), slices.data(), count,
                            [](uv_write_t* write, int status) {
                              auto* writer = static_cast<Connection*>(write->data);
                              writer->worker->on_written(writer, status);
                            });
  if (code == 0) return true;
  close(connection);
  return false;
}

void Worker::on_written(Connection* connection, int status) {
  // Closing has released everything; libuv only reports what it cancelled.
  if (connection->state == ConnectionState::kClosing) return;
  if (status != 0) {
    close(connection);
    return;
  }
  char* block = connection->pending_first;
  for (uint32_t i = 0; i < connection->pending_blocks_in_write; ++i) {
    counters_.bytes_sent.add(header_of(block).size);
    block = header_of(block).next;
  }
  release_pending(connection, connection->pending_blocks_in_write);
  if (connection->pending_first != nullptr) {
    static_cast<void>(write_pending(connection));
    return;
  }
  if (connection->close_after_write) {
    finish_closing(connection, connection->linger_after_write);
    return;
  }
  enter(connection, ConnectionState::kIdle);
  uv_read_start(stream_of(connection), on_buffer_wanted, on_bytes);
  process(connection, {connection->buffer, connection->held});
}

void Worker::release_pending(Connection* connection, size_t blocks) {
  while (blocks > 0 && connection->pending_first != nullptr) {
    char* block = connection->pending_first;
    connection->pending_first = header_of(block).next;
    pending_.give_back(block);
    --blocks;
  }
  if (connection->pending_first == nullptr) connection->pending_last = nullptr;
}

void Worker::finish_closing(Connection* connection, bool linger) {
  if (!linger) {
    close(connection);
    return;
  }
  // Bytes that nobody reads would turn the close into a reset, and the reset may overtake the
  // answer (RFC 9112 section 9.6): say the end, and read on for a while.
  release_buffer(connection);
  uv_os_fd_t fd = -1;
  if (uv_fileno(reinterpret_cast<uv_handle_t*>(&connection->tcp), &fd) != 0 ||
      ::shutdown(fd, SHUT_WR) != 0) {
    close(connection);
    return;
  }
  enter(connection, ConnectionState::kLingering);
  uv_read_start(stream_of(connection), on_buffer_wanted, on_bytes);
}

// ---------------------------------------------------------------- states

void Worker::enter(Connection* connection, ConnectionState state) {
  list(connection->state).remove(connection);
  connection->state = state;
  connection->since_ms = uv_now(loop_.get());
  list(state).push_back(connection);
}

void Worker::close(Connection* connection) {
  if (connection->state == ConnectionState::kClosing) return;
  enter(connection, ConnectionState::kClosing);
  release_buffer(connection);
  // libuv does not look at the bytes of a write any more once its stream is closed.
  uv_close(reinterpret_cast<uv_handle_t*>(&connection->tcp), [](uv_handle_t* handle) {
    auto* closed = static_cast<Connection*>(handle->data);
    closed->worker->on_closed(closed);
  });
  release_pending(connection, SIZE_MAX);
}

void Worker::on_closed(Connection* connection) {
  enter(connection, ConnectionState::kFree);
  counters_.connections.subtract();
  if (draining_) {
    end_if_drained();
  } else {
    resume_accepting();
  }
}

void Worker::on_buffer_wanted(uv_handle_t* handle, size_t, uv_buf_t* buffer) {
  auto* connection = static_cast<Connection*>(handle->data);
  connection->worker->provide_buffer(connection, buffer);
}

void Worker::on_bytes(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) {
  auto* connection = static_cast<Connection*>(stream->data);
  connection->worker->on_read(connection, count, buffer->base);
}

}  // namespace mirror
