#include "bench/load/load.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <memory>
#include <numeric>
#include <utility>

#include "base/core/assert.h"
#include "base/core/clock.h"
#include "base/core/random.h"
#include "base/core/unique_fd.h"
#include "bench/load/answer_reader.h"

namespace mirror::bench {
namespace {

constexpr int64_t kNsPerSecond = 1'000'000'000;
constexpr int64_t kNsPerMs = 1'000'000;
constexpr int64_t kLookNs = 10 * kNsPerMs;             // at the disturber
constexpr int64_t kOpenTimeoutNs = 10 * kNsPerSecond;  // for all kept-alive connections
constexpr int64_t kCloseTimeoutNs = kNsPerSecond;      // for the server to close
constexpr size_t kReceiveSize = 1 << 18;
constexpr int64_t kGone = -1;

// A request that is due, or under way.
struct Due {
  int64_t at_ns = 0;
  const WorldQuestion* question = nullptr;
  bool one_shot = false;
  bool retried = false;
};

enum class State : uint8_t {
  kFree,     // a place for a one-shot connection
  kOpening,  // connect(2) is under way
  kIdle,     // kept alive, without a request
  kAsking,   // an answer is awaited
  kEnding,   // the answer is there, the end of the connection is awaited
};

struct Connection {
  UniqueFd fd;
  State state = State::kFree;
  bool one_shot = false;
  bool used = false;  // it has brought an answer before
  uint64_t generation = 0;
  Due due;
  AnswerReader reader;
};

// The server's address; a unix path that is too long is an error.
struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

Result<Address> address_of(const LoadOptions& options) {
  Address address;
  if (options.unix_path.empty()) {
    sockaddr_in tcp{};
    tcp.sin_family = AF_INET;
    tcp.sin_port = htons(static_cast<uint16_t>(options.port));
    tcp.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::memcpy(&address.storage, &tcp, sizeof tcp);
    address.size = sizeof tcp;
    return address;
  }
  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  if (options.unix_path.size() >= sizeof local.sun_path)
    return fail(ErrorKind::kInvalid, "{}: too long for a unix socket", options.unix_path);
  std::memcpy(local.sun_path, options.unix_path.data(), options.unix_path.size());
  std::memcpy(&address.storage, &local, sizeof local);
  address.size = sizeof local;
  return address;
}

// The CPU time that all threads of a process have used, exact where /proc counts in ticks.
Result<int64_t> cpu_ns_of(int64_t pid) {
  clockid_t clock{};
  timespec used{};
  if (const int error = ::clock_getcpuclockid(static_cast<pid_t>(pid), &clock); error != 0)
    return fail_errno(error, fmt::format("CPU time of process {}", pid));
  if (::clock_gettime(clock, &used) != 0)
    return fail_errno(errno, fmt::format("CPU time of process {}", pid));
  return int64_t{used.tv_sec} * kNsPerSecond + used.tv_nsec;
}

class Generator {
 public:
  Generator(const LoadOptions& options, const Address& address, const WorldQuestions& questions)
      : options_(options),
        address_(address),
        questions_(questions.all()),
        random_(static_cast<uint64_t>(options.seed)),
        receive_buffer_(new char[kReceiveSize]) {}

  Result<LoadResult> run();

 private:
  // --- the schedule
  Result<void> open_all();
  Result<void> start_counting();
  void look_at_disturber(int64_t now);
  void schedule(int64_t now);
  [[nodiscard]] bool ended(int64_t now);
  [[nodiscard]] int64_t nap_ns(int64_t now) const;
  [[nodiscard]] int64_t due_ns(int64_t index) const {
    return start_ns_ + index * kNsPerSecond / options_.rate;
  }
  // --- connections
  void open_waiting();
  void send_waiting();
  [[nodiscard]] bool open(size_t index);
  void reopen(size_t index);
  void ask(size_t index);
  void release(size_t index);
  size_t take_place();
  // --- events
  void wait_for_events(int64_t timeout_ns);
  void on_event(size_t index, uint32_t events);
  void on_opened(size_t index);
  void on_bytes(size_t index, std::string_view bytes);
  void on_end(size_t index, int error);
  void on_answer(size_t index);
  [[nodiscard]] bool check(Connection& connection);
  void fail_request(size_t index, LoadFailure failure, const std::string& why);
  void count_failure(LoadFailure failure, const std::string& why);
  void finish();

