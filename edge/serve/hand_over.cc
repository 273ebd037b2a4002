#include "edge/serve/hand_over.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/core/text.h"
#include "edge/serve/limits.h"

namespace mirror {
namespace {

constexpr std::string_view kGreeting = "mirror-edge-hand-over 1 ";
constexpr std::string_view kReady = "ready";
constexpr std::string_view kDone = "done";
constexpr std::string_view kRefused = "refused: ";
constexpr std::string_view kEnding = "ending";
constexpr size_t kMessageMax = 512;
constexpr int kSendTimeoutSeconds = 5;
constexpr std::array<std::pair<ListenRole, std::string_view>, 4> kRoles = {
    {{ListenRole::kClients, "clients"},
     {ListenRole::kProxies, "proxies"},
     {ListenRole::kAdmin, "admin"},
     {ListenRole::kHandOver, "hand-over"}}};

std::string_view name_of(ListenRole role) {
  return std::ranges::find(kRoles, role, [](const auto& pair) { return pair.first; })->second;
}

// Room for the control message of one descriptor.
union OneDescriptor {
  cmsghdr header;
  char bytes[CMSG_SPACE(sizeof(int))];
};

// Sends a message, with a descriptor if `passed` is one.
Result<void> send_message(int fd, std::string_view text, int passed = -1) {
  iovec part{const_cast<char*>(text.data()), text.size()};
  OneDescriptor control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (passed >= 0) {
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof control.bytes;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof passed);
    std::memcpy(CMSG_DATA(header), &passed, sizeof passed);
  }
  if (::sendmsg(fd, &message, MSG_NOSIGNAL) < 0) return fail_errno(errno, "sending");
  return {};
}

struct Message {
  std::string text;
  UniqueFd fd;
};

Result<Message> receive_message(int fd) {
  std::array<char, kMessageMax> bytes;
  iovec part{bytes.data(), bytes.size()};
  OneDescriptor control{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.bytes;
  header.msg_controllen = sizeof control.bytes;
  ssize_t size = -1;
  do {
    size = ::recvmsg(fd, &header, MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
    return fail(ErrorKind::kConflict, "the other process does not answer");
  if (size < 0) return fail_errno(errno, "receiving");
  Message message;
  message.text.assign(bytes.data(), static_cast<size_t>(size));
  const cmsghdr* passed = CMSG_FIRSTHDR(&header);
  if (passed != nullptr && passed->cmsg_level == SOL_SOCKET && passed->cmsg_type == SCM_RIGHTS &&
      passed->cmsg_len == CMSG_LEN(sizeof(int))) {
    int received = -1;
    std::memcpy(&received, CMSG_DATA(passed), sizeof received);
    message.fd = UniqueFd(received);
  }
  if (size == 0) return fail_errno(ECONNRESET, "the other process has closed the connection");
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
    return fail(ErrorKind::kInvalid, "a message is too long, or too few files may be open");
  return message;
}

bool is_same_user(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
         (peer.uid == ::geteuid() || peer.uid == 0);
}

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return fail(ErrorKind::kInvalid, "hand-over socket {}: the path must have 1 to {} bytes", path,
                sizeof address.sun_path - 1);
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

UniqueFd make_socket(int flags) {
  return UniqueFd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0));
}

}  // namespace

// ---------------------------------------------------------------- the old one

Result<ListenSocket> open_hand_over_socket(const std::string& path) {
  const auto what = fmt::format("hand-over socket {}", path);
  MIRROR_TRY(const sockaddr_un address, address_of(path));
  const auto* any = reinterpret_cast<const sockaddr*>(&address);
  ListenSocket socket{make_socket(SOCK_NONBLOCK), ListenRole::kHandOver, "unix:" + path, path};
  if (!socket.fd.valid()) return fail_errno(errno, what);
  if (::bind(socket.fd.get(), any, sizeof address) != 0) {
    if (errno != EADDRINUSE) return fail_errno(errno, what);
    const UniqueFd probe = make_socket(SOCK_NONBLOCK);
    if (::connect(probe.get(), any, sizeof address) == 0 || errno != ECONNREFUSED) {
      return fail(ErrorKind::kConflict,
                  "{}: another edge runs there; --take-over takes its place, or give another path",
                  what);
    }
    if (::unlink(path.c_str()) != 0 || ::bind(socket.fd.get(), any, sizeof address) != 0)
      return fail_errno(errno, what);
  }
  if (::chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0) return fail_errno(errno, what);
  return socket;
}

HandOverServer::HandOverServer(uv_loop_t* loop, ListenSocket socket, const Log& log,
                               Callbacks callbacks)
    : loop_(loop), log_(log), callbacks_(std::move(callbacks)), socket_(std::move(socket)) {}

// Members go in reverse: each poll before its descriptor.
HandOverServer::~HandOverServer() = default;

Result<std::unique_ptr<HandOverServer>> HandOverServer::open(uv_loop_t* loop, ListenSocket socket,
                                                             const Log& log, Callbacks callbacks) {
  std::unique_ptr<HandOverServer> server(
      new HandOverServer(loop, std::move(socket), log, std::move(callbacks)));
  constexpr int kBacklog = 4;
  if (::listen(server->socket_.fd.get(), kBacklog) != 0)
    return fail_errno(errno, fmt::format("listen on {}", server->socket_.url));
  server->listener_ = UvOwner<uv_poll_t>([&server, loop](uv_poll_t* poll) {
    poll->data = server.get();
    return uv_poll_init(loop, poll, server->socket_.fd.get());
  });
  server->timer_ = UvOwner<uv_timer_t>([&server, loop](uv_timer_t* timer) {
    timer->data = server.get();
    return uv_timer_init(loop, timer);
  });
  const int code = uv_poll_start(
      server->listener_.get(), UV_READABLE,
      [](uv_poll_t* poll, int, int) { static_cast<HandOverServer*>(poll->data)->on_connection(); });
  if (code != 0) return fail_uv(code, fmt::format("listen on {}", server->socket_.url));
  return server;
}

void HandOverServer::on_connection() {
  UniqueFd fd(::accept4(socket_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
  // Many descriptors may fill the socket's buffer; the other process is reading.
  const timeval limit{kSendTimeoutSeconds, 0};
  if (!fd.valid() || ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0)
    return;
  if (!is_same_user(fd.get())) {
    refuse(fd.get(), "it belongs to another user");
    return;
  }
  if (successor_.valid()) {
    refuse(fd.get(), "another one is taking over; try again when that is done");
    return;
  }
  if (const auto given = give(fd.get()); !given) {
    log_.error("hand-over: {}; this one serves on", given.error().message);
    return;
  }
  log_.info("hand-over: the sockets are given; waiting until the other process is ready");
  successor_ = std::move(fd);
  successor_poll_ = UvOwner<uv_poll_t>([this](uv_poll_t* poll) {
    poll->data = this;
    return uv_poll_init(loop_, poll, successor_.get());
  });
  uv_poll_start(successor_poll_.get(), UV_READABLE, [](uv_poll_t* poll, int, int) {
    static_cast<HandOverServer*>(poll->data)->on_message();
  });
  uv_timer_start(
      timer_.get(),
      [](uv_timer_t* timer) {
        static_cast<HandOverServer*>(timer->data)->drop("it was not ready in time");
      },
      kHandOverTimeoutMs, 0);
}

void HandOverServer::refuse(int fd, std::string_view why) {
  log_.warning("hand-over: refused a process: {}", why);
  static_cast<void>(send_message(fd, fmt::format("{}{}", kRefused, why)));
}

Result<void> HandOverServer::give(int fd) {
  const auto sockets = callbacks_.sockets();
  MIRROR_CHECK(send_message(fd, fmt::format("{}{}", kGreeting, sockets.size())));
  for (const auto& socket : sockets) {
    MIRROR_CHECK(
        send_message(fd, fmt::format("{} {}", name_of(socket.role), socket.owned_path), socket.fd));
  }
  return {};
}

void HandOverServer::on_message() {
  const auto message = receive_message(successor_.get());
  if (!message || message->text != kReady) {
    drop(message ? "it sent something else than 'ready'" : message.error().message);
    return;
  }
  uv_timer_stop(timer_.get());
  uv_poll_stop(successor_poll_.get());
  // The socket is the successor's now.
  listener_.close();
  socket_.fd = UniqueFd();
  if (const auto said = send_message(successor_.get(), kDone); !said)
    log_.warning("hand-over: {}", said.error().message);
  log_.info("hand-over: the other process answers now");
  callbacks_.taken();
}

void HandOverServer::drop(std::string_view why) {
  log_.error("hand-over: the process that wanted to take over is dropped: {}; this one serves on",
             why);
  static_cast<void>(send_message(successor_.get(), fmt::format("{}{}", kRefused, why)));
  uv_timer_stop(timer_.get());
  successor_poll_.close();
  successor_ = UniqueFd();
}

bool HandOverServer::end() {
  if (!successor_.valid()) return false;
  static_cast<void>(send_message(successor_.get(), kEnding));
  log_.info("hand-over: another process has the sockets; it goes on with them");
  return true;
}

// ---------------------------------------------------------------- the new one

Result<std::unique_ptr<TakeOver>> TakeOver::begin(const std::string& path, uint64_t timeout_ms) {
  const auto what = fmt::format("taking over by {}", path);
  MIRROR_TRY(const sockaddr_un address, address_of(path));
  std::unique_ptr<TakeOver> take_over(new TakeOver);
  take_over->fd_ = make_socket(0);
  const int fd = take_over->fd_.get();
  const timeval limit{static_cast<time_t>(timeout_ms / 1000),
                      static_cast<suseconds_t>(timeout_ms % 1000 * 1000)};
  // The time to send counts for connect(2), too, which waits where the other one accepts nobody.
  if (fd < 0 || ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
      ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0)
    return fail_errno(errno, what);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED) return std::unique_ptr<TakeOver>();
    if (errno == EAGAIN) {
      return fail(ErrorKind::kConflict,
                  "{}: the process there has accepted nobody for {} ms: end it, then start again",
                  what, timeout_ms);
    }
    return fail_errno(errno, what);
  }
  if (auto received = take_over->receive_sockets(); !received)
    return with_context(std::move(received).error(), what);
  return take_over;
}

Result<void> TakeOver::receive_sockets() {
  MIRROR_TRY(const Message greeting, receive_message(fd_.get()));
  const std::string_view text = greeting.text;
  if (text.starts_with(kRefused)) {
    return fail(ErrorKind::kConflict, "the other process refuses this one: {}",
                quote_for_message(text.substr(kRefused.size())));
  }
  const auto count =
      text.starts_with(kGreeting) ? parse_uint64(text.substr(kGreeting.size())) : std::nullopt;
  if (!count || *count > kListenSocketsMax) {
    return fail(ErrorKind::kInvalid,
                "the other process says '{}', which this version does not "
                "understand: restart instead",
                quote_for_message(text));
  }
  for (uint64_t i = 0; i < *count; ++i) {
    MIRROR_TRY(Message message, receive_message(fd_.get()));
    const size_t blank = message.text.find(' ');
    const auto role = std::ranges::find(kRoles, std::string_view(message.text).substr(0, blank),
                                        [](const auto& pair) { return pair.second; });
    if (blank == std::string::npos || role == kRoles.end() || !message.fd.valid()) {
      return fail(ErrorKind::kInvalid, "the other process sent '{}', which is no socket",
                  quote_for_message(message.text));
    }
    MIRROR_TRY(std::string url, url_of_socket(message.fd.get()));
    sockets_.push_back(
        {std::move(message.fd), role->first, std::move(url), message.text.substr(blank + 1)});
  }
  return {};
}

Result<void> TakeOver::report_ready() {
  // What was said before it ended, or dropped this one, can still be read.
  static_cast<void>(send_message(fd_.get(), kReady));
  auto answer = receive_message(fd_.get());
  // unix(7): a reset is told once, and before a message that is still there.
  if (!answer && answer.error().system_errno == ECONNRESET) answer = receive_message(fd_.get());
  if (!answer && answer.error().system_errno == ECONNRESET) return {};
  if (!answer) return tl::unexpected(answer.error());
  if (answer->text == kDone || answer->text == kEnding) return {};
  return fail(ErrorKind::kConflict, "the other process serves on, it said '{}'",
              quote_for_message(answer->text));
}

}  // namespace mirror
