// Loads snapshots, and frees those that nobody uses any more, on a thread of its own with the
// scheduling policy SCHED_IDLE (sched(7)): it runs when no worker wants the processor, so that
// taking over 100 MB costs no client a millisecond, and the control thread goes on answering
// operators. Where every processor is wanted all the time such a thread gets about a third of a
// percent of one; a load that is not done after kLoaderPatienceMs is therefore ended as an ordinary
// thread's work, so that a flood of requests cannot keep a new snapshot out. The kernel allows that
// to root and where RLIMIT_NICE is at least 20 (LimitNICE=+0 of systemd); elsewhere the load stays
// slow.
//
// Whatever an idle thread holds may stay held for long, so the two threads hand over without a
// lock: tasks through a pipe, results by a flag. (The thread does take a lock for the moment of a
// pointer's move, in SpareCopy and malloc.)
//
// Lives on the control thread. Destroying it finishes what was begun; results are dropped.
#pragma once

#include <uv.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "base/core/unique_fd.h"
#include "edge/serve/publisher.h"
#include "edge/serve/uv_owner.h"
#include "edge/serve/wakeup.h"

namespace mirror {

class IdleLoader final : public SnapshotLoader {
 public:
  explicit IdleLoader(uv_loop_t* loop);
  // Once, before anything is given to it. Fails where there can be no thread.
  [[nodiscard]] Result<void> start();
  ~IdleLoader() override;
  IdleLoader(const IdleLoader&) = delete;
  IdleLoader& operator=(const IdleLoader&) = delete;

  void load(Job job, Done done) override;
  void dispose(std::shared_ptr<const Generation> generation) override;

 private:
  using Task = std::function<void()>;

  void run();
  void add(Task task);
  void finish();
  // Of the thread; where the kernel forbids it the old one stays. Called by the control thread
  // alone, as the thread itself may get no processor to change it.
  void set_policy(int policy);

  Wakeup finished_;
  UvOwner<uv_timer_t> patience_;
  Done done_;  // of the job that was given last; the control thread's

  // Addresses of tasks (as numbers), which belong to the thread once it has read them.
  UniqueFd task_reader_, task_writer_;
  // The thread's until it sets the flag, then the control thread's.
  std::optional<Result<Snapshot>> result_;
  std::atomic<bool> has_result_ = false;
  std::thread thread_;
};

}  // namespace mirror