  const LoadOptions& options_;
  const Address address_;
  const std::vector<WorldQuestion>& questions_;
  Random random_;
  SystemClock clock_;
  std::unique_ptr<char[]> receive_buffer_;
  UniqueFd epoll_;
  // The kept-alive ones come first and keep their places.
  std::vector<Connection> connections_;
  std::deque<size_t> idle_;           // kept-alive connections, the one that rests longest first
  std::vector<size_t> places_;        // free ones of one-shot connections
  std::deque<size_t> to_open_;        // kept-alive connections
  std::deque<Due> waiting_;           // for a kept-alive connection
  std::deque<Due> waiting_one_shot_;  // for connect(2)
  std::string request_;
  LoadResult result_;
  std::vector<std::pair<int64_t, int64_t>> latencies_;  // when it was due; ns
  // The disturber ran in these times, from one look at its CPU time to the next.
  std::vector<std::pair<int64_t, int64_t>> disturbed_;
  int64_t disturber_ns_ = 0;  // kGone once it has ended
  int64_t disturber_seen_ns_ = 0;

  int64_t total_ = 0;
  int64_t scheduled_ = 0;
  int64_t finished_ = 0;  // answered or failed
  int64_t ending_ = 0;    // connections
  int64_t start_ns_ = 0;
  int64_t counted_from_ns_ = 0;
  int64_t all_finished_ns_ = 0;
  uint64_t last_generation_ = 0;
  bool counting_ = false;
  int64_t cpu_before_ns_ = 0;
};

// ---------------------------------------------------------------- the schedule

Result<LoadResult> Generator::run() {
  epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_.valid()) return fail_errno(errno, "epoll_create1");
  // A thread sleeps 50 us longer than it asks for unless it says this.
  if (options_.sleep) ::prctl(PR_SET_TIMERSLACK, 1UL);
  if (options_.pid > 0) MIRROR_CHECK(cpu_ns_of(options_.pid));
  if (options_.disturber > 0) {
    MIRROR_TRY(disturber_ns_, cpu_ns_of(options_.disturber));
  }
  MIRROR_CHECK(open_all());
  start_ns_ = disturber_seen_ns_ = clock_.monotonic_ns();
  counted_from_ns_ = start_ns_ + options_.warm_up_seconds * kNsPerSecond;
  const int64_t counted =
      options_.requests > 0 ? options_.requests : options_.rate * options_.seconds;
  total_ = options_.rate * options_.warm_up_seconds + counted;
  latencies_.reserve(static_cast<size_t>(counted));
  result_.lags_ns.reserve(static_cast<size_t>(counted));
  for (;;) {
    const int64_t now = clock_.monotonic_ns();
    if (!counting_ && now >= counted_from_ns_) MIRROR_CHECK(start_counting());
    look_at_disturber(now);
    schedule(now);
    open_waiting();
    send_waiting();
    if (ended(now)) break;
    wait_for_events(options_.sleep ? nap_ns(now) : 0);
  }
  if (options_.pid > 0) {
    MIRROR_TRY(const int64_t cpu_after, cpu_ns_of(options_.pid));
    result_.cpu_ns = cpu_after - cpu_before_ns_;
  }
  finish();
  return std::move(result_);
}

Result<void> Generator::open_all() {
  const auto count = static_cast<size_t>(options_.connections);
  connections_.resize(count);
  for (size_t i = 0; i < count; ++i) to_open_.push_back(i);
  const int64_t give_up = clock_.monotonic_ns() + kOpenTimeoutNs;
  while (idle_.size() < count) {
    open_waiting();
    wait_for_events(kNsPerMs);
    if (result_.failed() > 0) return fail(ErrorKind::kSystem, "{}", result_.first_failure);
    if (clock_.monotonic_ns() > give_up) {
      return fail(ErrorKind::kSystem, "only {} of {} connections were accepted in {} seconds",
                  idle_.size(), count, kOpenTimeoutNs / kNsPerSecond);
    }
  }
  return {};
}

Result<void> Generator::start_counting() {
  counting_ = true;
  if (options_.pid == 0) return {};
  MIRROR_TRY(cpu_before_ns_, cpu_ns_of(options_.pid));
  return {};
}

// Where it has run since the look before this one, all from 10 ms before that look to 10 ms after
// this one counts as disturbed: the CPU time that a process has used grows when its turn ends, so
// that the turn may have begun before that look, and what waited is served after it. One that is
// gone may have run until then, and disturbs nobody any more.
void Generator::look_at_disturber(int64_t now) {
  if (options_.disturber == 0 || disturber_ns_ == kGone || now < disturber_seen_ns_ + kLookNs)
    return;
  const int64_t used = cpu_ns_of(options_.disturber).value_or(kGone);
  if (used != disturber_ns_) disturbed_.emplace_back(disturber_seen_ns_ - kLookNs, now + kLookNs);
  disturber_ns_ = used;
  disturber_seen_ns_ = now;
}

// Draws here and not when a request is sent, so that a seed gives one sequence of requests however
// the server behaves.
void Generator::schedule(int64_t now) {
  while (scheduled_ < total_ && due_ns(scheduled_) <= now) {
    const Due due{due_ns(scheduled_), &questions_[random_.below(questions_.size())],
                  random_.below(100) < static_cast<uint64_t>(options_.one_shot_percent)};
    ++scheduled_;
    if (due.at_ns >= counted_from_ns_) result_.lags_ns.push_back(now - due.at_ns);
    (due.one_shot ? waiting_one_shot_ : waiting_).push_back(due);
  }
}

bool Generator::ended(int64_t now) {
  if (finished_ < total_) return now > due_ns(total_) + options_.patience_seconds * kNsPerSecond;
  if (all_finished_ns_ == 0) all_finished_ns_ = now;
  return ending_ == 0 || now > all_finished_ns_ + kCloseTimeoutNs;
}

int64_t Generator::nap_ns(int64_t now) const {
  // A full backlog of a unix socket tells nobody when it has room again.
  if (!waiting_one_shot_.empty() || !to_open_.empty()) return kNsPerMs;
  if (scheduled_ == total_) return 10 * kNsPerMs;
  return std::max<int64_t>(0, due_ns(scheduled_) - now);
}

// ---------------------------------------------------------------- connections

void Generator::open_waiting() {
  while (!to_open_.empty()) {
    const size_t index = to_open_.front();
    if (!open(index)) break;
    to_open_.pop_front();
  }
  while (!waiting_one_shot_.empty()) {
    const size_t index = take_place();
    connections_[index].one_shot = true;
    connections_[index].due = waiting_one_shot_.front();
    if (!open(index)) {
      release(index);
      break;
    }
    waiting_one_shot_.pop_front();
  }
}

void Generator::send_waiting() {
  while (!waiting_.empty() && !idle_.empty()) {
    const size_t index = idle_.front();
    idle_.pop_front();
    connections_[index].due = waiting_.front();
    waiting_.pop_front();
    ask(index);
  }
}

// False if it has to be tried again: the backlog of a unix socket is full.
bool Generator::open(size_t index) {
  Connection& connection = connections_[index];
  connection.used = false;
  connection.generation = 0;
  const int family = address_.storage.ss_family;
  connection.fd = UniqueFd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  connection.state = State::kOpening;
  if (!connection.fd.valid()) {
    on_end(index, errno);
    return true;
  }
  const int on = 1;
  if (family == AF_INET)
    ::setsockopt(connection.fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const int code = ::connect(connection.fd.get(),
                             reinterpret_cast<const sockaddr*>(&address_.storage), address_.size);
  if (code != 0 && errno == EAGAIN) return false;
  if (code != 0 && errno != EINPROGRESS) {
    on_end(index, errno);
    return true;
  }
  epoll_event event{};
  event.events = code == 0 ? EPOLLIN : EPOLLOUT;
  event.data.u64 = index;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection.fd.get(), &event);
  if (code == 0) on_opened(index);
  return true;
}

void Generator::reopen(size_t index) {
  connections_[index].fd.reset();
  to_open_.push_back(index);
}

void Generator::ask(size_t index) {
  Connection& connection = connections_[index];
  request_.clear();
  connection.due.question->append_request(connection.one_shot, request_);
  connection.reader.begin();
  connection.state = State::kAsking;
  // A request is far smaller than a socket buffer that is known to be empty.
  const ssize_t sent =
      ::send(connection.fd.get(), request_.data(), request_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent == static_cast<ssize_t>(request_.size())) return;
  // The server has closed, and that is not read yet.
  if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) return on_end(index, errno);
  fail_request(index, LoadFailure::kSend, sent < 0 ? std::strerror(errno) : "cut off");
}

