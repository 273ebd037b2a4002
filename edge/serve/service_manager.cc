#include "edge/serve/service_manager.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/core/text.h"
#include "edge/serve/limits.h"

namespace mirror {
namespace {

constexpr int kFirstPassed = 3;  // SD_LISTEN_FDS_START

std::string take_variable(const char* name) {
  const char* value = std::getenv(name);
  std::string text = value == nullptr ? "" : value;
  ::unsetenv(name);
  return text;
}

int socket_option(int fd, int option) {
  int value = -1;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

Result<ListenSocket> adopt_passed(int fd, std::string_view name) {
  UniqueFd owned(fd);
  if (socket_option(fd, SO_TYPE) != SOCK_STREAM || socket_option(fd, SO_ACCEPTCONN) != 1) {
    return fail(ErrorKind::kInvalid,
                "LISTEN_FDS: descriptor {} is no stream socket that listens (a socket unit needs "
                "ListenStream= and Accept=no)",
                fd);
  }
  if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return fail_errno(errno, "LISTEN_FDS: fcntl");
  auto url = url_of_socket(fd);
  if (!url)
    return with_context(std::move(url).error(), fmt::format("LISTEN_FDS: descriptor {}", fd));
  const auto role = name.starts_with("proxy") ? ListenRole::kProxies : ListenRole::kClients;
  return ListenSocket{std::move(owned), role, std::move(*url), {}};
}

}  // namespace

Result<std::vector<ListenSocket>> take_passed_sockets() {
  const auto pid = parse_uint64(take_variable("LISTEN_PID"));
  const auto count_text = take_variable("LISTEN_FDS");
  const auto names_text = take_variable("LISTEN_FDNAMES");
  std::vector<ListenSocket> sockets;
  if (count_text.empty() || pid != static_cast<uint64_t>(::getpid())) return sockets;
  const auto count = parse_uint64(count_text);
  if (!count || *count > kListenSocketsMax) {
    return fail(ErrorKind::kInvalid, "LISTEN_FDS: '{}' is no number up to {}",
                quote_for_message(count_text), kListenSocketsMax);
  }
  const auto names = split(names_text, ':');
  for (size_t i = 0; i < *count; ++i) {
    MIRROR_TRY(ListenSocket socket,
               adopt_passed(kFirstPassed + static_cast<int>(i), i < names.size() ? names[i] : ""));
    sockets.push_back(std::move(socket));
  }
  return sockets;
}

}  // namespace mirror
