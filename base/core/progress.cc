#include "base/core/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace mirror {
namespace {

constexpr int64_t kTerminalIntervalNs = 100'000'000;
constexpr int64_t kPlainIntervalNs = 5'000'000'000;
constexpr uint64_t kBarWidth = 30;

}  // namespace

Progress::Progress(std::string what, uint64_t total, const Clock& clock, bool quiet)
    : what_(std::move(what)),
      total_(total),
      clock_(clock),
      started_ns_(clock.monotonic_ns()),
      drawn_ns_(started_ns_),
      terminal_(::isatty(STDERR_FILENO) == 1),
      quiet_(quiet) {}

Progress::~Progress() { finish(); }

void Progress::advance(uint64_t steps) {
  done_ += steps;
  const int64_t now = clock_.monotonic_ns();
  if (now - drawn_ns_ < (terminal_ ? kTerminalIntervalNs : kPlainIntervalNs)) return;
  drawn_ns_ = now;
  draw(false);
}

void Progress::finish() {
  if (std::exchange(finished_, true)) return;
  draw(true);
}

void Progress::draw(bool last) {
  if (quiet_) return;
  const double seconds = static_cast<double>(clock_.monotonic_ns() - started_ns_) / 1e9;
  std::string line;
  if (terminal_ && total_ > 0) {
    const uint64_t filled = std::min(kBarWidth, done_ * kBarWidth / total_);
    line = fmt::format("\r{} [{:=<{}}{: <{}}] {}/{} {:.1f}s", what_, "", filled, "",
                       kBarWidth - filled, done_, total_, seconds);
  } else {
    line = fmt::format("{}{}: {}", terminal_ ? "\r" : "", what_, done_);
    if (total_ > 0) line += fmt::format(" of {}", total_);
    line += fmt::format(" in {:.1f} s", seconds);
  }
  if (last || !terminal_) line += "\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace mirror
