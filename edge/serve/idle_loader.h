// Loads snapshots, and frees those that nobody uses any more, on a thread of its own with the
// scheduling policy SCHED_IDLE (sched(7)): it runs when no worker wants the processor, so that
// taking over 100 MB costs no client a millisecond, and the control thread goes on answering
// operators.
//
// Lives on the control thread. Destroying it finishes what was begun; results are dropped.
#pragma once

#include <uv.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "edge/serve/publisher.h"
#include "edge/serve/uv_owner.h"

namespace mirror {

class IdleLoader final : public SnapshotLoader {
 public:
  explicit IdleLoader(uv_loop_t* loop);
  ~IdleLoader() override;
  IdleLoader(const IdleLoader&) = delete;
  IdleLoader& operator=(const IdleLoader&) = delete;

  void load(Job job, Done done) override;
  void dispose(std::shared_ptr<const Generation> generation) override;

 private:
  void run();
  void add(std::function<void()> task);
  void finish();

  UvOwner<uv_async_t> finished_;
  Done done_;  // of the job that was given last; the control thread's

  // Guards what follows.
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  std::optional<Result<Snapshot>> result_;
  bool stop_ = false;

  std::thread thread_;
};

}  // namespace mirror
