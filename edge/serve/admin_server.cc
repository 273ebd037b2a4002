#include "edge/serve/admin_server.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/core/http_date.h"
#include "edge/http/response_head.h"

namespace mirror {
namespace {

uv_stream_t* stream_of(const UvOwner<uv_pipe_t>& pipe) {
  return reinterpret_cast<uv_stream_t*>(pipe.get());
}

UvOwner<uv_pipe_t> make_pipe(uv_loop_t* loop, void* data) {
  return UvOwner<uv_pipe_t>([loop, data](uv_pipe_t* pipe) {
    pipe->data = data;
    return uv_pipe_init(loop, pipe, 0);
  });
}

}  // namespace

struct AdminServer::Client {
  explicit Client(AdminServer* admin_server)
      : server(admin_server),
        http(admin_server->limits_),
        buffer(admin_server->limits_.head_bytes) {}

  AdminServer* const server;
  // The answer that libuv has, whose callback must not find a client that is gone: closing cancels
  // only what is not written yet, and reports the rest as a success.
  uv_write_t* answer = nullptr;
  UvOwner<uv_pipe_t> pipe;
  HttpConnection http;
  uint64_t since_ms = 0;
  size_t held = 0;
  std::vector<char> buffer;

  ~Client() {
    if (answer != nullptr) answer->data = nullptr;
  }
};

namespace {

// What libuv needs until an answer is written; the client may be gone by then.
struct AdminWrite {
  uv_write_t request{};
  std::string bytes;
};

}  // namespace

AdminServer::AdminServer(uv_loop_t* loop, const RequestLimits& limits, const Clock& clock,
                         Callbacks callbacks)
    : loop_(loop), limits_(limits), clock_(clock), callbacks_(std::move(callbacks)) {}

AdminServer::~AdminServer() = default;

Result<std::unique_ptr<AdminServer>> AdminServer::open(uv_loop_t* loop, ListenSocket socket,
                                                       const RequestLimits& limits,
                                                       const Clock& clock, Callbacks callbacks) {
  std::unique_ptr<AdminServer> server(new AdminServer(loop, limits, clock, std::move(callbacks)));
  MIRROR_CHECK(server->listen(std::move(socket)));
  return server;
}

Result<void> AdminServer::listen(ListenSocket socket) {
  socket_ = std::move(socket);
  // libuv closes the descriptor that it has; the other one is for a successor.
  UniqueFd own(::fcntl(socket_.fd.get(), F_DUPFD_CLOEXEC, 0));
  if (!own.valid()) return fail_errno(errno, fmt::format("listen on {}", socket_.url));
  listener_ = make_pipe(loop_, this);
  if (const int code = uv_pipe_open(listener_.get(), own.get()); code != 0)
    return fail_uv(code, "uv_pipe_open");
  static_cast<void>(own.release());
  const int code = uv_listen(stream_of(listener_), static_cast<int>(kAdminConnectionsMax),
                             [](uv_stream_t* stream, int status) {
                               static_cast<AdminServer*>(stream->data)->on_connection(status);
                             });
  if (code != 0) return fail_uv(code, fmt::format("listen on {}", socket_.url));
  timer_ = UvOwner<uv_timer_t>([this](uv_timer_t* timer) {
    timer->data = this;
    return uv_timer_init(loop_, timer);
  });
  return {};
}

void AdminServer::stop_listening() {
  listener_.close();
  socket_.fd = UniqueFd();
}

void AdminServer::on_connection(int status) {
  if (status != 0) return;
  // The oldest client has had its time: a stuck one must not lock operators out.
  if (clients_.size() == kAdminConnectionsMax) clients_.pop_front();
  auto client = std::make_unique<Client>(this);
  client->since_ms = uv_now(loop_);
  client->pipe = make_pipe(loop_, client.get());
  if (uv_accept(stream_of(listener_), stream_of(client->pipe)) != 0) return;
  uv_read_start(
      stream_of(client->pipe),
      [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
        auto* reader = static_cast<Client*>(handle->data);
        *buffer = uv_buf_init(reader->buffer.data() + reader->held,
                              static_cast<unsigned>(reader->buffer.size() - reader->held));
      },
      [](uv_stream_t* stream, ssize_t count, const uv_buf_t*) {
        auto* reader = static_cast<Client*>(stream->data);
        reader->server->on_read(reader, count);
      });
  clients_.push_back(std::move(client));
  uv_timer_start(
      timer_.get(), [](uv_timer_t* timer) { static_cast<AdminServer*>(timer->data)->sweep(); },
      kTickMs, kTickMs);
}

void AdminServer::on_read(Client* client, ssize_t count) {
  if (count == 0) return;
  if (count < 0) {
    remove(client);
    return;
  }
  client->held += static_cast<size_t>(count);
  RequestHead head;
  switch (client->http.parse({client->buffer.data(), client->held}, &head)) {
    case HttpConnection::Outcome::kIncomplete:
      return;
    case HttpConnection::Outcome::kRefused:
      reply(client,
            {client->http.refusal().status(), "text/plain",
             std::string(client->http.refusal().reason) + "\n"},
            false);
      return;
    case HttpConnection::Outcome::kRequest:
      reply(client, callbacks_.answer(head.target), head.method == RequestMethod::kHead);
      return;
  }
}

void AdminServer::reply(Client* client, const AdminReply& reply, bool head_only) {
  uv_read_stop(stream_of(client->pipe));
  const HttpDate date(clock_.unix_seconds());
  ResponseHead head;
  head.status = reply.status;
  head.content_type = reply.content_type;
  head.content_length = reply.body.size();
  head.date = date.text();
  head.generation = callbacks_.generation();
  head.no_store = true;
  head.allow = reply.status == 405;
  head.connection = ConnectionHeader::kClose;
  std::array<char, kResponseHeadSizeMax> scratch;
  auto write = std::make_unique<AdminWrite>();
  for (const auto slice : render_response_head(head, scratch)) write->bytes += slice;
  if (!head_only) write->bytes += reply.body;
  write->request.data = client;
  const uv_buf_t bytes =
      uv_buf_init(write->bytes.data(), static_cast<unsigned>(write->bytes.size()));
  const int code =
      uv_write(&write->request, stream_of(client->pipe), &bytes, 1, [](uv_write_t* request, int) {
        const std::unique_ptr<AdminWrite> done(reinterpret_cast<AdminWrite*>(request));
        auto* writer = static_cast<Client*>(request->data);
        if (writer == nullptr) return;
        writer->answer = nullptr;
        writer->server->remove(writer);
      });
  if (code != 0) {
    remove(client);
    return;
  }
  client->answer = &write.release()->request;
}

void AdminServer::remove(Client* client) {
  clients_.remove_if([client](const auto& other) { return other.get() == client; });
}

void AdminServer::sweep() {
  const uint64_t now = uv_now(loop_);
  while (!clients_.empty() && now - clients_.front()->since_ms >= kAdminTimeoutMs)
    clients_.pop_front();
  if (clients_.empty()) uv_timer_stop(timer_.get());
}

}  // namespace mirror
