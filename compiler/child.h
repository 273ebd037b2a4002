// A child of this process that runs a function of this program: fork(2) without exec.
// REQUIRES: this process has one thread.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <functional>
#include <span>

#include "base/core/error.h"

namespace mirror {

struct ChildOptions {
  const sigset_t* mask = nullptr;  // signals that the child blocks
  std::span<const int> close;      // descriptors of the parent that it must not keep
};

// The child runs `work` and ends with its result; it is killed by SIGTERM when this process dies.
[[nodiscard]] Result<pid_t> fork_child(const ChildOptions& options,
                                       const std::function<int()>& work);

}  // namespace mirror
