// Starts a thread of a server: no signal comes to it, as those are the control thread's and an
// interrupted system call elsewhere would be nobody's gain; and it has a name, for `top -H`, `ps
// -L` and perf. Any thread.
#pragma once

#include <pthread.h>

#include <csignal>
#include <thread>
#include <utility>

namespace mirror {

// REQUIRES: a name of at most 15 characters (pthread_setname_np(3)).
template <typename Body>
[[nodiscard]] std::thread start_thread(const char* name, Body body) {
  // The new thread inherits the mask; set by itself, it would come too late.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread([name, body = std::move(body)] {
    pthread_setname_np(pthread_self(), name);
    body();
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace mirror
