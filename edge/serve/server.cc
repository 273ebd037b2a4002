#include "edge/serve/server.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/core/files.h"
#include "base/core/random.h"
#include "edge/serve/status_report.h"

namespace mirror {
namespace {

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

// The signals that only tell the edge to look again: untaken they would end a starting edge.
void block_hints(int how) {
  sigset_t hints;
  sigemptyset(&hints);
  sigaddset(&hints, SIGHUP);
  sigaddset(&hints, SIGUSR1);
  pthread_sigmask(how, &hints, nullptr);
}

// Descriptors that the workers and the control thread use besides connections.
uint64_t reserved_descriptors(uint32_t workers) {
  return kReservedDescriptors + kDescriptorsPerWorker * workers;
}

}  // namespace

Server::Server(const ServerOptions& options, const Clock& clock, const Log& log)
    : options_(options),
      clock_(clock),
      log_(log),
      trusted_proxies_(options.trusted_proxies),
      started_(clock.unix_seconds()),
      publisher_(options.publisher, clock, log, *this) {}

Server::~Server() {
  for (auto& worker : workers_) worker->stop();
  for (auto& worker : workers_) worker->join();
  workers_.clear();
  if (pid_file_written_) ::unlink(options_.pid_file.c_str());
}

Result<std::unique_ptr<Server>> Server::create(const ServerOptions& options, const Clock& clock,
                                               const Log& log) {
  block_hints(SIG_BLOCK);
  // Before anything opens a descriptor: with enough of them, no loop fails to start.
  MIRROR_TRY(const auto files, raise_open_files());
  const uint64_t needed = reserved_descriptors(options.workers) + options.workers;
  if (files < needed) {
    return fail(ErrorKind::kLimit,
                "{} open files are allowed, {} workers need {}: raise the limit (LimitNOFILE=, "
                "ulimit -n) or lower --workers",
                files, options.workers, needed);
  }
  std::unique_ptr<Server> server(new Server(options, clock, log));
  server->limits_ = server->share_limits(files);
  MIRROR_CHECK(server->open());
  return server;
}

Result<void> Server::open() {
  ::signal(SIGPIPE, SIG_IGN);
  struct stat status {};
  const auto& snapshots = options_.publisher.snapshots;
  if (::stat(snapshots.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) ||
      ::access(snapshots.c_str(), R_OK | X_OK) != 0) {
    return fail(ErrorKind::kNotFound,
                "{}: no readable directory; give the one that mirror-compile publishes to",
                snapshots);
  }
  worker_message_ = UvOwner<uv_async_t>([this](uv_async_t* handle) {
    handle->data = this;
    return uv_async_init(loop_.get(), handle,
                         [](uv_async_t* async) { server_of(async)->on_worker_message(); });
  });
  if (!options_.access_log.empty()) {
    MIRROR_TRY(access_log_, AccessLog::open(options_.access_log, options_.workers, log_));
  }
  MIRROR_CHECK(open_workers(limits_));
  if (!options_.admin.empty()) {
    MIRROR_TRY(admin_,
               AdminServer::open(loop_.get(), options_.admin, clock_,
                                 [this](std::string_view path) { return answer_admin(path); }));
  }
  start_timers();
  if (options_.publisher.geoip.empty()) {
    log_.warning(
        "no GeoIP database is given (--geoip): every client counts as being in no country");
  }
  if (options_.access_log.empty()) log_.info("no access log is written (--log FILE writes one)");
  return publisher_.start();
}

WorkerLimits Server::share_limits(uint64_t files) const {
  const uint64_t possible = files - reserved_descriptors(options_.workers);
  const uint64_t wanted = std::max(options_.connections_max, options_.workers);
  const uint64_t connections = std::min(wanted, possible);
  WorkerLimits limits = options_.limits;
  limits.connections = static_cast<uint32_t>(connections / options_.workers);
  limits.read_buffers = std::max(16u, limits.connections / 4);
  if (connections < wanted) {
    log_.warning(
        "{} open files allow only {} connections, not {}: raise the limit (LimitNOFILE=, ulimit "
        "-n)",
        files, connections, wanted);
  }
  log_.info("{} open files, up to {} connections, {} for each of {} workers", files, connections,
            limits.connections, options_.workers);
  return limits;
}

Result<void> Server::open_workers(const WorkerLimits& limits) {
  std::vector<std::vector<UniqueFd>> sockets(options_.workers);
  for (const auto& address : options_.listen) {
    MIRROR_TRY(auto listen, open_listen_sockets(address, options_.workers));
    urls_.push_back("http://" + listen.address.to_string());
    for (size_t i = 0; i < options_.workers; ++i)
      sockets[i].push_back(std::move(listen.sockets[i]));
  }
  for (size_t i = 0; i < options_.workers; ++i) {
    Worker::Options worker;
    worker.handler.answer = options_.answer;
    worker.handler.readiness = options_.readiness;
    worker.handler.trusted_proxies = &trusted_proxies_;
    worker.handler.log = access_log_ == nullptr ? nullptr : &access_log_->ring(i);
    worker.handler.seed = Random::system_seed();
    worker.limits = limits;
    worker.clock = &clock_;
    worker.control = worker_message_.get();
    MIRROR_TRY(auto made, Worker::create(worker, std::move(sockets[i])));
    workers_.push_back(std::move(made));
  }
  return {};
}

void Server::start_timers() {
  for (auto* timer : {&poll_timer_, &retry_timer_, &settle_timer_, &drain_timer_}) {
    *timer = make_timer(loop_.get(), this);
  }
  uv_timer_start(
      poll_timer_.get(), [](uv_timer_t* timer) { server_of(timer)->look(false); }, kPollMs,
      kPollMs);
}

void Server::handle_signals() {
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) {
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

Result<void> Server::start_workers() {
  for (auto& worker : workers_) MIRROR_CHECK(worker->start());
  return {};
}

Result<void> Server::run() {
  handle_signals();
  watch(options_.publisher.snapshots);
  if (!options_.publisher.geoip.empty()) watch(directory_of(options_.publisher.geoip));
  // What has changed between the first look and the watch.
  look(false);
  MIRROR_CHECK(start_workers());
  if (!options_.pid_file.empty()) {
    MIRROR_CHECK(replace_file(options_.pid_file, fmt::format("{}\n", ::getpid())));
    pid_file_written_ = true;
  }
  announce();
  uv_run(loop_.get(), UV_RUN_DEFAULT);
  return {};
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
    default:
      if (!draining_) {
        drain();
        return;
      }
      log_.info("the second signal: ending at once");
      for (auto& worker : workers_) worker->stop();
  }
}

void Server::look(bool forced) {
  publisher_.look(forced);
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
  for (auto& worker : workers_) worker->drain();
  uv_timer_start(
      drain_timer_.get(),
      [](uv_timer_t* timer) {
        for (auto& worker : server_of(timer)->workers_) worker->stop();
      },
      options_.drain_timeout_ms, 0);
}

void Server::end() {
  for (auto& worker : workers_) worker->join();
  publisher_.retire_all();
  log_.info("ended");
  uv_stop(loop_.get());
}

AdminReply Server::answer_admin(std::string_view path) {
  if (path == "/-/live") return {200, "text/plain", "200 live\n"};
  if (path == "/-/ready") {
    const auto ready = current_readiness();
    return {ready.status, "text/plain", std::string(ready.text)};
  }
  if (path != "/-/status") return {404, "text/plain", "/-/live, /-/ready and /-/status are here\n"};
  return {200, "application/json",
          render_status({publisher_, workers_, access_log_.get(), urls_, current_readiness(),
                         limits_, draining_, started_, clock_.unix_seconds()})};
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
