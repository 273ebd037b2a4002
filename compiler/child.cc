#include "compiler/child.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace mirror {

Result<pid_t> fork_child(const ChildOptions& options, const std::function<int()>& work) {
  // What is buffered would be written twice.
  std::fflush(nullptr);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return fail_errno(errno, "fork");
  if (child > 0) return child;
  // SIGPIPE stays as main() set it; nothing else has a handler.
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(kExitFailed);  // it died before prctl()
  for (const int fd : options.close) {
    if (fd >= 0) ::close(fd);
  }
  if (options.mask != nullptr) ::sigprocmask(SIG_SETMASK, options.mask, nullptr);
  // The parent's objects are not ours to destroy.
  const int code = work();
  std::fflush(nullptr);
  ::_exit(code);
}

}  // namespace mirror
