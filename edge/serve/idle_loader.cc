#include "edge/serve/idle_loader.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <utility>

#include "base/core/assert.h"
#include "edge/serve/limits.h"

namespace mirror {

IdleLoader::IdleLoader(uv_loop_t* loop)
    : finished_([this, loop](uv_async_t* handle) {
        handle->data = this;
        return uv_async_init(loop, handle, [](uv_async_t* async) {
          static_cast<IdleLoader*>(async->data)->finish();
        });
      }),
      patience_([this, loop](uv_timer_t* timer) {
        timer->data = this;
        return uv_timer_init(loop, timer);
      }) {
  // Signals are the control thread's.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  set_policy(SCHED_IDLE);
}

IdleLoader::~IdleLoader() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_one();
  // Nobody must wait for a thread that gets no processor.
  set_policy(SCHED_OTHER);
  thread_.join();
}

void IdleLoader::set_policy(int policy) {
  const sched_param none{};
  static_cast<void>(::pthread_setschedparam(thread_.native_handle(), policy, &none));
}

void IdleLoader::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stop_ || !tasks_.empty(); });
    if (tasks_.empty()) return;
    auto task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    // What it holds goes here, too.
    task = nullptr;
    lock.lock();
  }
}

void IdleLoader::add(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  changed_.notify_one();
}

void IdleLoader::load(Job job, Done done) {
  MIRROR_ASSERT(done_ == nullptr);
  done_ = std::move(done);
  uv_timer_start(
      patience_.get(),
      [](uv_timer_t* timer) { static_cast<IdleLoader*>(timer->data)->set_policy(SCHED_OTHER); },
      kLoaderPatienceMs, 0);
  add([this, work = std::move(job)] {
    auto result = work();
    const std::lock_guard lock(mutex_);
    result_ = std::move(result);
    uv_async_send(finished_.get());
  });
}

void IdleLoader::dispose(std::shared_ptr<const Generation> generation) {
  add([held = std::move(generation)]() mutable { held.reset(); });
}

void IdleLoader::finish() {
  std::optional<Result<Snapshot>> result;
  {
    const std::lock_guard lock(mutex_);
    result = std::exchange(result_, std::nullopt);
  }
  // An async may be told once more than there were results.
  if (!result) return;
  uv_timer_stop(patience_.get());
  set_policy(SCHED_IDLE);
  std::exchange(done_, nullptr)(std::move(*result));
}

}  // namespace mirror
