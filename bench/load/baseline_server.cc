// The floor that the edge is measured against: a minimal libuv + llhttp server that answers every
// request with bytes that were there before. One thread, one read and one write a request,
// kept-alive connections that are closed when the client asks for it, and nothing else: no routing,
// no limits, no timeouts. Not a server for anybody but the load benchmark.
//
//   baseline_server PORT
//
// `GET /BYTES/SLICES` gets an answer of so many bytes with its head, in one write of so many slices
// (1 to 4): the head, and the body in equal pieces. Slashes may follow. A list of such targets has
// the sizes and slices of the edge's questions and answers one by one.
#include <llhttp.h>
#include <uv.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

namespace {

constexpr size_t kSlicesMax = 4;

constexpr size_t kBodyMax = size_t{8} << 20;
// A head as the edge's: its length is a field of eight characters, so that it need not be made
// anew.
constexpr size_t kLengthDigits = 8;
constexpr const char* kHeadBegin =
    "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: ";
constexpr const char* kKeepEnd =
    "\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\nx-mirrorlist-generation: 1\r\n\r\n";
constexpr const char* kCloseEnd =
    "\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\nx-mirrorlist-generation: 1\r\n"
    "connection: close\r\n\r\n";

struct Head {
  explicit Head(const char* end)
      : text(std::string(kHeadBegin) + std::string(kLengthDigits, ' ') + end),
        length_at(std::strlen(kHeadBegin)) {}
  std::string text;
  size_t length_at;
};

// The slices of an answer, which point into texts that stay until it is written.
struct Answer {
  std::array<uv_buf_t, kSlicesMax> slices{};
  unsigned count = 0;
  size_t size = 0;

