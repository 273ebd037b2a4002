#include "edge/serve/server.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/core/files.h"
#include "base/core/random.h"
#include "base/core/service_notify.h"
#include "edge/serve/explain_endpoint.h"
#include "edge/serve/metrics_report.h"
#include "edge/serve/status_report.h"

namespace mirror {
namespace {

constexpr std::string_view kTakeOver = "--take-over";
// They only tell the edge something: untaken they would end a starting edge.
constexpr int kHints[] = {SIGHUP, SIGUSR1, SIGUSR2};

template <typename Handle>
Server* server_of(Handle* handle) {
  return static_cast<Server*>(handle->data);
}

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

UvOwner<uv_timer_t> make_timer(uv_loop_t* loop, void* data) {
  return UvOwner<uv_timer_t>([loop, data](uv_timer_t* timer) {
    timer->data = data;
    return uv_timer_init(loop, timer);
  });
}

// Raises the soft limit of open files to the hard one and returns it.
Result<uint64_t> raise_open_files() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return fail_errno(errno, "getrlimit(RLIMIT_NOFILE)");
  files.rlim_cur = files.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &files) != 0) return fail_errno(errno, "setrlimit(RLIMIT_NOFILE)");
  return files.rlim_cur;
}

void block_hints(int how) {
  sigset_t hints;
  sigemptyset(&hints);
  for (const int number : kHints) sigaddset(&hints, number);
  pthread_sigmask(how, &hints, nullptr);
}

}  // namespace

Server::Server(const ServerOptions& options, const Clock& clock, const Log& log)
    : options_(options),
      clock_(clock),
      log_(log),
      trusted_proxies_(options.trusted_proxies),
      started_(clock.unix_seconds()),
      loader_(loop_.get()),
      publisher_(options.publisher, clock, log, *this, &loader_),
      worker_message_(loop_.get(), [this] { on_worker_message(); }) {}

Server::~Server() {
  for (auto& worker : workers_) worker->stop();
  for (auto& worker : workers_) worker->join();
  workers_.clear();
  remove_owned_paths({});
  remove_pid_file();
}

Result<std::unique_ptr<Server>> Server::create(const ServerOptions& options, const Clock& clock,
                                               const Log& log) {
  block_hints(SIG_BLOCK);
  ::signal(SIGPIPE, SIG_IGN);
  // A log that may not grow further loses lines; nobody is stopped.
  ::signal(SIGXFSZ, SIG_IGN);
  // Before anything opens a descriptor: with enough of them, no loop fails to start.
  MIRROR_TRY(const auto files, raise_open_files());
  const uint64_t needed = kReservedDescriptors + (kDescriptorsPerWorker + 1) * options.workers;
  if (files < needed) {
    return fail(ErrorKind::kLimit,
                "{} open files are allowed, {} workers need {}: raise the limit (LimitNOFILE=, "
                "ulimit -n) or lower --workers",
                files, options.workers, needed);
  }
  std::unique_ptr<Server> server(new Server(options, clock, log));
  server->open_files_ = files;
  MIRROR_CHECK(server->open());
  return server;
}

Result<void> Server::open() {
  struct stat status {};
  const auto& snapshots = options_.publisher.snapshots;
  if (::stat(snapshots.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) ||
      ::access(snapshots.c_str(), R_OK | X_OK) != 0) {
    return fail(ErrorKind::kNotFound,
                "{}: no readable directory; give the one that mirror-compile publishes to",
                snapshots);
  }
  if (!options_.access_log.empty()) {
    MIRROR_TRY(access_log_, AccessLog::open(options_.access_log, options_.workers, log_));
  }
  MIRROR_TRY(EdgeSockets sockets, open_edge_sockets(options_.sockets, options_.workers, log_));
  MIRROR_CHECK(open_listeners(std::move(sockets)));
  start_timers();
  MIRROR_CHECK(loader_.start());
  if (options_.publisher.geoip.empty()) {
    log_.warning(
        "no GeoIP database is given (--geoip): every client counts as being in no country");
  }
  if (options_.access_log.empty()) log_.info("no access log is written (--log FILE writes one)");
  return publisher_.start();
}

