#include "base/core/service_notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "base/core/text.h"
#include "base/core/unique_fd.h"

namespace mirror {
namespace {

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

void notify_service_manager(std::string_view lines) {
  const auto path = variable("NOTIFY_SOCKET");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() < 2 || path.size() >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, path.data(), path.size());
  // An abstract socket is written with @ for its zero byte.
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto address_size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  // The service manager may be gone; the program goes on without it.
  [[maybe_unused]] const ssize_t sent =
      ::sendto(fd.get(), lines.data(), lines.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
               reinterpret_cast<const sockaddr*>(&address), address_size);
}

std::optional<int64_t> watchdog_interval_ns() {
  constexpr uint64_t kIntervalMax = uint64_t{24} * 60 * 60 * 1'000'000;  // microseconds
  const auto interval = parse_uint64(variable("WATCHDOG_USEC"));
  if (!interval || *interval == 0 || *interval > kIntervalMax) return std::nullopt;
  const auto pid = variable("WATCHDOG_PID");
  if (!pid.empty() && parse_uint64(pid) != static_cast<uint64_t>(::getpid())) return std::nullopt;
  return static_cast<int64_t>(*interval) * 1000;
}

}  // namespace mirror
