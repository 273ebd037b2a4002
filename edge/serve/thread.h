// Starts a thread of a server: no signal comes to it, as those are the control thread's and an
// interrupted system call elsewhere would be nobody's gain; and it has a name, for `top -H`, `ps
// -L` and perf. Any thread may call it.
#pragma once

#include <functional>
#include <thread>

#include "base/core/error.h"

namespace mirror {

// Fails where the system allows no further thread (RLIMIT_NPROC, pids.max). REQUIRES: a name of at
// most 15 characters (pthread_setname_np(3)), which outlives the thread.
[[nodiscard]] Result<std::thread> start_thread(const char* name, std::function<void()> body);

}  // namespace mirror
