// Asks a server at a fixed rate, whatever the server does (open loop), and says how long answers
// took, counted from the time at which each request was due: a server that stalls cannot hide the
// requests that waited. With --pid it also says how much CPU time the server spent an answer, which
// stays comparable when the generator, on the other core, would saturate first.
//
//   load_generator --port N --targets FILE [--rate N] [--seconds N] [--connections N] [--pid N]
//   [--seed N]
//
// FILE holds a request target a line, and after a tab an address that is sent as X-Forwarded-For.
// Prints one line of key=value pairs. Exit code 1 if any answer failed.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/clock.h"
#include "base/core/command_line.h"
#include "base/core/files.h"
#include "base/core/random.h"
#include "base/core/text.h"
#include "base/core/unique_fd.h"

namespace mirror {
namespace {

constexpr uint64_t kTargetsFileMax = 64 << 20;
constexpr int64_t kNsPerSecond = 1'000'000'000;

struct Options {
  int64_t port = 0;
  int64_t rate = 20000;
  int64_t seconds = 10;
  int64_t connections = 32;
  int64_t pid = 0;
  int64_t seed = 1;
  std::string targets;
};

struct Connection {
  UniqueFd fd;
  int64_t due_ns = -1;  // of the request in flight; -1: free
  std::string received;
  uint64_t body_left = 0;
  bool in_body = false;
};

struct Totals {
  std::vector<int64_t> latencies_ns;
  uint64_t bytes = 0;
  uint64_t failed = 0;
};

Result<std::vector<std::string>> read_requests(const std::string& path) {
  MIRROR_TRY(const std::string text, read_file(path, kTargetsFileMax));
  std::vector<std::string> requests;
  for (const auto line : split(text, '\n')) {
    if (line.empty()) continue;
    const auto fields = split(line, '\t');
    std::string request = fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\n", fields[0]);
    if (fields.size() > 1) request += fmt::format("X-Forwarded-For: {}\r\n", fields[1]);
    requests.push_back(request + "\r\n");
  }
  if (requests.empty()) return fail(ErrorKind::kInvalid, "{}: holds no target", path);
  return requests;
}

Result<UniqueFd> connect_to(int64_t port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return fail_errno(errno, "socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail_errno(errno, fmt::format("connect to 127.0.0.1:{}", port));
  }
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

// User and system time of a process in clock ticks, from /proc/PID/stat.
uint64_t cpu_ticks(int64_t pid) {
  const auto text = read_file(fmt::format("/proc/{}/stat", pid), 4096);
  if (!text) return 0;
  // The command name, in parentheses, may hold blanks; the fields after it are counted from there.
  const auto fields = split_blanks(std::string_view(*text).substr(text->rfind(')') + 1));
  if (fields.size() < 14) return 0;
  return parse_uint64(fields[11]).value_or(0) + parse_uint64(fields[12]).value_or(0);
}

class Generator {
 public:
  Generator(const Options& options, std::vector<std::string> requests)
      : options_(options),
        requests_(std::move(requests)),
        random_(static_cast<uint64_t>(options.seed)) {}

  Result<Totals> run() {
    epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
    connections_.resize(static_cast<size_t>(options_.connections));
    for (size_t i = 0; i < connections_.size(); ++i) {
      MIRROR_TRY(connections_[i].fd, connect_to(options_.port));
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = i;
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connections_[i].fd.get(), &event);
      free_.push_back(i);
    }
    const uint64_t ticks_before = options_.pid > 0 ? cpu_ticks(options_.pid) : 0;
    const int64_t start = clock_.monotonic_ns();
    const int64_t total = options_.rate * options_.seconds;
    totals_.latencies_ns.reserve(static_cast<size_t>(total));
    // A server that stops answering ends the run ten seconds after its planned end.
    const int64_t give_up = start + (options_.seconds + 10) * kNsPerSecond;
    int64_t sent = 0;
    while (static_cast<int64_t>(totals_.latencies_ns.size() + totals_.failed) < total) {
      const int64_t now = clock_.monotonic_ns();
      if (now > give_up) break;
      while (sent < total && start + sent * kNsPerSecond / options_.rate <= now) {
        waiting_.push_back(start + sent++ * kNsPerSecond / options_.rate);
      }
      send_waiting();
      receive();
    }
    totals_.failed += static_cast<uint64_t>(total) - totals_.latencies_ns.size() - totals_.failed;
    seconds_taken_ = static_cast<double>(clock_.monotonic_ns() - start) / 1e9;
    if (options_.pid > 0) ticks_ = cpu_ticks(options_.pid) - ticks_before;
    return std::move(totals_);
  }

  [[nodiscard]] double seconds_taken() const { return seconds_taken_; }
  [[nodiscard]] uint64_t ticks() const { return ticks_; }

 private:
  void send_waiting() {
    while (!waiting_.empty() && !free_.empty()) {
      Connection& connection = connections_[free_.back()];
      free_.pop_back();
      connection.due_ns = waiting_.front();
      waiting_.pop_front();
      const std::string& request = requests_[random_.below(requests_.size())];
      // A request is far smaller than a socket buffer that is known to be empty.
      if (::send(connection.fd.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
          static_cast<ssize_t>(request.size())) {
        ++totals_.failed;
      }
    }
  }

  void receive() {
    std::array<epoll_event, 64> events;
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) {
      const size_t index = events[static_cast<size_t>(i)].data.u64;
      Connection& connection = connections_[index];
      const ssize_t got = ::recv(connection.fd.get(), buffer_.data(), buffer_.size(), 0);
      if (got <= 0) {
        ++totals_.failed;
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, connection.fd.get(), nullptr);
        continue;
      }
      totals_.bytes += static_cast<uint64_t>(got);
      if (take(connection, {buffer_.data(), static_cast<size_t>(got)})) {
        totals_.latencies_ns.push_back(clock_.monotonic_ns() - connection.due_ns);
        connection.due_ns = -1;
        free_.push_back(index);
      }
    }
  }