// ---------------------------------------------------------------- sockets

WorkerLimits Server::share_limits(size_t sockets) const {
  // A socket for each worker and address, and a copy of each.
  const uint64_t reserved = kReservedDescriptors + kDescriptorsPerWorker * options_.workers +
                            3 * std::max<uint64_t>(sockets, options_.workers);
  const uint64_t possible =
      open_files_ > reserved + options_.workers ? open_files_ - reserved : options_.workers;
  const uint64_t wanted = std::max(options_.connections_max, options_.workers);
  const uint64_t connections = std::min(wanted, possible);
  WorkerLimits limits = options_.limits;
  limits.connections = static_cast<uint32_t>(connections / options_.workers);
  limits.read_buffers = std::max(16u, limits.connections / 4);
  if (connections < wanted) {
    log_.warning(
        "{} open files allow only {} connections, not {}: raise the limit (LimitNOFILE=, ulimit "
        "-n)",
        open_files_, connections, wanted);
  }
  log_.info("{} open files, up to {} connections, {} for each of {} workers", open_files_,
            connections, limits.connections, options_.workers);
  return limits;
}

// Every question that a client may ask can be explained, and limits below the usual ones are not
// meant for operators.
RequestLimits Server::admin_request_limits() const {
  RequestLimits limits;
  const RequestLimits& clients = options_.limits.request;
  constexpr uint32_t kExtra = kExplainTargetExtra;
  limits.target_bytes = std::max(limits.target_bytes, clients.target_bytes + kExtra);
  limits.head_bytes = std::max(limits.head_bytes, clients.head_bytes + kExtra);
  limits.headers = std::max(limits.headers, clients.headers);
  return limits;
}

Result<void> Server::open_listeners(EdgeSockets sockets) {
  urls_ = sockets.urls();
  take_over_ = std::move(sockets.take_over);
  for (const auto& path : sockets.owned_paths()) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0)
      owned_paths_.push_back({path, status.st_dev, status.st_ino});
  }
  limits_ = share_limits(sockets.served.size());
  if (sockets.admin.fd.valid()) {
    MIRROR_TRY(admin_, AdminServer::open(
                           loop_.get(), std::move(sockets.admin), admin_request_limits(), clock_,
                           {[this](std::string_view target) { return answer_admin(target); },
                            [this] {
                              const Generation* generation = publisher_.current();
                              return generation == nullptr ? 0 : generation->sequence;
                            }}));
  }
  if (sockets.hand_over.fd.valid()) {
    MIRROR_CHECK(copy_sockets(sockets.served));
    MIRROR_TRY(hand_over_, HandOverServer::open(loop_.get(), std::move(sockets.hand_over), log_,
                                                {[this] { return sockets_to_give(); },
                                                 [this] { on_taken_over(); }}));
  }
  return open_workers(std::move(sockets.served));
}

Result<void> Server::copy_sockets(const std::vector<ListenSocket>& sockets) {
  for (const auto& socket : sockets) {
    UniqueFd copy(::fcntl(socket.fd.get(), F_DUPFD_CLOEXEC, 0));
    if (!copy.valid()) return fail_errno(errno, fmt::format("copying {}", socket.url));
    copies_.push_back({std::move(copy), socket.role, socket.url, socket.owned_path});
  }
  return {};
}

std::vector<HandOverServer::Callbacks::Socket> Server::sockets_to_give() const {
  std::vector<HandOverServer::Callbacks::Socket> given;
  const auto add = [&given](const ListenSocket& socket) {
    given.push_back({socket.fd.get(), socket.role, socket.owned_path});
  };
  std::ranges::for_each(copies_, add);
  if (admin_ != nullptr) add(admin_->socket());
  add(hand_over_->socket());
  return given;
}

