#include "compiler/watch_command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "base/core/log.h"
#include "base/core/service_notify.h"
#include "base/core/unique_fd.h"
#include "compiler/child.h"
#include "compiler/watch_plan.h"
#include "schema/database/change_listener.h"
#include "schema/snapshot/snapshot_directory.h"

namespace mirror {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr Backoff::Limits kCompileRetry{kSecond, 300 * kSecond};
constexpr Backoff::Limits kListenRetry{kSecond, 60 * kSecond};
// Triggers may be installed at any time.
constexpr int64_t kLookForTriggersEvery = 300 * kSecond;
// What a compile may take to end after SIGTERM; then it is killed, which harms as little.
constexpr int64_t kEndTimeout = 5 * kSecond;
constexpr char kListening = 'L', kChanged = 'C';

// What the child that listens does; the parent reads bytes from the other end of `pipe`.
int listen_for_changes(const std::string& url_text, int pipe, bool tell_if_none, const Log& log) {
  const auto tell = [pipe](char what) {
    // If the pipe is full, the parent knows already.
    return ::write(pipe, &what, 1) == 1 || errno == EAGAIN;
  };
  const auto url = DatabaseUrl::parse(url_text);
  if (!url) return log.error("{}", url.error().message), kExitFailed;
  const auto listener = ChangeListener::open(*url);
  if (!listener && listener.error().kind == ErrorKind::kNotFound) {
    if (tell_if_none) log.info("compiling on the schedule only: {}", listener.error().message);
    return kExitWarnings;
  }
  Result<void> heard;
  if (!listener) heard = tl::unexpected(listener.error());
  if (heard && !tell(kListening)) return kExitFailed;
  while (heard) {
    heard = (*listener)->wait();
    if (heard && !tell(kChanged)) return kExitFailed;
  }
  log.warning("not listening to changes for a while: {}", heard.error().message);
  return heard.error().kind == ErrorKind::kNotFound ? kExitWarnings : kExitFailed;
}

// How a child ended: its exit code, or -1 for a signal.
int exit_code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : -1; }

class Watch {
 public:
  Watch(const CompileOptions& compile, const WatchOptions& options, const CommandLine& line,
        const Clock& clock, Log log)
      : compile_(compile),
        line_(line),
        clock_(clock),
        log_(std::move(log)),
        compile_timeout_ns_(options.compile_timeout_s * kSecond),
        directory_(*compile.snapshots),
        plan_({options.every_s * kSecond, options.settle_s * kSecond,
               std::max(options.settle_s, options.settle_max_s) * kSecond, kCompileRetry},
              clock.monotonic_ns()),
        listen_retry_(kListenRetry),
        listen_at_ns_(clock.monotonic_ns()) {}

  Result<void> run();

 private:
  struct Child {
    pid_t pid = 0;  // 0: none
    int64_t started_ns = 0;
    bool killed = false;
  };

  [[nodiscard]] int64_t now() const { return clock_.monotonic_ns(); }
  [[nodiscard]] Result<void> take_signals();
  [[nodiscard]] Result<void> start_what_is_due();
  [[nodiscard]] Result<void> start_compile();
  [[nodiscard]] Result<void> start_listener();
  void kill_stuck_compile();
  void ping_watchdog();
  [[nodiscard]] int wait_ms() const;
  [[nodiscard]] Result<void> wait();
  void read_signals();
  void read_listener();
  void reap();
  void on_compile_end(int status);
  void on_listener_end(int status);
  void tell_status() const;
  void end_children(int signal);

  const CompileOptions& compile_;
  const CommandLine& line_;
  const Clock& clock_;
  const Log log_;
  const int64_t compile_timeout_ns_;
  const std::optional<int64_t> watchdog_ns_ = watchdog_interval_ns();
  SnapshotDirectory directory_;
  WatchPlan plan_;
  Backoff listen_retry_;
  int64_t listen_at_ns_;  // when to start the listener
  int64_t pinged_ns_ = 0;
  bool told_no_triggers_ = false;
  std::optional<CompileOutcome> ended_with_;
  int ending_ = 0;  // signals that asked for the end
  int64_t ending_since_ns_ = 0;
  Child compile_child_, listener_;
  UniqueFd lock_, signals_, heard_;
  sigset_t mask_before_{};
};

Result<void> Watch::run() {
  MIRROR_TRY(lock_, directory_.lock_watch());
  MIRROR_CHECK(take_signals());
  log_.info("watching: process {}", ::getpid());
  notify_service_manager("READY=1\nSTATUS=the first compile\n");
  while (ending_ == 0 || compile_child_.pid != 0 || listener_.pid != 0) {
    if (ending_ == 0) MIRROR_CHECK(start_what_is_due());
    kill_stuck_compile();
    ping_watchdog();
    MIRROR_CHECK(wait());
  }
  log_.info("ended");
  return {};
}

