#include "compiler/watch_plan.h"

#include <algorithm>

namespace mirror {

int64_t Backoff::next_ns() {
  constexpr int kDoublingsMax = 30;  // far above any sensible limit, far below an overflow
  const int doublings = std::min(failures_++, kDoublingsMax);
  if (limits_.first_ns >= limits_.longest_ns >> doublings) return limits_.longest_ns;
  return limits_.first_ns << doublings;
}

void WatchPlan::on_change(int64_t now_ns) {
  if (!changes_) changes_ = Changes{now_ns, now_ns};
  changes_->last_ns = now_ns;
}

void WatchPlan::on_listening(int64_t now_ns) {
  on_change(now_ns);
  // Whatever kept compiles from the database may be over.
  retry_at_ns_ = std::min(retry_at_ns_, now_ns + times_.retry.first_ns);
}

void WatchPlan::on_start(int64_t now_ns) {
  running_ = true;
  running_for_request_ = requested();
  requested_ = false;
  // What is heard from now on may or may not be in what this compile reads.
  changes_.reset();
  started_ns_ = now_ns;
  scheduled_ns_ = now_ns + times_.every_ns;
}

void WatchPlan::on_end(CompileOutcome outcome, int64_t now_ns) {
  running_ = false;
  unmet_ = running_for_request_ && outcome == CompileOutcome::kFailed;
  // Where writers never pause, compiles take no more than half of the time.
  not_before_ns_ = now_ns + (now_ns - started_ns_);
  if (outcome == CompileOutcome::kFailed)
    retry_at_ns_ = now_ns + retry_.next_ns();
  else
    retry_.reset();
}

int64_t WatchPlan::due_ns() const {
  if (running_) return kNever;
  if (requested_) return std::numeric_limits<int64_t>::min();
  // A change may be what makes the next try succeed.
  const int64_t without_changes = failures() > 0 ? retry_at_ns_ : scheduled_ns_;
  if (!changes_) return without_changes;
  const int64_t settled =
      std::min(changes_->last_ns + times_.settle_ns, changes_->first_ns + times_.settle_max_ns);
  return std::min(without_changes, std::max(settled, not_before_ns_));
}

}  // namespace mirror