Result<void> Server::open_workers(std::vector<ListenSocket> served) {
  MIRROR_TRY(auto dealt, deal_out(std::move(served), options_.workers));
  for (size_t i = 0; i < options_.workers; ++i) {
    std::vector<Worker::Socket> sockets;
    for (auto& socket : dealt[i])
      sockets.push_back({std::move(socket.fd), socket.role == ListenRole::kProxies});
    Worker::Options worker;
    worker.handler.answer = options_.answer;
    worker.handler.readiness = options_.readiness;
    worker.handler.trusted_proxies = &trusted_proxies_;
    worker.handler.log = access_log_ == nullptr ? nullptr : &access_log_->ring(i);
    worker.handler.log_line = options_.log_line;
    worker.handler.seed = Random::system_seed();
    worker.limits = limits_;
    worker.clock = &clock_;
    worker.control = &worker_message_;
    MIRROR_TRY(auto made, Worker::create(worker, std::move(sockets)));
    workers_.push_back(std::move(made));
  }
  return {};
}

// ---------------------------------------------------------------- running

void Server::start_timers() {
  for (auto* timer : {&poll_timer_, &retry_timer_, &settle_timer_, &drain_timer_}) {
    *timer = make_timer(loop_.get(), this);
  }
  uv_timer_start(
      poll_timer_.get(), [](uv_timer_t* timer) { server_of(timer)->look(false); }, kPollMs,
      kPollMs);
}

void Server::handle_signals() {
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2}) {
    signals_.emplace_back([this](uv_signal_t* handle) {
      handle->data = this;
      return uv_signal_init(loop_.get(), handle);
    });
    uv_signal_start(
        signals_.back().get(),
        [](uv_signal_t* handle, int signal) { server_of(handle)->on_signal(signal); }, number);
  }
  block_hints(SIG_UNBLOCK);
}

void Server::watch(const std::string& directory) {
  watches_.emplace_back([this](uv_fs_event_t* handle) {
    handle->data = this;
    return uv_fs_event_init(loop_.get(), handle);
  });
  // A copy brings many events; they count as one.
  const auto on_event = [](uv_fs_event_t* handle, const char*, int, int) {
    auto* timer = server_of(handle)->settle_timer_.get();
    if (uv_is_active(reinterpret_cast<uv_handle_t*>(timer)) != 0) return;
    uv_timer_start(
        timer, [](uv_timer_t* settled) { server_of(settled)->look(false); }, kSettleMs, 0);
  };
  const int code = uv_fs_event_start(watches_.back().get(), on_event, directory.c_str(), 0);
  if (code != 0) {
    log_.warning("cannot watch {}: {}; changes are noticed within {} seconds or at SIGHUP",
                 directory, uv_strerror(code), kPollMs / 1000);
  }
}

// Those that cannot start are gone afterwards.
Result<void> Server::start_workers() {
  for (size_t i = 0; i < workers_.size(); ++i) {
    if (auto started = workers_[i]->start(); !started) {
      workers_.resize(i);
      return started;
    }
  }
  return {};
}

Result<void> Server::run() {
  handle_signals();
  watch(options_.publisher.snapshots);
  if (!options_.publisher.geoip.empty()) watch(directory_of(options_.publisher.geoip));
  // What has changed between the first look and the watch.
  look(false);
  if (take_over_ != nullptr && publisher_.current() == nullptr) {
    return fail(ErrorKind::kRefused,
                "taking over: there is no snapshot to serve in {}; the other "
                "process serves on",
                options_.publisher.snapshots);
  }
  const bool takes_over = take_over_ != nullptr;
  auto serving = start_workers();
  if (serving && takes_over) serving = finish_take_over();
  if (!serving) {
    if (takes_over) answer_what_was_accepted();
    return serving;
  }
  if (const auto written = write_pid_file(); !written) {
    // After a take-over nobody else serves any more.
    if (!takes_over) return written;
    log_.error("{}", written.error().message);
  }
  announce();
  notify_service_manager(fmt::format("MAINPID={}\nREADY=1\n", ::getpid()));
  uv_run(loop_.get(), UV_RUN_DEFAULT);
  return {};
}

// The other process serves on.
void Server::answer_what_was_accepted() {
  take_over_.reset();
  hand_over_.reset();
  leave_to_other_process();
  if (!workers_.empty()) uv_run(loop_.get(), UV_RUN_DEFAULT);
}

