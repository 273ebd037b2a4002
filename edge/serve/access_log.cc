#include "edge/serve/access_log.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "edge/serve/limits.h"
#include "edge/serve/thread.h"

namespace mirror {
namespace {

// So much goes into one system call, in which many a server's kernel does not preempt a thread: a
// worker may wait for the same processor.
constexpr size_t kWriteBytes = size_t{32} << 10;

}  // namespace
namespace {

Result<UniqueFd> open_for_append(const std::string& path) {
  // Without O_NONBLOCK a FIFO that nobody reads would hold the program up, here and at its end.
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0644));
  if (!fd.valid()) return fail_errno(errno, fmt::format("opening the access log {}", path));
  return fd;
}

}  // namespace

AccessLog::AccessLog(std::string path, size_t workers, const Log& log, uint64_t pause_ms)
    : path_(std::move(path)), log_(log), pause_ms_(static_cast<int>(pause_ms)) {
  for (size_t i = 0; i < workers; ++i) {
    rings_.push_back(std::make_unique<LineRing>(kLogRingBytes, [this] { wake_.ring(); }));
  }
}

Result<std::unique_ptr<AccessLog>> AccessLog::open(const std::string& path, size_t workers,
                                                   const Log& log, uint64_t pause_ms) {
  std::unique_ptr<AccessLog> self(new AccessLog(path, workers, log, pause_ms));
  MIRROR_TRY(self->file_, open_for_append(path));
  MIRROR_TRY(self->wake_, EventFd::create());
  MIRROR_TRY(self->thread_,
             start_thread("edge-log", [log_writer = self.get()] { log_writer->run(); }));
  return self;
}

AccessLog::~AccessLog() {
  stop_.store(true, std::memory_order_release);
  if (!thread_.joinable()) return;
  wake_.ring();
  thread_.join();
}

void AccessLog::reopen() {
  reopen_.store(true, std::memory_order_release);
  wake_.ring();
}

void AccessLog::run() {
  for (;;) {
    // Read before draining, so that lines pushed before the stop are written.
    const bool stop = stop_.load(std::memory_order_acquire);
    const bool reopen = reopen_.exchange(false, std::memory_order_acq_rel);
    drain();
    if (reopen) open_again();
    if (stop) return;
    pollfd event{wake_.get(), POLLIN, 0};
    if (::poll(&event, 1, pause_ms_) > 0) wake_.clear();
  }
}

void AccessLog::drain() {
  for (auto& ring : rings_) {
    const auto lines = ring->peek();
    write(lines);
    ring->consume(lines[0].size() + lines[1].size());
  }
}

void AccessLog::write(std::array<std::string_view, 2> lines) {
  if (lines[0].empty()) return;
  // A failure may have left the beginning of a line: it must not swallow the next one.
  std::string_view missing_end = cut_line_ ? "\n" : "";
  for (std::string_view* part : {&missing_end, &lines[0], &lines[1]}) {
    while (!part->empty()) {
      const ssize_t written =
          ::write(file_.get(), part->data(), std::min(part->size(), kWriteBytes));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0 && errno == EAGAIN && wait_for_room()) continue;
      if (written <= 0) return lose(lines, written < 0 ? errno : EIO);
      cut_line_ = (*part)[static_cast<size_t>(written) - 1] != '\n';
      part->remove_prefix(static_cast<size_t>(written));
    }
  }
  failing_ = false;
}

void AccessLog::lose(const std::array<std::string_view, 2>& lines, int error) {
  for (const auto part : lines) {
    lines_lost_.fetch_add(static_cast<uint64_t>(std::count(part.begin(), part.end(), '\n')),
                          std::memory_order_relaxed);
  }
  // Once for each time of trouble: the count tells the rest.
  if (!failing_)
    log_.error("{}",
               fail_errno(error, fmt::format("writing the access log {}", path_)).value().message);
  failing_ = true;
}

// Whoever reads a pipe or terminal may be slow; the lines that come meanwhile wait in the rings, or
// are dropped. False: the program ends, or the file is to be opened again.
bool AccessLog::wait_for_room() {
  while (!stop_.load(std::memory_order_acquire) && !reopen_.load(std::memory_order_acquire)) {
    pollfd room{file_.get(), POLLOUT, 0};
    if (::poll(&room, 1, pause_ms_) != 0) return true;
  }
  return false;
}

void AccessLog::open_again() {
  auto file = open_for_append(path_);
  if (!file) {
    log_.error("{}; the old file is written on", file.error().message);
    return;
  }
  file_ = std::move(*file);
  cut_line_ = false;
  reopened_.fetch_add(1, std::memory_order_relaxed);
  log_.info("opened the access log {} again", path_);
}

}  // namespace mirror