Result<void> Watch::take_signals() {
  sigset_t mask;
  ::sigemptyset(&mask);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) ::sigaddset(&mask, number);
  if (::sigprocmask(SIG_BLOCK, &mask, &mask_before_) != 0) return fail_errno(errno, "sigprocmask");
  signals_ = UniqueFd(::signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_.valid()) return fail_errno(errno, "signalfd");
  return {};
}

Result<void> Watch::start_what_is_due() {
  // The listener first, so that the first compile reads what it does not hear.
  if (listener_.pid == 0 && now() >= listen_at_ns_) MIRROR_CHECK(start_listener());
  if (now() >= plan_.due_ns()) MIRROR_CHECK(start_compile());
  return {};
}

Result<void> Watch::start_compile() {
  CompileOptions options = compile_;
  options.always = plan_.requested();
  const int close[] = {lock_.get(), signals_.get(), heard_.get()};
  MIRROR_TRY(compile_child_.pid, fork_child({&mask_before_, close},
                                            [&] { return run_compile(options, line_, clock_); }));
  compile_child_.started_ns = now();
  compile_child_.killed = false;
  plan_.on_start(compile_child_.started_ns);
  tell_status();
  return {};
}

Result<void> Watch::start_listener() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return fail_errno(errno, "pipe");
  heard_ = UniqueFd(ends[0]);
  const UniqueFd tells(ends[1]);
  const int close[] = {lock_.get(), signals_.get(), heard_.get()};
  MIRROR_TRY(listener_.pid, fork_child({&mask_before_, close}, [&] {
               return listen_for_changes(*compile_.database, tells.get(), !told_no_triggers_, log_);
             }));
  listener_.started_ns = now();
  return {};
}

void Watch::kill_stuck_compile() {
  if (compile_child_.pid == 0 || compile_child_.killed) return;
  const int64_t since = ending_ > 0 ? ending_since_ns_ : compile_child_.started_ns;
  const int64_t timeout = ending_ > 0 ? kEndTimeout : compile_timeout_ns_;
  if (now() - since < timeout) return;
  log_.error("the compile has not ended after {} s and is killed", timeout / kSecond);
  ::kill(compile_child_.pid, SIGKILL);
  compile_child_.killed = true;
}

void Watch::ping_watchdog() {
  // One that cannot even be killed (a dead file system) is for the service manager to see.
  if (!watchdog_ns_ || compile_child_.killed) return;
  if (now() - pinged_ns_ < *watchdog_ns_ / 2) return;
  pinged_ns_ = now();
  notify_service_manager("WATCHDOG=1\n");
}

int Watch::wait_ms() const {
  int64_t until = WatchPlan::kNever;
  if (ending_ == 0) {
    until = std::min(until, plan_.due_ns());
    if (listener_.pid == 0) until = std::min(until, listen_at_ns_);
  }
  if (compile_child_.pid != 0 && !compile_child_.killed) {
    until = std::min(until, ending_ > 0 ? ending_since_ns_ + kEndTimeout
                                        : compile_child_.started_ns + compile_timeout_ns_);
  }
  if (watchdog_ns_ && !compile_child_.killed)
    until = std::min(until, pinged_ns_ + *watchdog_ns_ / 2);
  if (until == WatchPlan::kNever) return -1;
  // Rounded up, so that it never wakes too early; often enough for the longest schedule.
  constexpr int64_t kMillisecond = 1'000'000, kLongest = 3600 * kSecond;
  const int64_t left = until <= now() ? 0 : std::min(until - now(), kLongest);
  return static_cast<int>((left + kMillisecond - 1) / kMillisecond);
}

Result<void> Watch::wait() {
  pollfd waiting[] = {{signals_.get(), POLLIN, 0}, {heard_.get(), POLLIN, 0}};
  if (::poll(waiting, heard_.valid() ? 2 : 1, wait_ms()) < 0 && errno != EINTR)
    return fail_errno(errno, "poll");
  if (heard_.valid() && waiting[1].revents != 0) read_listener();
  if (waiting[0].revents != 0) read_signals();
  return {};
}

void Watch::read_signals() {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == ssize_t{sizeof info}) {
    switch (info.ssi_signo) {
      case SIGCHLD:
        reap();
        break;
      case SIGHUP:
        log_.info("SIGHUP: compiling now");
        plan_.on_request();
        // Triggers may be there now, and the database too.
        if (listener_.pid == 0) listen_at_ns_ = now();
        break;
      default:
        if (ending_++ == 0) {
          ending_since_ns_ = now();
          notify_service_manager("STOPPING=1\n");
        }
        // An abandoned compile leaves the snapshot directory as a crash does: in order.
        end_children(ending_ == 1 ? SIGTERM : SIGKILL);
    }
  }
}