  void add(char* begin, size_t size_bytes) {
    slices[count++] = uv_buf_init(begin, static_cast<unsigned>(size_bytes));
    size += size_bytes;
  }
};

struct Server {
  uv_loop_t loop{};
  uv_tcp_t listener{};
  llhttp_settings_t settings{};
  Head keep{kKeepEnd};
  Head closing{kCloseEnd};
  std::string body = std::string(kBodyMax, 'x');
  size_t wanted = 0;  // bytes, of the request that is being read, ...
  size_t slices = 1;  // ... and in how many slices
  char read_buffer[65536];
};

struct Connection {
  uv_tcp_t handle{};
  llhttp_t parser{};
  Server* server = nullptr;
};

void close_connection(Connection* connection) {
  auto* handle = reinterpret_cast<uv_handle_t*>(&connection->handle);
  if (uv_is_closing(handle) != 0) return;
  uv_close(handle, [](uv_handle_t* closed) { delete static_cast<Connection*>(closed->data); });
}

struct PendingWrite {
  uv_write_t request{};
  std::string rest;
  Connection* connection = nullptr;
  bool close = false;
};

// What the kernel did not take at once.
void write_rest(Connection* connection, const Answer& answer, size_t done, bool close) {
  auto* pending = new PendingWrite;
  for (unsigned i = 0; i < answer.count; ++i) {
    const size_t skipped = std::min(done, answer.slices[i].len);
    pending->rest.append(answer.slices[i].base + skipped, answer.slices[i].len - skipped);
    done -= skipped;
  }
  pending->connection = connection;
  pending->close = close;
  pending->request.data = pending;
  uv_buf_t slice = uv_buf_init(pending->rest.data(), static_cast<unsigned>(pending->rest.size()));
  uv_write(&pending->request, reinterpret_cast<uv_stream_t*>(&connection->handle), &slice, 1,
           [](uv_write_t* request, int) {
             auto* written = static_cast<PendingWrite*>(request->data);
             if (written->close) close_connection(written->connection);
             delete written;
           });
}

Answer make_answer(Server& server, bool close) {
  Head& head = close ? server.closing : server.keep;
  const size_t size = server.wanted > head.text.size() ? server.wanted - head.text.size() : 0;
  char* const field = head.text.data() + head.length_at;
  std::fill_n(field, kLengthDigits, ' ');
  std::to_chars(field, field + kLengthDigits, size);
  Answer answer;
  answer.add(head.text.data(), head.text.size());
  const size_t pieces = server.slices - 1;
  for (size_t i = 0; i < pieces && size > 0; ++i) {
    const size_t begin = size * i / pieces;
    answer.add(server.body.data() + begin, size * (i + 1) / pieces - begin);
  }
  return answer;
}

// Targets are short and come in one read.
int on_url(llhttp_t* parser, const char* at, size_t length) {
  Server& server = *static_cast<Connection*>(parser->data)->server;
  server.wanted = 0;
  server.slices = 1;
  const auto bytes = std::from_chars(at + 1, at + length, server.wanted);
  if (bytes.ptr < at + length) std::from_chars(bytes.ptr + 1, at + length, server.slices);
  server.wanted = std::min(server.wanted, kBodyMax);
  server.slices = std::clamp(server.slices, size_t{1}, kSlicesMax);
  return 0;
}

int on_request(llhttp_t* parser) {
  auto* connection = static_cast<Connection*>(parser->data);
  Server& server = *connection->server;
  const bool close = llhttp_should_keep_alive(parser) == 0;
  const Answer answer = make_answer(server, close);
  const int written = uv_try_write(reinterpret_cast<uv_stream_t*>(&connection->handle),
                                   answer.slices.data(), answer.count);
  const size_t done = written > 0 ? static_cast<size_t>(written) : 0;
  if (done < answer.size) {
    write_rest(connection, answer, done, close);
  } else if (close) {
    close_connection(connection);
  }
  return 0;
}

void on_read(uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer) {
  auto* connection = static_cast<Connection*>(stream->data);
  if (size < 0 ||
      llhttp_execute(&connection->parser, buffer->base, static_cast<size_t>(size)) != HPE_OK) {
    close_connection(connection);
  }
}

void on_connection(uv_stream_t* listener, int status) {
  if (status < 0) return;
  auto* server = static_cast<Server*>(listener->data);
  auto connection = std::make_unique<Connection>();
  connection->server = server;
  uv_tcp_init(&server->loop, &connection->handle);
  connection->handle.data = connection.get();
  llhttp_init(&connection->parser, HTTP_REQUEST, &server->settings);
  connection->parser.data = connection.get();
  Connection* accepted = connection.release();
  auto* stream = reinterpret_cast<uv_stream_t*>(&accepted->handle);
  if (uv_accept(listener, stream) != 0) return close_connection(accepted);
  uv_read_start(
      stream,
      [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
        Server& owner = *static_cast<Connection*>(handle->data)->server;
        *buffer = uv_buf_init(owner.read_buffer, sizeof owner.read_buffer);
      },
      on_read);
}

// The port that it listens on, or 0 with a message.
int listen_on(Server& server, int port) {
  uv_loop_init(&server.loop);
  uv_tcp_init(&server.loop, &server.listener);
  server.listener.data = &server;
  sockaddr_in address{};
  uv_ip4_addr("127.0.0.1", port, &address);
  int status = uv_tcp_bind(&server.listener, reinterpret_cast<const sockaddr*>(&address), 0);
  if (status == 0)
    status = uv_listen(reinterpret_cast<uv_stream_t*>(&server.listener), 4096, on_connection);
  // Connections inherit it, as the edge's do, so that none of them needs a call of its own.
  if (status == 0) status = uv_tcp_nodelay(&server.listener, 1);
  if (status != 0) {
    std::fprintf(stderr, "baseline_server: 127.0.0.1:%d: %s\n", port, uv_strerror(status));
    return 0;
  }
  int length = sizeof address;
  uv_tcp_getsockname(&server.listener, reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin_port);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: baseline_server PORT\n");
    return 2;
  }
  auto server = std::make_unique<Server>();
  llhttp_settings_init(&server->settings);
  server->settings.on_url = on_url;
  server->settings.on_message_complete = on_request;
  const int port = listen_on(*server, std::atoi(argv[1]));
  if (port == 0) return 1;
  std::printf("Listening on http://127.0.0.1:%d\n", port);
  std::fflush(stdout);
  return uv_run(&server->loop, UV_RUN_DEFAULT);
}