// The place of a one-shot connection.
void Generator::release(size_t index) {
  connections_[index].fd.reset();
  connections_[index].state = State::kFree;
  places_.push_back(index);
}

size_t Generator::take_place() {
  if (places_.empty()) {
    connections_.emplace_back();
    return connections_.size() - 1;
  }
  const size_t index = places_.back();
  places_.pop_back();
  return index;
}

// ---------------------------------------------------------------- events

void Generator::wait_for_events(int64_t timeout_ns) {
  std::array<epoll_event, 256> events;
  const timespec timeout{timeout_ns / kNsPerSecond, timeout_ns % kNsPerSecond};
  const int count = ::epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                   &timeout, nullptr);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<size_t>(i)];
    on_event(event.data.u64, event.events);
  }
}

void Generator::on_event(size_t index, uint32_t events) {
  Connection& connection = connections_[index];
  if (connection.state == State::kOpening) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(connection.fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return on_end(index, error);
    if ((events & EPOLLOUT) == 0) return;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = index;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.fd.get(), &event);
    return on_opened(index);
  }
  const ssize_t got = ::recv(connection.fd.get(), receive_buffer_.get(), kReceiveSize, 0);
  if (got > 0) return on_bytes(index, {receive_buffer_.get(), static_cast<size_t>(got)});
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  on_end(index, got == 0 ? 0 : errno);
}

