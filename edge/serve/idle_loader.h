// Loads snapshots on a thread of its own with the scheduling policy SCHED_IDLE (sched(7)): it runs
// when no worker wants the processor, so that taking over 100 MB costs no client a millisecond, and
// the control thread goes on answering operators.
//
// Lives on the control thread. Destroying it waits for the job that runs, whose result is dropped.
#pragma once

#include <uv.h>

#include <atomic>
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

 private:
  void finish();

  UvOwner<uv_async_t> finished_;
  std::thread thread_;
  Done done_;
  // The thread's until it has ended.
  std::optional<Result<Snapshot>> result_;
};

}  // namespace mirror
