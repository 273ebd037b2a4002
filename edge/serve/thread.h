// Starts a thread of a server: no signal comes to it, as those are the control thread's and an
// interrupted system call elsewhere would be nobody's gain; and it has a name, for `top -H`, `ps
// -L` and perf. Any thread may call it.
#pragma once

#include <fmt/format.h>
#include <pthread.h>

#include <csignal>
#include <system_error>
#include <thread>
#include <utility>

#include "base/core/error.h"

namespace mirror {

// Fails where the system allows no further thread (RLIMIT_NPROC, pids.max). REQUIRES: a name of at
// most 15 characters (pthread_setname_np(3)).
template <typename Body>
[[nodiscard]] Result<std::thread> start_thread(const char* name, Body body) {
  // The new thread inherits the mask; set by itself, it would come too late.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  Result<std::thread> thread;
  try {
    thread = std::thread([name, body = std::move(body)] {
      pthread_setname_np(pthread_self(), name);
      body();
    });
  } catch (const std::system_error& error) {
    thread = fail_errno(error.code().value(), fmt::format("starting the thread {}", name));
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace mirror
