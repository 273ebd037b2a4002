// The floor that the edge is measured against: a minimal libuv + llhttp server that answers every
// request with the same bytes. One thread, keep-alive, one read and one write a request, and
// nothing else: no routing, no limits, no timeouts. Not a server for anybody but the load
// benchmark.
//
//   baseline_server PORT HEAD_BYTES BODY_BYTES
#include <llhttp.h>
#include <uv.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

namespace {

struct Server {
  uv_loop_t loop{};
  uv_tcp_t listener{};
  llhttp_settings_t settings{};
  std::string head;
  std::string body;
  char read_buffer[65536];
};

struct Connection {
  uv_tcp_t handle{};
  llhttp_t parser{};
  Server* server = nullptr;
};

void close_connection(Connection* connection) {
  uv_close(reinterpret_cast<uv_handle_t*>(&connection->handle),
           [](uv_handle_t* handle) { delete static_cast<Connection*>(handle->data); });
}

struct PendingWrite {
  uv_write_t request{};
  std::string rest;
};

int answer(llhttp_t* parser) {
  auto* connection = static_cast<Connection*>(parser->data);
  Server& server = *connection->server;
  uv_buf_t slices[2] = {uv_buf_init(server.head.data(), static_cast<unsigned>(server.head.size())),
                        uv_buf_init(server.body.data(), static_cast<unsigned>(server.body.size()))};
  auto* stream = reinterpret_cast<uv_stream_t*>(&connection->handle);
  const int written = uv_try_write(stream, slices, 2);
  const size_t total = server.head.size() + server.body.size();
  const size_t done = written > 0 ? static_cast<size_t>(written) : 0;
  if (done == total) return 0;
  auto* pending = new PendingWrite;
  pending->rest = (server.head + server.body).substr(done);
  pending->request.data = pending;
  uv_buf_t slice = uv_buf_init(pending->rest.data(), static_cast<unsigned>(pending->rest.size()));
  uv_write(&pending->request, stream, &slice, 1,
           [](uv_write_t* request, int) { delete static_cast<PendingWrite*>(request->data); });
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
  uv_tcp_nodelay(&accepted->handle, 1);
  uv_read_start(
      stream,
      [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
        Server& owner = *static_cast<Connection*>(handle->data)->server;
        *buffer = uv_buf_init(owner.read_buffer, sizeof owner.read_buffer);
      },
      on_read);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: baseline_server PORT HEAD_BYTES BODY_BYTES\n");
    return 2;
  }
  auto server = std::make_unique<Server>();
  const size_t head_size = std::strtoul(argv[2], nullptr, 10);
  server->body.assign(std::strtoul(argv[3], nullptr, 10), 'x');
  server->head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: " +
                 std::to_string(server->body.size()) + "\r\nx-padding: ";
  // The padding makes the head as long as the edge's, so that both write the same number of bytes.
  const size_t fixed = server->head.size() + 4;
  server->head.append(head_size > fixed ? head_size - fixed : 0, 'x');
  server->head += "\r\n\r\n";
  llhttp_settings_init(&server->settings);
  server->settings.on_message_complete = answer;

  uv_loop_init(&server->loop);
  uv_tcp_init(&server->loop, &server->listener);
  server->listener.data = server.get();
  sockaddr_in address{};
  uv_ip4_addr("127.0.0.1", std::atoi(argv[1]), &address);
  int status = uv_tcp_bind(&server->listener, reinterpret_cast<const sockaddr*>(&address), 0);
  if (status == 0)
    status = uv_listen(reinterpret_cast<uv_stream_t*>(&server->listener), 1024, on_connection);
  if (status != 0) {
    std::fprintf(stderr, "baseline_server: 127.0.0.1:%s: %s\n", argv[1], uv_strerror(status));
    return 1;
  }
  int length = sizeof address;
  uv_tcp_getsockname(&server->listener, reinterpret_cast<sockaddr*>(&address), &length);
  std::printf("Listening on http://127.0.0.1:%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return uv_run(&server->loop, UV_RUN_DEFAULT);
}