void Generator::on_opened(size_t index) {
  Connection& connection = connections_[index];
  if (connection.one_shot) return ask(index);
  connection.state = State::kIdle;
  idle_.push_back(index);
}

void Generator::on_bytes(size_t index, std::string_view bytes) {
  Connection& connection = connections_[index];
  if (connection.state != State::kAsking) {
    return fail_request(index, LoadFailure::kExcess,
                        fmt::format("{} bytes after the answer", bytes.size()));
  }
  switch (connection.reader.take(bytes)) {
    case AnswerReader::Outcome::kIncomplete:
      return;
    case AnswerReader::Outcome::kWhole:
      return on_answer(index);
    case AnswerReader::Outcome::kMalformed:
      return fail_request(index, LoadFailure::kMalformed, std::string(connection.reader.problem()));
    case AnswerReader::Outcome::kExcess:
      return fail_request(index, LoadFailure::kExcess, "more than content-length says");
  }
}

void Generator::on_end(size_t index, int error) {
  Connection& connection = connections_[index];
  const std::string why = error == 0 ? "the server closed it" : std::strerror(error);
  switch (connection.state) {
    case State::kOpening:
      return fail_request(index, LoadFailure::kConnect, why);
    case State::kEnding:
      if (error != 0) return fail_request(index, LoadFailure::kClosed, "after the answer: " + why);
      --ending_;
      return release(index);
    case State::kIdle:
      if (!options_.reconnect)
        return fail_request(index, LoadFailure::kClosed, "between two requests: " + why);
      ++result_.reconnects;
      idle_.erase(std::find(idle_.begin(), idle_.end(), index));
      return reopen(index);
    case State::kAsking:
      // What a client may ask again without asking a user (RFC 9112 section 9.3.1).
      if (!options_.reconnect || !connection.used || connection.due.retried ||
          connection.reader.begun())
        return fail_request(index, LoadFailure::kClosed, why);
      ++result_.retries;
      connection.due.retried = true;
      waiting_.push_front(connection.due);
      return reopen(index);
    case State::kFree:
      MIRROR_ASSERT(!"an event of no connection");
  }
}

