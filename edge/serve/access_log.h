// The access log: workers put lines into rings, a thread of its own writes them, all that there are
// each `pause_ms` and as soon as a ring is half full. No worker ever waits for a disk; what does
// not fit into a ring is dropped by the worker and counted there, what cannot be written is dropped
// here and counted here.
//
// Made and destroyed by the control thread, after the workers are joined; the destructor writes
// what is left.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/core/error.h"
#include "base/core/log.h"
#include "base/core/unique_fd.h"
#include "edge/serve/limits.h"
#include "edge/serve/line_ring.h"
#include "edge/serve/wakeup.h"

namespace mirror {

class AccessLog {
 public:
  // Opens the file for appending and starts the thread. `log` must outlive the object.
  [[nodiscard]] static Result<std::unique_ptr<AccessLog>> open(const std::string& path,
                                                               size_t workers, const Log& log,
                                                               uint64_t pause_ms = kLogPauseMs);
  ~AccessLog();
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  [[nodiscard]] LineRing& ring(size_t worker) { return *rings_[worker]; }
  [[nodiscard]] const std::string& path() const { return path_; }
  // Any thread: lines that come later go to a file of the same name, opened afresh (rotation).
  void reopen();

  [[nodiscard]] uint64_t lines_lost() const { return lines_lost_.load(std::memory_order_relaxed); }
  [[nodiscard]] uint64_t reopened() const { return reopened_.load(std::memory_order_relaxed); }

 private:
  AccessLog(std::string path, size_t workers, const Log& log, uint64_t pause_ms);
  void run();
  void drain();
  // Whole lines, of which one may lie in both parts.
  void write(std::array<std::string_view, 2> lines);
  void lose(std::array<std::string_view, 2> lines, int error);
  [[nodiscard]] bool wait_for_room();
  void open_again();

  const std::string path_;
  const Log& log_;
  const int pause_ms_;
  std::vector<std::unique_ptr<LineRing>> rings_;
  UniqueFd file_;  // the thread's, once it runs
  EventFd wake_;
  bool cut_line_ = false;  // the last byte that was written ends no line
  bool failing_ = false;
  std::atomic<bool> stop_{false};
  std::atomic<bool> reopen_{false};
  std::atomic<uint64_t> lines_lost_{0};
  std::atomic<uint64_t> reopened_{0};
  std::thread thread_;
};

}  // namespace mirror