void Watch::read_listener() {
  char bytes[64];
  const ssize_t got = ::read(heard_.get(), bytes, sizeof bytes);
  if (got == 0) heard_.reset();  // the listener has ended, as reap() will hear
  for (ssize_t i = 0; i < got; ++i) {
    if (bytes[i] == kListening) {
      listen_retry_.reset();
      told_no_triggers_ = false;
      plan_.on_listening(now());
    } else {
      plan_.on_change(now());
    }
  }
}

void Watch::reap() {
  int status = 0;
  for (pid_t pid = ::waitpid(-1, &status, WNOHANG); pid > 0;
       pid = ::waitpid(-1, &status, WNOHANG)) {
    if (pid == compile_child_.pid) on_compile_end(status);
    if (pid == listener_.pid) on_listener_end(status);
  }
}

void Watch::on_compile_end(int status) {
  compile_child_ = {};
  const int code = exit_code_of(status);
  auto outcome = CompileOutcome::kFailed;
  if (code == kExitDone || code == kExitWarnings) outcome = CompileOutcome::kDone;
  if (code == kExitRefused) outcome = CompileOutcome::kRefused;
  plan_.on_end(outcome, now());
  if (ending_ > 0) return;
  if (code < 0) log_.error("signal {} has ended the compile", WTERMSIG(status));
  if (outcome == CompileOutcome::kFailed) {
    log_.warning("the compile failed {} times in a row; the next try is in {} s", plan_.failures(),
                 std::max<int64_t>(plan_.due_ns() - now(), 0) / kSecond + 1);
  }
  ended_with_ = outcome;
  tell_status();
}

void Watch::on_listener_end(int status) {
  listener_ = {};
  heard_.reset();
  const int code = exit_code_of(status);
  if (code < 0 && ending_ == 0)
    log_.error("signal {} has ended the process that listens to changes", WTERMSIG(status));
  told_no_triggers_ = code == kExitWarnings;
  listen_at_ns_ = now() + (code == kExitWarnings ? kLookForTriggersEvery : listen_retry_.next_ns());
}

void Watch::tell_status() const {
  std::string state = plan_.running() ? "compiling" : "waiting";
  if (ended_with_ == CompileOutcome::kRefused)
    state += ", the last compile was refused or is on HOLD";
  if (plan_.failures() > 0) state += fmt::format(", {} failures in a row", plan_.failures());
  const auto live = directory_.current();
  notify_service_manager(fmt::format(
      "STATUS={}; {}\n", state,
      live ? fmt::format("generation {} is live", live->name.sequence) : "nothing is live"));
}

void Watch::end_children(int signal) {
  for (const pid_t pid : {compile_child_.pid, listener_.pid}) {
    if (pid != 0) ::kill(pid, signal);
  }
}

}  // namespace

void WatchOptions::declare(CommandLine& line) {
  constexpr int64_t kWeek = int64_t{7} * 24 * 3600;
  line.option("--every", &every_s, 1, kWeek, "seconds from one compile to the next");
  line.option("--settle", &settle_s, 0, 3600,
              "seconds of quiet to wait for after a change that triggers tell of ...");
  line.option("--settle-max", &settle_max_s, 0, 3600,
              "... but at most so many seconds after the first one");
  line.option("--compile-timeout", &compile_timeout_s, 1, kWeek,
              "seconds after which a compile is killed, and tried again");
  line.footer(
      "SIGHUP compiles at once, whatever has changed; SIGTERM and SIGINT end. What is logged is "
      "what\nmirror-compile says. Exit codes: 0 ended by a signal, 1 failed, 2 usage.");
}

int run_watch(const CompileOptions& compile, const WatchOptions& options, const CommandLine& line,
              const Clock& clock) {
  const auto level = Log::parse_level(compile.log_level);
  if (!level) return line.usage_error("--log-level must be " + std::string(Log::kLevelHelp));
  if (!compile.database)
    return line.usage_error("--database URL is needed (or MIRROR_DATABASE in the environment)");
  if (!compile.snapshots) return line.usage_error("--snapshots DIRECTORY is needed");
  PublishOptions gates;
  if (const auto fault = read_gate_options(compile, &gates)) return line.usage_error(*fault);
  const Log log("mirror-compile", *level);
  auto ended = Result<void>();
  if (const auto url = DatabaseUrl::parse(*compile.database); !url)
    ended = tl::unexpected(url.error());
  if (ended) ended = Watch(compile, options, line, clock, log).run();
  if (ended) return kExitDone;
  log.error("{}", ended.error().message);
  return exit_code(ended.error());
}

}  // namespace mirror