void Generator::on_answer(size_t index) {
  Connection& connection = connections_[index];
  const bool good = check(connection);
  const int64_t now = clock_.monotonic_ns();
  ++finished_;
  if (counting_) ++result_.cpu_answers;
  if (good && connection.due.at_ns >= counted_from_ns_) {
    latencies_.emplace_back(connection.due.at_ns, now - connection.due.at_ns);
    result_.bytes += connection.reader.size();
    if (connection.one_shot) ++result_.one_shots;
  }
  connection.used = true;
  if (connection.one_shot) {
    connection.state = State::kEnding;
    ++ending_;
  } else {
    connection.state = State::kIdle;
    idle_.push_back(index);
  }
}

bool Generator::check(Connection& connection) {
  const WorldQuestion& question = *connection.due.question;
  const AnswerReader& answer = connection.reader;
  const bool expected =
      question.status == 0 ? answer.status() < 500 : answer.status() == question.status;
  if (!expected) {
    count_failure(LoadFailure::kStatus,
                  fmt::format("status {} for {}", answer.status(), question.target));
    return false;
  }
  if (!options_.check_generations) return true;
  const uint64_t generation = answer.generation().value_or(0);
  if (last_generation_ != 0 && generation != last_generation_) ++result_.generation_changes;
  last_generation_ = generation;
  const uint64_t before = std::exchange(connection.generation, generation);
  if (generation == 0 || generation < static_cast<uint64_t>(options_.generation_lowest) ||
      generation > static_cast<uint64_t>(options_.generation_highest) || generation < before) {
    count_failure(LoadFailure::kGeneration,
                  fmt::format("generation {}, after {} on this connection", generation, before));
    return false;
  }
  return true;
}

// Ends the connection; one that is kept alive is opened again. A failure that ends no request, as
// on an idle connection, is counted all the same.
void Generator::fail_request(size_t index, LoadFailure failure, const std::string& why) {
  Connection& connection = connections_[index];
  count_failure(failure, why);
  if (connection.state == State::kAsking ||
      (connection.state == State::kOpening && connection.one_shot))
    ++finished_;
  if (connection.state == State::kEnding) --ending_;
  if (connection.one_shot) return release(index);
  if (connection.state == State::kIdle) idle_.erase(std::find(idle_.begin(), idle_.end(), index));
  // A server that does not let a connection in again is gone.
  if (connection.state == State::kOpening) return;
  reopen(index);
}

void Generator::count_failure(LoadFailure failure, const std::string& why) {
  ++result_.failures[static_cast<size_t>(failure)];
  if (result_.first_failure.empty())
    result_.first_failure = fmt::format("{}: {}", name_of(failure), why);
}

void Generator::finish() {
  const int64_t end = all_finished_ns_ > 0 ? all_finished_ns_ : clock_.monotonic_ns();
  result_.seconds = static_cast<double>(end - counted_from_ns_) / 1e9;
  for (; finished_ < total_; ++finished_)
    count_failure(LoadFailure::kUnanswered, "nothing came until long after the end");
  for (; ending_ > 0; --ending_)
    count_failure(LoadFailure::kNotClosed, "asked with Connection: close and left open");
  std::sort(latencies_.begin(), latencies_.end());
  auto disturbed = disturbed_.begin();
  for (const auto& [due_ns, latency_ns] : latencies_) {
    result_.latencies_ns.push_back(latency_ns);
    while (disturbed != disturbed_.end() && disturbed->second < due_ns) ++disturbed;
    if (disturbed == disturbed_.end() || due_ns < disturbed->first)
      result_.quiet_ns.push_back(latency_ns);
  }
  std::sort(result_.latencies_ns.begin(), result_.latencies_ns.end());
  std::sort(result_.quiet_ns.begin(), result_.quiet_ns.end());
  std::sort(result_.lags_ns.begin(), result_.lags_ns.end());
}

}  // namespace

std::string_view name_of(LoadFailure failure) {
  constexpr std::array<std::string_view, kLoadFailures> kNames = {
      "connect", "send",       "closed",     "malformed", "excess",
      "status",  "generation", "unanswered", "not_closed"};
  return kNames[static_cast<size_t>(failure)];
}

uint64_t LoadResult::failed() const {
  return std::accumulate(failures.begin(), failures.end(), uint64_t{0});
}

Result<LoadResult> make_load(const LoadOptions& options, const WorldQuestions& questions) {
  MIRROR_TRY(const Address address, address_of(options));
  return Generator(options, address, questions).run();
}

}  // namespace mirror::bench