  // True when the answer is complete.
  static bool take(Connection& connection, std::string_view piece) {
    if (!connection.in_body) {
      connection.received += piece;
      const auto end = connection.received.find("\r\n\r\n");
      if (end == std::string::npos) return false;
      const auto length = connection.received.find("content-length: ");
      uint64_t size = 0;
      if (length < end)
        size = std::strtoull(connection.received.c_str() + length + 16, nullptr, 10);
      connection.body_left = size;
      connection.in_body = true;
      const std::string rest = connection.received.substr(end + 4);
      connection.received.clear();
      return take(connection, rest);
    }
    connection.body_left -= std::min<uint64_t>(connection.body_left, piece.size());
    if (connection.body_left > 0) return false;
    connection.in_body = false;
    return true;
  }

  const Options& options_;
  std::vector<std::string> requests_;
  Random random_;
  SystemClock clock_;
  UniqueFd epoll_;
  std::vector<Connection> connections_;
  std::vector<size_t> free_;
  std::deque<int64_t> waiting_;  // due times of requests that found no free connection yet
  std::array<char, 1 << 18> buffer_{};
  Totals totals_;
  double seconds_taken_ = 0;
  uint64_t ticks_ = 0;
};

void print(const Options& options, const Generator& generator, Totals& totals) {
  auto& sorted = totals.latencies_ns;
  std::sort(sorted.begin(), sorted.end());
  const auto at = [&](double quantile) {
    if (sorted.empty()) return 0.0;
    return static_cast<double>(
               sorted[static_cast<size_t>(quantile * static_cast<double>(sorted.size() - 1))]) /
           1e3;
  };
  fmt::print(
      "answers={} failed={} seconds={:.2f} rate={:.0f} bytes_per_answer={:.0f}", sorted.size(),
      totals.failed, generator.seconds_taken(),
      static_cast<double>(sorted.size()) / generator.seconds_taken(),
      static_cast<double>(totals.bytes) / static_cast<double>(std::max<size_t>(sorted.size(), 1)));
  fmt::print(" p50_us={:.0f} p99_us={:.0f} p999_us={:.0f} max_us={:.0f}", at(0.5), at(0.99),
             at(0.999), at(1.0));
  if (options.pid > 0) {
    const double cpu_us =
        static_cast<double>(generator.ticks()) * 1e6 / static_cast<double>(::sysconf(_SC_CLK_TCK));
    fmt::print(" cpu_us_per_answer={:.2f}",
               cpu_us / static_cast<double>(std::max<size_t>(sorted.size(), 1)));
  }
  fmt::print("\n");
}

}  // namespace
}  // namespace mirror

int main(int argc, char** argv) {
  mirror::Options options;
  mirror::CommandLine line("load_generator", "Open-loop HTTP load on 127.0.0.1.");
  line.option("--port", &options.port, 1, 65535, "port of the server");
  line.option("--targets", &options.targets, "file with a request target a line");
  line.option("--rate", &options.rate, 1, 10'000'000, "requests a second");
  line.option("--seconds", &options.seconds, 1, 3600, "length of the run");
  line.option("--connections", &options.connections, 1, 20000, "kept-alive connections");
  line.option("--pid", &options.pid, 0, 1 << 30, "process whose CPU time is read");
  line.option("--seed", &options.seed, 0, INT64_MAX, "seed of the mix");
  line.require("--port");
  line.require("--targets");
  if (const auto code = line.parse(argc, argv)) return *code;
  auto requests = mirror::read_requests(options.targets);
  if (!requests) {
    fmt::print(stderr, "load_generator: {}\n", requests.error().message);
    return 1;
  }
  mirror::Generator generator(options, std::move(*requests));
  auto totals = generator.run();
  if (!totals) {
    fmt::print(stderr, "load_generator: {}\n", totals.error().message);
    return 1;
  }
  mirror::print(options, generator, *totals);
  return totals->failed == 0 ? 0 : 1;
}
