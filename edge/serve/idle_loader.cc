#include "edge/serve/idle_loader.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <utility>

#include "base/core/assert.h"
#include "base/core/pace.h"
#include "edge/serve/limits.h"
#include "edge/serve/thread.h"

namespace mirror {

// Copying and checking may rest so often each, and need some time for their work besides.
static_assert(2 * Pace::kRestsMax * Pace::kRest <=
              std::chrono::milliseconds(kLoaderPatienceMs) / 2);

IdleLoader::IdleLoader(uv_loop_t* loop)
    : finished_(loop, [this] { finish(); }), patience_([this, loop](uv_timer_t* timer) {
        timer->data = this;
        return uv_timer_init(loop, timer);
      }) {
  int ends[2];
  MIRROR_ASSERT(::pipe2(ends, O_CLOEXEC) == 0);
  task_reader_ = UniqueFd(ends[0]);
  task_writer_ = UniqueFd(ends[1]);
}

Result<void> IdleLoader::start() {
  MIRROR_TRY(thread_, start_thread("edge-loader", [this] { run(); }));
  set_policy(SCHED_IDLE);
  return {};
}

IdleLoader::~IdleLoader() {
  if (!thread_.joinable()) return;
  // Nobody must wait for a thread that gets no processor.
  set_policy(SCHED_OTHER);
  task_writer_.reset();
  thread_.join();
}

void IdleLoader::set_policy(int policy) {
  const sched_param none{};
  static_cast<void>(::pthread_setschedparam(thread_.native_handle(), policy, &none));
}

// Until the other end of the pipe is closed and everything before that is done.
void IdleLoader::run() {
  for (;;) {
    uintptr_t address = 0;
    // A pipe hands over so few bytes whole (pipe(7)).
    const ssize_t got = ::read(task_reader_.get(), &address, sizeof address);
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) return;
    MIRROR_ASSERT(got == sizeof address);
    const std::unique_ptr<Task> task(reinterpret_cast<Task*>(address));
    (*task)();
  }
}

void IdleLoader::add(Task task) {
  MIRROR_ASSERT(thread_.joinable());
  const auto address = reinterpret_cast<uintptr_t>(new Task(std::move(task)));
  // There is room for many more than ever wait.
  MIRROR_ASSERT(::write(task_writer_.get(), &address, sizeof address) == sizeof address);
}

void IdleLoader::load(Job job, Done done) {
  MIRROR_ASSERT(done_ == nullptr);
  done_ = std::move(done);
  uv_timer_start(
      patience_.get(),
      [](uv_timer_t* timer) { static_cast<IdleLoader*>(timer->data)->set_policy(SCHED_OTHER); },
      kLoaderPatienceMs, 0);
  add([this, work = std::move(job)] {
    result_ = work();
    has_result_.store(true, std::memory_order_release);
    finished_.ring();
  });
}

void IdleLoader::dispose(std::shared_ptr<const Generation> generation) {
  add([held = std::move(generation)]() mutable { held.reset(); });
}

void IdleLoader::finish() {
  if (!has_result_.exchange(false, std::memory_order_acquire)) return;
  auto result = std::exchange(result_, std::nullopt);
  uv_timer_stop(patience_.get());
  set_policy(SCHED_IDLE);
  std::exchange(done_, nullptr)(std::move(*result));
}

}  // namespace mirror