Result<void> Server::finish_take_over() {
  auto told = take_over_->report_ready();
  take_over_.reset();
  if (!told) return with_context(std::move(told).error(), "taking over");
  log_.info("this process has taken over");
  return {};
}

Result<void> Server::write_pid_file() {
  if (options_.pid_file.empty()) return {};
  MIRROR_CHECK(replace_file(options_.pid_file, fmt::format("{}\n", ::getpid())));
  pid_file_written_ = true;
  return {};
}

void Server::remove_pid_file() {
  if (!std::exchange(pid_file_written_, false)) return;
  constexpr uint64_t kPidFileMax = 32;
  const auto text = read_file(options_.pid_file, kPidFileMax);
  if (text && *text == fmt::format("{}\n", ::getpid())) ::unlink(options_.pid_file.c_str());
}

// None is removed while another process may take over: those are the other one's, or still its.
void Server::remove_owned_paths(std::string_view except) {
  if (take_over_ != nullptr) owned_paths_.clear();
  std::vector<OwnedPath> kept;
  for (const auto& owned : owned_paths_) {
    struct stat status {};
    if (owned.path == except) {
      kept.push_back(owned);
      continue;
    }
    if (::lstat(owned.path.c_str(), &status) == 0 && status.st_dev == owned.device &&
        status.st_ino == owned.inode)
      ::unlink(owned.path.c_str());
  }
  owned_paths_ = std::move(kept);
}

void Server::announce() const {
  for (const auto& url : urls_) std::printf("Listening on %s\n", url.c_str());
  if (admin_ != nullptr) std::printf("Admin on %s\n", admin_->url().c_str());
  std::fflush(stdout);
}

void Server::on_signal(int number) {
  switch (number) {
    case SIGHUP:
      log_.info("SIGHUP: looking for a new snapshot and GeoIP database");
      look(true);
      return;
    case SIGUSR1:
      if (access_log_ != nullptr) access_log_->reopen();
      return;
    case SIGUSR2:
      start_successor();
      return;
    default:
      if (!std::exchange(told_to_end_, true)) {
        if (!draining_) {
          drain();
        } else {
          log_.info("ending already: finishing what is under way; a second signal ends at once");
        }
        return;
      }
      log_.info("the second signal: ending at once");
      for (auto& worker : workers_) worker->stop();
  }
}

void Server::look(bool forced) {
  publisher_.look(forced);
  load_ended();
}

void Server::load_ended() {
  if (publisher_.waiting() && !draining_) {
    uv_timer_start(
        retry_timer_.get(), [](uv_timer_t* timer) { server_of(timer)->look(false); }, kRetryMs, 0);
  } else {
    uv_timer_stop(retry_timer_.get());
  }
}

void Server::on_worker_message() {
  publisher_.collect();
  const bool all_ended = std::all_of(workers_.begin(), workers_.end(),
                                     [](const auto& worker) { return worker->ended(); });
  if (draining_ && all_ended) end();
}

void Server::drain() {
  draining_ = true;
  log_.info("draining: no new connections, answers under way are finished, for at most {} seconds",
            options_.drain_timeout_ms / 1000);
  notify_service_manager("STOPPING=1\n");
  // Nobody takes over any more; the workers' descriptors are the last ones, and whoever comes now
  // may listen at the same paths. Operators still see how it ends.
  if (hand_over_ != nullptr && hand_over_->end()) {
    owned_paths_.clear();
    pid_file_written_ = false;
  }
  remove_owned_paths(admin_ == nullptr ? "" : std::string_view(admin_->socket().owned_path));
  hand_over_.reset();
  copies_.clear();
  for (auto& worker : workers_) worker->drain();
  start_drain_timer();
}

void Server::start_drain_timer() {
  uv_timer_start(
      drain_timer_.get(),
      [](uv_timer_t* timer) {
        for (auto& worker : server_of(timer)->workers_) worker->stop();
      },
      options_.drain_timeout_ms, 0);
}

