#include "edge/serve/access_log.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "edge/serve/limits.h"
#include "edge/serve/thread.h"

namespace mirror {
namespace {

Result<UniqueFd> open_for_append(const std::string& path) {
  // Without O_NONBLOCK a FIFO that nobody reads would hold the program up, here and at its end.
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0644));
  if (!fd.valid()) return fail_errno(errno, fmt::format("opening the access log {}", path));
  return fd;
}

// Whether somebody left the beginning of a line there, as when the disk was full. If it is a
// process that writes at this moment, an empty line comes of it.
bool ends_inside_a_line(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat file {};
  char last = '\n';
  return fd.valid() && ::fstat(fd.get(), &file) == 0 && S_ISREG(file.st_mode) && file.st_size > 0 &&
         ::pread(fd.get(), &last, 1, file.st_size - 1) == 1 && last != '\n';
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
  self->cut_line_ = ends_inside_a_line(path);
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

// By one system call, unless the disk takes only a part, so that what two processes append to one
// file during a hand-over are whole lines.
void AccessLog::write(std::array<std::string_view, 2> lines) {
  if (lines[0].empty()) return;
  // A failure may have left the beginning of a line: it must not swallow the next one.
  std::array<std::string_view, 3> parts = {cut_line_ ? "\n" : "", lines[0], lines[1]};
  while (!parts[0].empty() || !parts[1].empty() || !parts[2].empty()) {
    std::array<iovec, 3> pieces{};
    for (size_t i = 0; i < parts.size(); ++i)
      pieces[i] = {const_cast<char*>(parts[i].data()), parts[i].size()};
    const ssize_t written = ::writev(file_.get(), pieces.data(), static_cast<int>(pieces.size()));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN && wait_for_room()) continue;
    if (written <= 0) {
      lose({parts[1], parts[2]}, written < 0 ? errno : EIO);
      return;
    }
    auto left = static_cast<size_t>(written);
    for (std::string_view& part : parts) {
      const size_t taken = std::min(left, part.size());
      if (taken > 0) cut_line_ = part[taken - 1] != '\n';
      part.remove_prefix(taken);
      left -= taken;
    }
  }
  failing_ = false;
}

void AccessLog::lose(std::array<std::string_view, 2> lines, int error) {
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
  cut_line_ = ends_inside_a_line(path_);
  reopened_.fetch_add(1, std::memory_order_relaxed);
  log_.info("opened the access log {} again", path_);
}

}  // namespace mirror
