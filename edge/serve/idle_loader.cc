#include "edge/serve/idle_loader.h"

#include <sched.h>
#include <signal.h>

#include <utility>

#include "base/core/assert.h"

namespace mirror {

IdleLoader::IdleLoader(uv_loop_t* loop)
    : finished_([this, loop](uv_async_t* handle) {
        handle->data = this;
        return uv_async_init(loop, handle, [](uv_async_t* async) {
          static_cast<IdleLoader*>(async->data)->finish();
        });
      }) {}

IdleLoader::~IdleLoader() {
  if (thread_.joinable()) thread_.join();
}

void IdleLoader::load(Job job, Done done) {
  MIRROR_ASSERT(!thread_.joinable());
  done_ = std::move(done);
  // Signals are the control thread's.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this, work = std::move(job)] {
    const sched_param none{};
    // Where it is forbidden the thread is an ordinary one.
    static_cast<void>(::sched_setscheduler(0, SCHED_IDLE, &none));
    result_ = work();
    uv_async_send(finished_.get());
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void IdleLoader::finish() {
  // An async may be told once more than there were results.
  if (!thread_.joinable()) return;
  thread_.join();
  auto result = std::exchange(result_, std::nullopt);
  const Done done = std::exchange(done_, nullptr);
  done(std::move(*result));
}

}  // namespace mirror
