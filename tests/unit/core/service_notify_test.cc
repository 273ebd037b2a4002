#include "base/core/service_notify.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/core/unique_fd.h"

namespace mirror {
namespace {

class ServiceNotify : public testing::Test {
 protected:
  void TearDown() override {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) ::unsetenv(name);
  }
};

TEST_F(ServiceNotify, SendsToAnAbstractSocket) {
  const std::string name = "mirror-notify-test-" + std::to_string(::getpid());
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  ASSERT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  ::setenv("NOTIFY_SOCKET", ("@" + name).c_str(), 1);
  notify_service_manager("READY=1\nSTATUS=here\n");
  char buffer[100];
  const ssize_t got = ::recv(fd.get(), buffer, sizeof buffer, 0);
  ASSERT_GT(got, 0);
  EXPECT_EQ(std::string(buffer, static_cast<size_t>(got)), "READY=1\nSTATUS=here\n");
}

TEST_F(ServiceNotify, NobodyThereIsNoHarm) {
  notify_service_manager("READY=1\n");
  const std::string paths[] = {"", "@", "/no/such/socket", std::string(500, 'x')};
  for (const auto& path : paths) {
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
    notify_service_manager("READY=1\n");
  }
}

TEST_F(ServiceNotify, TheWatchdogIsForOneProcess) {
  EXPECT_EQ(watchdog_interval_ns(), std::nullopt);
  ::setenv("WATCHDOG_USEC", "2000000", 1);
  EXPECT_EQ(watchdog_interval_ns(), 2'000'000'000);
  ::setenv("WATCHDOG_PID", "1", 1);
  EXPECT_EQ(watchdog_interval_ns(), std::nullopt);
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  EXPECT_EQ(watchdog_interval_ns(), 2'000'000'000);
  for (const char* bad : {"", "0", "-1", "soon", "99999999999999999999"}) {
    ::setenv("WATCHDOG_USEC", bad, 1);
    EXPECT_EQ(watchdog_interval_ns(), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace mirror
