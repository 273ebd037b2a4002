#include "base/core/output.h"

#include <cerrno>
#include <csignal>
#include <cstdio>

namespace mirror {

Result<void> print_out(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0)
    return {};
  return fail_errno(errno, "writing to standard output");
}

void make_closed_pipes_errors() { std::signal(SIGPIPE, SIG_IGN); }

}  // namespace mirror
