#include "edge/serve/worker.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <new>
#include <utility>

#include "base/core/assert.h"
#include "edge/serve/thread.h"

namespace mirror {
namespace {

template <typename Handle>
Worker* worker_of(Handle* handle) {
  return static_cast<Worker*>(handle->data);
}

uv_stream_t* stream_of(uv_pipe_t* pipe) { return reinterpret_cast<uv_stream_t*>(pipe); }
uv_handle_t* handle_of(uv_pipe_t* pipe) { return reinterpret_cast<uv_handle_t*>(pipe); }

// -1 if the stream has none any more.
int descriptor_of(const uv_pipe_t* pipe) {
  uv_os_fd_t fd = -1;
  uv_fileno(reinterpret_cast<const uv_handle_t*>(pipe), &fd);
  return fd;
}

Peer peer_of(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  if (::getpeername(fd, address, &size) != 0) return {};
  if (storage.ss_family == AF_UNIX) return kLocalPeer;
  return {IpAddress::from_sockaddr(address).value_or(IpAddress{}).unmapped(), false};
}

// Options that connections inherit from the socket that accepts them, so that none of them needs a
// call of its own.
void set_for_connections(int listener, int send_buffer_bytes) {
  // An answer goes out in one write; waiting for more to come would only delay it. A unix socket
  // knows no such option.
  const int on = 1;
  ::setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (send_buffer_bytes > 0) {
    ::setsockopt(listener, SOL_SOCKET, SO_SNDBUF, &send_buffer_bytes, sizeof send_buffer_bytes);
  }
}

// libuv's buffers of some slices; it does not write to them.
struct Buffers {
  explicit Buffers(std::span<const std::string_view> slices)
      : count(static_cast<unsigned>(slices.size())) {
    MIRROR_ASSERT(slices.size() <= buffers.size());
    for (size_t i = 0; i < slices.size(); ++i) {
      buffers[i] =
          uv_buf_init(const_cast<char*>(slices[i].data()), static_cast<unsigned>(slices[i].size()));
    }
  }
  std::array<uv_buf_t, kSlicesMax> buffers{};
  unsigned count;
};

}  // namespace

Worker::Worker(const Options& options)
    : limits_(options.limits),
      clock_(*options.clock),
      control_(*options.control),
      handler_(options.handler, counters_),
      engine_(options.limits, handler_, counters_, *this),
      connections_(new UvConnection[options.limits.connections]),
      message_(loop_.get(), [this] { on_message(); }),
      tick_(loop_.get(), [this] { on_tick(); }) {
  for (uint32_t i = 0; i < limits_.connections; ++i) {
    connections_[i].worker = this;
    engine_.add(connections_[i]);
  }
}

Result<std::unique_ptr<Worker>> Worker::create(const Options& options,
                                               std::vector<Socket> sockets) {
  std::unique_ptr<Worker> worker;
  try {
    worker.reset(new Worker(options));
  } catch (const std::bad_alloc&) {
    return fail(ErrorKind::kLimit,
                "there is not enough memory for a worker's {} connections and {} MB of unfinished "
                "answers: lower --max-connections, --pending-megabytes or --workers",
                options.limits.connections, options.limits.pending_bytes >> 20);
  }
  MIRROR_CHECK(worker->open(std::move(sockets)));
  return worker;
}

Result<void> Worker::open(std::vector<Socket> sockets) {
  before_wait_ = UvOwner<uv_prepare_t>([this](uv_prepare_t* handle) {
    handle->data = this;
    return uv_prepare_init(loop_.get(), handle);
  });
  turns_ = UvOwner<uv_idle_t>([this](uv_idle_t* handle) {
    handle->data = this;
    return uv_idle_init(loop_.get(), handle);
  });
  for (auto& socket : sockets) {
    set_for_connections(socket.fd.get(), limits_.send_buffer_bytes);
    auto listener = std::make_unique<Listener>();
    listener->proxied = socket.proxied;
    if (const int code = uv_pipe_init(loop_.get(), &listener->stream, 0); code != 0)
      return fail_uv(code, "uv_pipe_init");
    listener->stream.data = this;
    listeners_.push_back(std::move(listener));
    ++open_listeners_;
    if (const int code = uv_pipe_open(&listeners_.back()->stream, socket.fd.get()); code != 0)
      return fail_uv(code, "uv_pipe_open");
    static_cast<void>(socket.fd.release());
  }
  return {};
}

Worker::~Worker() {
  MIRROR_ASSERT(!thread_.joinable());
  // Runs on the control thread: the loop is nobody's now.
  close_listeners();
  message_.close();
  tick_.close();
  before_wait_.close();
  turns_.close();
  uv_run(loop_.get(), UV_RUN_DEFAULT);
}

// ---------------------------------------------------------------- the control thread

Result<void> Worker::start() {
  for (auto& listener : listeners_) {
    const int code = uv_listen(
        stream_of(&listener->stream), kListenBacklog, [](uv_stream_t* server, int status) {
          worker_of(server)->on_connection(reinterpret_cast<Listener*>(server), status);
        });
    if (code != 0) return fail_uv(code, "listen");
  }
  MIRROR_TRY(thread_, start_thread("edge-worker", [this] { run(); }));
  return {};
}

void Worker::post(const Generation& generation) {
  slot_.post(generation);
  message_.ring();
}

void Worker::drain() { send(Command::kDrain); }
void Worker::hand_over() { send(Command::kHandOver); }
void Worker::stop() { send(Command::kStop); }

// What was said first stays, but for kStop.
void Worker::send(Command command) {
  auto expected = Command::kRun;
  if (command == Command::kStop) {
    command_.store(command, std::memory_order_release);
  } else {
    command_.compare_exchange_strong(expected, command, std::memory_order_acq_rel);
  }
  message_.ring();
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

// ---------------------------------------------------------------- the loop

void Worker::run() {
  handler_.set_time(clock_.unix_seconds());
  take_mail();
  tick_.start(kTickMs, kTickMs);
  uv_prepare_start(before_wait_.get(),
                   [](uv_prepare_t* handle) { worker_of(handle)->on_turn_end(); });
  uv_run(loop_.get(), UV_RUN_DEFAULT);
  ended_.store(true, std::memory_order_release);
  control_.ring();
}

void Worker::begin_turn() {
  if (turn_began_ns_ != 0) return;
  turn_began_ns_ = clock_.monotonic_ns();
  ++turn_;
}

// Just before the loop waits again.
void Worker::on_turn_end() {
  if (turn_began_ns_ == 0) return;
  // Who was busy when a client came may be idle now.
  if (held_connections_ > 0) resume_accepting();
  counters_.turn_ns.add(turn_ns());
  turn_began_ns_ = 0;
}

// Only while somebody waits for it: the loop looks at the network in between, and does not sleep.
void Worker::on_turn() {
  begin_turn();
  if (!engine_.serve_waiting()) uv_idle_stop(turns_.get());
}

uint64_t Worker::turn_ns() const {
  return static_cast<uint64_t>(clock_.monotonic_ns() - turn_began_ns_);
}

void Worker::on_message() {
  begin_turn();
  take_mail();
  const Command command = command_.load(std::memory_order_acquire);
  if (command == Command::kRun) return;
  if (!draining_) {
    hands_over_ = command == Command::kHandOver;
    begin_drain();
  }
  if (command == Command::kStop && !stopping_) {
    stopping_ = true;
    for (auto& listener : listeners_) close_listener(*listener);
    engine_.close_all();
  }
  end_if_drained();
}

void Worker::take_mail() {
  const Generation* generation = slot_.take();
  if (generation == nullptr) return;
  handler_.adopt(*generation);
  counters_.swaps.add();
  slot_.adopted(*generation);
  control_.ring();
}

void Worker::on_tick() {
  begin_turn();
  handler_.set_time(clock_.unix_seconds());
  if (draining_ && !hands_over_) {
    engine_.close_idle();
    close_listeners();
  }
  engine_.sweep();
}

void Worker::begin_drain() {
  draining_ = true;
  engine_.begin_drain(hands_over_);
  if (hands_over_) {
    // What waits in the queues belongs to whoever has the sockets now.
    close_listeners();
    return;
  }
  // Closing the last descriptor of a socket resets what waits in its queue: that is taken first.
  tick_.start(kDrainGraceMs, kTickMs);
}

void Worker::close_listeners() {
  closes_listeners_ = true;
  for (auto& listener : listeners_) {
    if (!listener->holds_connection) close_listener(*listener);
  }
}

void Worker::close_listener(Listener& listener) {
  if (std::exchange(listener.closes, true)) return;
  if (std::exchange(listener.holds_connection, false)) --held_connections_;
  uv_close(handle_of(&listener.stream), [](uv_handle_t* handle) {
    auto* worker = worker_of(handle);
    --worker->open_listeners_;
    worker->end_if_drained();
  });
}

void Worker::end_if_drained() {
  if (draining_ && open_listeners_ == 0 && engine_.open_count() == 0) uv_stop(loop_.get());
}

// ---------------------------------------------------------------- accepting

void Worker::on_connection(Listener* listener, int status) {
  begin_turn();
  if (status != 0) {
    counters_.accept_failures.add();
    return;
  }
  auto* connection = static_cast<UvConnection*>(engine_.find_free());
  if (connection == nullptr) {
    // libuv keeps this connection and stops accepting until it is taken from it.
    listener->holds_connection = true;
    ++held_connections_;
    counters_.accept_pauses.add();
    return;
  }
  accept(listener, connection);
}

void Worker::accept(Listener* listener, UvConnection* connection) {
  const int initialised = uv_pipe_init(loop_.get(), &connection->stream, 0);
  MIRROR_ASSERT(initialised == 0);
  connection->stream.data = connection;
  const int code = uv_accept(stream_of(&listener->stream), stream_of(&connection->stream));
  const int fd = descriptor_of(&connection->stream);
  engine_.opened(*connection, code == 0 ? peer_of(fd) : Peer{}, listener->proxied);
  if (code != 0) {
    counters_.accept_failures.add();
    engine_.ended(*connection);
  }
}

void Worker::resume_accepting() {
  for (auto& listener : listeners_) {
    if (!listener->holds_connection) continue;
    // One that is being closed will be free in a moment: no other one must make room.
    const bool none_is_free = engine_.count(ConnectionState::kFree) == 0;
    if (none_is_free && engine_.count(ConnectionState::kClosing) > 0) return;
    auto* connection = static_cast<UvConnection*>(engine_.find_free());
    if (connection == nullptr) return;
    listener->holds_connection = false;
    --held_connections_;
    accept(listener.get(), connection);
    if (closes_listeners_) close_listener(*listener);
  }
}

void Worker::on_closed(UvConnection* connection) {
  begin_turn();
  engine_.closed(*connection);
  if (held_connections_ > 0) resume_accepting();
  if (draining_) end_if_drained();
}

// ---------------------------------------------------------------- the transport

void Worker::on_read(UvConnection* connection, ssize_t count, const char* data) {
  begin_turn();
  if (count == 0) return;  // nothing there after all
  if (count < 0) {
    engine_.ended(*connection);
  } else {
    engine_.received(*connection, {data, static_cast<size_t>(count)});
  }
}

int64_t Worker::write(Connection& connection, std::span<const std::string_view> slices) {
  const Buffers buffers(slices);
  auto* stream = stream_of(&static_cast<UvConnection&>(connection).stream);
  const int written = uv_try_write(stream, buffers.buffers.data(), buffers.count);
  return written == UV_EAGAIN ? 0 : written;
}

bool Worker::write_later(Connection& connection, std::span<const std::string_view> slices) {
  const Buffers buffers(slices);
  auto& writer = static_cast<UvConnection&>(connection);
  writer.write.data = &writer;
  return uv_write(&writer.write, stream_of(&writer.stream), buffers.buffers.data(), buffers.count,
                  [](uv_write_t* write, int status) {
                    auto* done = static_cast<UvConnection*>(write->data);
                    done->worker->begin_turn();
                    done->worker->engine_.written(*done, status == 0);
                  }) == 0;
}

size_t Worker::unwritten(const Connection& connection) const {
  const auto& stream = static_cast<const UvConnection&>(connection).stream;
  return uv_stream_get_write_queue_size(reinterpret_cast<const uv_stream_t*>(&stream));
}

void Worker::start_reading(Connection& connection) {
  uv_read_start(
      stream_of(&static_cast<UvConnection&>(connection).stream),
      [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
        auto* reader = static_cast<UvConnection*>(handle->data);
        const auto room = reader->worker->engine_.room(*reader);
        *buffer = uv_buf_init(room.data(), static_cast<unsigned>(room.size()));
      },
      [](uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) {
        auto* reader = static_cast<UvConnection*>(stream->data);
        reader->worker->on_read(reader, count, buffer->base);
      });
}

void Worker::stop_reading(Connection& connection) {
  uv_read_stop(stream_of(&static_cast<UvConnection&>(connection).stream));
}

void Worker::take_turns() {
  uv_idle_start(turns_.get(), [](uv_idle_t* handle) { worker_of(handle)->on_turn(); });
}

bool Worker::end_writing(Connection& connection) {
  return ::shutdown(descriptor_of(&static_cast<UvConnection&>(connection).stream), SHUT_WR) == 0;
}

bool Worker::has_unread(const Connection& connection) const {
  int count = 0;
  const int fd = descriptor_of(&static_cast<const UvConnection&>(connection).stream);
  return ::ioctl(fd, FIONREAD, &count) == 0 && count > 0;
}

void Worker::close(Connection& connection) {
  // libuv does not look at the bytes of a write any more once its stream is closed.
  uv_close(handle_of(&static_cast<UvConnection&>(connection).stream), [](uv_handle_t* handle) {
    auto* closed = static_cast<UvConnection*>(handle->data);
    closed->worker->on_closed(closed);
  });
}

}  // namespace mirror
