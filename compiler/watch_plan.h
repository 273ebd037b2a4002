// When `mirror-compile watch` compiles: at once, on a schedule, soon after changes, and again after
// failures. Times are nanoseconds of a clock that never jumps, and arguments, so that tests need no
// waiting. One thread.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>

namespace mirror {

// Longer and longer pauses between attempts that fail.
class Backoff {
 public:
  struct Limits {
    int64_t first_ns;
    int64_t longest_ns;
  };
  explicit Backoff(const Limits& limits) : limits_(limits) {}
  // The pause after one more failure.
  [[nodiscard]] int64_t next_ns();
  void reset() { failures_ = 0; }
  [[nodiscard]] int failures() const { return failures_; }

 private:
  Limits limits_;
  int failures_ = 0;
};

struct WatchTimes {
  int64_t every_ns;       // from one scheduled compile to the next
  int64_t settle_ns;      // quiet after a change, so that a burst of them is compiled once ...
  int64_t settle_max_ns;  // ... but no longer than this after the first of them
  Backoff::Limits retry;
};

enum class CompileOutcome {
  kDone,
  kRefused,  // by a gate or a HOLD: trying again helps only if something changes
  kFailed,
};

class WatchPlan {
 public:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  // The first compile is due at once.
  WatchPlan(const WatchTimes& times, int64_t now_ns)
      : times_(times), scheduled_ns_(now_ns), retry_(times.retry) {}

  // Somebody changed the database.
  void on_change(int64_t now_ns);
  // Changes are heard from now on: some may have been missed before, and the database is there.
  void on_listening(int64_t now_ns);
  // A person wants a compile now.
  void on_request() { requested_ = true; }
  void on_start(int64_t now_ns);
  void on_end(CompileOutcome outcome, int64_t now_ns);

  // When to compile next; kNever while one runs.
  [[nodiscard]] int64_t due_ns() const;
  [[nodiscard]] bool running() const { return running_; }
  // The next compile shall not ask whether anything has changed: a person wants it, or the one that
  // a person wanted has failed.
  [[nodiscard]] bool requested() const { return requested_ || unmet_; }
  [[nodiscard]] int failures() const { return retry_.failures(); }

 private:
  WatchTimes times_;
  int64_t scheduled_ns_;
  Backoff retry_;
  bool running_ = false;
  bool requested_ = false;  // for the next compile
  bool running_for_request_ = false;
  bool unmet_ = false;  // the last one was for a request, and failed
  int64_t started_ns_ = 0;
  int64_t retry_at_ns_ = 0;    // while failures() > 0
  int64_t not_before_ns_ = 0;  // for what was changed
  struct Changes {
    int64_t first_ns, last_ns;
  };
  std::optional<Changes> changes_;  // since the last compile began
};

}  // namespace mirror
