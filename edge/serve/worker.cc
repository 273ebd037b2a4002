#include "edge/serve/worker.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "base/core/assert.h"

namespace mirror {
namespace {

uv_stream_t* stream_of(Connection* connection) {
  return reinterpret_cast<uv_stream_t*>(&connection->tcp);
}
uv_handle_t* handle_of(uv_tcp_t* tcp) { return reinterpret_cast<uv_handle_t*>(tcp); }

template <typename Handle>
Worker* worker_of(Handle* handle) {
  return static_cast<Worker*>(handle->data);
}

IpAddress peer_of(const uv_tcp_t* tcp) {
  sockaddr_storage storage{};
  int size = sizeof storage;
  if (uv_tcp_getpeername(tcp, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return {};
  return IpAddress::from_sockaddr(reinterpret_cast<const sockaddr*>(&storage))
      .value_or(IpAddress{})
      .unmapped();
}

bool has_unread(const uv_tcp_t* tcp) {
  uv_os_fd_t fd = -1;
  int count = 0;
  return uv_fileno(reinterpret_cast<const uv_handle_t*>(tcp), &fd) == 0 &&
         ::ioctl(fd, FIONREAD, &count) == 0 && count > 0;
}

}  // namespace

Worker::Worker(const Options& options)
    : limits_(options.limits),
      clock_(*options.clock),
      control_(options.control),
      handler_(options.handler, counters_),
      connections_(new Connection[options.limits.connections]),
      read_buffers_({kRequestHeadSizeMax, options.limits.read_buffers}),
      pending_({kPendingBlockSize, options.limits.pending_bytes / kPendingBlockSize}),
      shared_buffer_(new char[kRequestHeadSizeMax]) {
  for (uint32_t i = 0; i < limits_.connections; ++i) {
    connections_[i].worker = this;
    list(ConnectionState::kFree).push_back(&connections_[i]);
  }
}

Result<std::unique_ptr<Worker>> Worker::create(const Options& options,
                                               std::vector<UniqueFd> sockets) {
  std::unique_ptr<Worker> worker(new Worker(options));
  MIRROR_CHECK(worker->open(std::move(sockets)));
  return worker;
}

Result<void> Worker::open(std::vector<UniqueFd> sockets) {
  message_ = UvOwner<uv_async_t>([this](uv_async_t* handle) {
    handle->data = this;
    return uv_async_init(loop_.get(), handle,
                         [](uv_async_t* async) { worker_of(async)->on_message(); });
  });
  tick_ = UvOwner<uv_timer_t>([this](uv_timer_t* handle) {
    handle->data = this;
    return uv_timer_init(loop_.get(), handle);
  });
  for (auto& socket : sockets) {
    auto listener = std::make_unique<Listener>();
    if (const int code = uv_tcp_init(loop_.get(), &listener->tcp); code != 0)
      return fail_uv(code, "uv_tcp_init");
    listener->tcp.data = this;
    listeners_.push_back(std::move(listener));
    ++open_listeners_;
    uv_tcp_t* tcp = &listeners_.back()->tcp;
    if (const int code = uv_tcp_open(tcp, socket.get()); code != 0)
      return fail_uv(code, "uv_tcp_open");
    static_cast<void>(socket.release());
  }
  return {};
}

Worker::~Worker() {
  MIRROR_ASSERT(!thread_.joinable());
  // Runs on the control thread: the loop is nobody's now.
  close_listeners();
  message_.close();
  tick_.close();
  uv_run(loop_.get(), UV_RUN_DEFAULT);
}

// ---------------------------------------------------------------- the control thread

Result<void> Worker::start() {
  for (auto& listener : listeners_) {
    auto* stream = reinterpret_cast<uv_stream_t*>(&listener->tcp);
    const int code = uv_listen(stream, kListenBacklog, [](uv_stream_t* server, int status) {
      worker_of(server)->on_connection(reinterpret_cast<Listener*>(server), status);
    });
    if (code != 0) return fail_uv(code, "listen");
  }
  // Signals are the control thread's: an interrupted system call here would be nobody's gain.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return {};
}

void Worker::post(const Generation& generation) {
  mailbox_.exchange(&generation, std::memory_order_acq_rel);
  uv_async_send(message_.get());
}

void Worker::drain() {
  auto expected = Command::kRun;
  command_.compare_exchange_strong(expected, Command::kDrain, std::memory_order_acq_rel);
  uv_async_send(message_.get());
}

void Worker::stop() {
  command_.store(Command::kStop, std::memory_order_release);
  uv_async_send(message_.get());
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

// ---------------------------------------------------------------- the loop

void Worker::run() {
  handler_.set_time(clock_.unix_seconds());
  take_mail();
  start_ticking(kTickMs);
  uv_run(loop_.get(), UV_RUN_DEFAULT);
  ended_.store(true, std::memory_order_release);
  uv_async_send(control_);
}

void Worker::on_message() {
  take_mail();
  const Command command = command_.load(std::memory_order_acquire);
  if (command == Command::kRun) return;
  if (!draining_) begin_drain();
  if (command == Command::kStop && !stopping_) {
    stopping_ = true;
    close_listeners();
    for (const auto state : {ConnectionState::kIdle, ConnectionState::kReading,
                             ConnectionState::kWriting, ConnectionState::kLingering}) {
      while (!list(state).empty()) close(list(state).front());
    }
  }
  end_if_drained();
}

void Worker::take_mail() {
  const Generation* generation = mailbox_.exchange(nullptr, std::memory_order_acq_rel);
  if (generation == nullptr) return;
  handler_.adopt(*generation);
  counters_.swaps.add();
  // Releases the generation before: the control thread may unmap it from here on.
  adopted_ordinal_.store(generation->ordinal, std::memory_order_release);
  uv_async_send(control_);
}

void Worker::start_ticking(uint64_t first_ms) {
  const auto on_time = [](uv_timer_t* timer) { worker_of(timer)->on_tick(); };
  uv_timer_start(tick_.get(), on_time, first_ms, kTickMs);
}

void Worker::on_tick() {
  handler_.set_time(clock_.unix_seconds());
  if (draining_) {
    close_idle_in_drain();
    close_listeners();
  }
  sweep(ConnectionState::kIdle, limits_.idle_timeout_ms, &counters_.idle_timeouts);
  sweep(ConnectionState::kReading, limits_.header_timeout_ms, &counters_.header_timeouts);
  sweep(ConnectionState::kWriting, limits_.write_timeout_ms, &counters_.write_timeouts);
  sweep(ConnectionState::kLingering, kLingerTimeoutMs, nullptr);
}

void Worker::sweep(ConnectionState state, uint64_t timeout_ms, Counter* counter) {
  const uint64_t now = uv_now(loop_.get());
  while (!list(state).empty() && now - list(state).front()->since_ms >= timeout_ms) {
    if (counter != nullptr) counter->add();
    close(list(state).front());
  }
}

void Worker::begin_drain() {
  draining_ = true;
  handler_.drain();
  // The next answer on each connection that is kept alive says that it is the last one.
  start_ticking(kDrainGraceMs);
}

// A request that was sent is answered: one that was just accepted has the time of grace to send it,
// and what waits in the kernel is read before the next tick.
void Worker::close_idle_in_drain() {
  const uint64_t now = uv_now(loop_.get());
  Connection* next = nullptr;
  for (Connection* idle = list(ConnectionState::kIdle).front(); idle != nullptr; idle = next) {
    next = idle->next;
    if (now - idle->since_ms < kDrainGraceMs) return;
    if (!has_unread(&idle->tcp)) close(idle);
  }
}

void Worker::close_listeners() {
  if (std::exchange(listeners_closed_, true)) return;
  for (auto& listener : listeners_) {
    uv_close(handle_of(&listener->tcp), [](uv_handle_t* handle) {
      auto* worker = worker_of(handle);
      --worker->open_listeners_;
      worker->end_if_drained();
    });
  }
}

void Worker::end_if_drained() {
  if (draining_ && open_listeners_ == 0 && open_connections() == 0) uv_stop(loop_.get());
}

// ---------------------------------------------------------------- accepting

void Worker::on_connection(Listener* listener, int status) {
  if (status != 0) {
    counters_.accept_failures.add();
    return;
  }
  make_room();
  if (list(ConnectionState::kFree).empty()) {
    // libuv keeps this connection and stops accepting until it is taken from it.
    listener->holds_connection = true;
    counters_.accept_pauses.add();
    return;
  }
  accept(listener);
}

void Worker::make_room() {
  if (open_connections() * 100 < uint64_t{limits_.connections} * kCrowdedPercent) return;
  if (list(ConnectionState::kIdle).empty()) return;
  counters_.idle_evicted.add();
  close(list(ConnectionState::kIdle).front());
}

void Worker::accept(Listener* listener) {
  Connection* connection = list(ConnectionState::kFree).front();
  const int initialised = uv_tcp_init(loop_.get(), &connection->tcp);
  MIRROR_ASSERT(initialised == 0);
  connection->tcp.data = connection;
  connection->http.reset();
  connection->close_after_write = false;
  connection->linger_after_write = false;
  connection->discarded = 0;
  enter(connection, ConnectionState::kIdle);
  counters_.accepted.add();
  counters_.connections.add();
  if (uv_accept(reinterpret_cast<uv_stream_t*>(&listener->tcp), stream_of(connection)) != 0) {
    counters_.accept_failures.add();
    close(connection);
    return;
  }
  connection->peer = peer_of(&connection->tcp);
  // An answer goes out in one write; waiting for more to come would only delay it.
  uv_tcp_nodelay(&connection->tcp, 1);
  if (limits_.send_buffer_bytes > 0) {
    int bytes = limits_.send_buffer_bytes;
    uv_send_buffer_size(handle_of(&connection->tcp), &bytes);
  }
  uv_read_start(stream_of(connection), on_buffer_wanted, on_bytes);
}

void Worker::resume_accepting() {
  for (auto& listener : listeners_) {
    if (!listener->holds_connection || list(ConnectionState::kFree).empty()) continue;
    listener->holds_connection = false;
    if (uv_is_closing(handle_of(&listener->tcp)) == 0) accept(listener.get());
  }
}

}  // namespace mirror
