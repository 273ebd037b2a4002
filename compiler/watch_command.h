// `mirror-compile watch`: stays up and compiles on a schedule and soon after each change.
//
// Each compile, and the listening to the database, is a child of this process: a fork without an
// exec, so that it has the very same options. A crash or a stuck compile does not end the watch,
// all memory goes back when a child ends, and this process, which has no threads, no connection and
// no buffers, is safe to fork.
#pragma once

#include <cstdint>

#include "base/core/clock.h"
#include "base/core/command_line.h"
#include "compiler/compile_command.h"

namespace mirror {

struct WatchOptions {
  int64_t every_s = 3600;
  int64_t settle_s = 1;
  int64_t settle_max_s = 3;
  int64_t compile_timeout_s = 900;

  void declare(CommandLine& line);
};

// Returns the exit code after SIGTERM or SIGINT.
[[nodiscard]] int run_watch(const CompileOptions& compile, const WatchOptions& options,
                            const CommandLine& line, const Clock& clock);

}  // namespace mirror
