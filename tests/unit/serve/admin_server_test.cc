// Clients of the admin listener that go at awkward moments.
#include "edge/serve/admin_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/core/text.h"
#include "base/core/unique_fd.h"

namespace mirror {
namespace {

class AdminServerTest : public testing::Test {
 protected:
  static constexpr uint32_t kTargetBytes = 40'000;

  void SetUp() override {
    auto socket =
        open_exclusive_socket({*IpAddress::parse("127.0.0.1"), 0, {}}, ListenRole::kAdmin);
    ASSERT_TRUE(socket.has_value()) << socket.error().message;
    RequestLimits limits;
    limits.target_bytes = kTargetBytes;
    limits.head_bytes = 2 * kTargetBytes;
    auto server = AdminServer::open(loop_.get(), std::move(*socket), limits, clock_,
                                    {[this](std::string_view) {
                                       ++answered_;
                                       return AdminReply{200, "text/plain", "x"};
                                     },
                                     [] { return uint64_t{0}; }});
    ASSERT_TRUE(server.has_value()) << server.error().message;
    server_ = std::move(*server);
  }
  UniqueFd dial() {
    const auto& url = server_->url();
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port =
        htons(static_cast<uint16_t>(parse_uint64(url.substr(url.rfind(':') + 1)).value_or(0)));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return fd;
  }
  void run_some() {
    for (int i = 0; i < 5; ++i) uv_run(loop_.get(), UV_RUN_NOWAIT);
  }

  SystemClock clock_;
  int answered_ = 0;
  UvLoop loop_;
  std::unique_ptr<AdminServer> server_;
};

// The answer is written at once, its callback comes in the next round of the loop; between them
// the client makes room for a new one. With AddressSanitizer a callback that looks at it aborts.
TEST_F(AdminServerTest, AnAnsweredClientMakesRoomBeforeItsCallback) {
  std::vector<UniqueFd> clients;
  for (size_t i = 0; i < kAdminConnectionsMax; ++i) {
    clients.push_back(dial());
    run_some();
  }
  constexpr std::string_view kRequest = "GET / HTTP/1.1\r\n\r\n";
  ASSERT_EQ(::send(clients[0].get(), kRequest.data(), kRequest.size(), 0),
            static_cast<ssize_t>(kRequest.size()));
  clients.push_back(dial());
  run_some();
  EXPECT_EQ(answered_, 1);
  char byte = 0;
  EXPECT_EQ(::recv(clients[0].get(), &byte, 1, 0), 1);
  EXPECT_EQ(byte, 'H');
}

// What explains a question is longer than the question.
TEST_F(AdminServerTest, TakesTargetsAsLongAsItIsTold) {
  const UniqueFd client = dial();
  const auto request = fmt::format("GET /{} HTTP/1.1\r\n\r\n", std::string(kTargetBytes - 1, 'x'));
  ASSERT_EQ(::send(client.get(), request.data(), request.size(), 0),
            static_cast<ssize_t>(request.size()));
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (answered_ == 0 && std::chrono::steady_clock::now() < end) run_some();
  EXPECT_EQ(answered_, 1);
}

}  // namespace
}  // namespace mirror