// SIGUSR2: the program as it lies on the disk now, with the same arguments, takes over. It reports
// through the hand-over socket; until then this process serves as if nothing had happened.
void Server::start_successor() {
  if (options_.sockets.hand_over.empty() || draining_ || successor_) {
    log_.error("SIGUSR2: {}", options_.sockets.hand_over.empty()
                                  ? "a successor needs --hand-over PATH"
                              : draining_ ? "this process is ending already"
                                          : "a successor was started already");
    return;
  }
  std::vector<std::string> words = options_.command_line;
  if (!options_.sockets.take_over) words.emplace_back(kTakeOver);
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::array<uv_stdio_container_t, 3> descriptors{};
  for (int i = 0; i < 3; ++i) {
    descriptors[static_cast<size_t>(i)].flags = UV_INHERIT_FD;
    descriptors[static_cast<size_t>(i)].data.fd = i;
  }
  uv_process_options_t options{};
  options.file = arguments[0];
  options.args = arguments.data();
  options.stdio = descriptors.data();
  options.stdio_count = static_cast<int>(descriptors.size());
  options.exit_cb = [](uv_process_t* process, int64_t status, int signal) {
    Server* server = server_of(process);
    server->log_.error("the successor ended with exit code {}, signal {}; this process serves on",
                       status, signal);
    server->successor_.close();
  };
  int code = 0;
  successor_ = UvOwner<uv_process_t>([&](uv_process_t* process) {
    process->data = this;
    code = uv_spawn(loop_.get(), process, &options);
    return 0;
  });
  if (code == 0) {
    log_.info("SIGUSR2: started process {} to take over", successor_.get()->pid);
    return;
  }
  log_.error("SIGUSR2: starting {}: {}", words[0], uv_strerror(code));
  successor_.close();
}

void Server::on_taken_over() {
  log_.info("handed over: finishing what is under way, for at most {} seconds",
            options_.drain_timeout_ms / 1000);
  leave_to_other_process();
}

// Stops accepting; all that has a name is the other one's.
void Server::leave_to_other_process() {
  draining_ = true;
  owned_paths_.clear();
  pid_file_written_ = false;
  if (admin_ != nullptr) admin_->stop_listening();
  copies_.clear();
  for (auto& worker : workers_) worker->hand_over();
  start_drain_timer();
}

void Server::end() {
  for (auto& worker : workers_) worker->join();
  publisher_.retire_all();
  uint64_t cut = 0;
  for (const auto& worker : workers_) cut += worker->counters().drain_cut.get();
  if (cut > 0) {
    log_.warning("ended; {} connections were cut off: their requests or answers took too long",
                 cut);
  } else {
    log_.info("ended");
  }
  uv_stop(loop_.get());
}

AdminReply Server::answer_admin(std::string_view target) {
  if (is_explain_target(target)) {
    return answer_explain(target, publisher_.current(), options_.answer);
  }
  const auto path = target.substr(0, target.find('?'));
  if (path == "/-/live") return {200, "text/plain", "200 live\n"};
  if (path == "/-/ready") {
    const auto ready = current_readiness();
    return {ready.status, "text/plain", std::string(ready.text)};
  }
  const StatusInput input{publisher_,           workers_, access_log_.get(), urls_,
                          current_readiness(),  limits_,  draining_,         started_,
                          clock_.unix_seconds()};
  if (path == "/-/status") return {200, "application/json", render_status(input)};
  if (path == "/-/metrics") return {200, kMetricsType, render_metrics(input)};
  return {404, "text/plain", "/-/live, /-/ready, /-/status, /-/metrics and /-/explain are here\n"};
}

Readiness Server::current_readiness() const {
  return readiness(options_.readiness, publisher_.current(), draining_, clock_.unix_seconds());
}

void Server::publish(const Generation& generation) {
  for (auto& worker : workers_) worker->post(generation);
}

uint64_t Server::lowest_adopted_ordinal() const {
  uint64_t lowest = UINT64_MAX;
  for (const auto& worker : workers_) lowest = std::min(lowest, worker->adopted_ordinal());
  return lowest;
}

}  // namespace mirror
