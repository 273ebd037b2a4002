// mirror-compile: from the database, or from a protobuf cache, to a published snapshot.
#include "base/core/clock.h"
#include "base/core/command_line.h"
#include "base/core/output.h"
#include "compiler/compile_command.h"
#include "compiler/watch_command.h"

int main(int argc, char** argv) {
  mirror::make_closed_pipes_errors();
  mirror::CommandLine line("mirror-compile",
                           "Compiles the database into a snapshot and publishes it to the edges.");
  mirror::CompileOptions options;
  options.declare(line);
  mirror::CommandLine& watch =
      line.command("watch", "Stay up, and compile on a schedule and after each change");
  line.commands_optional();
  mirror::CompileOptions watched;
  watched.declare(watch, true);
  mirror::WatchOptions watch_options;
  watch_options.declare(watch);
  if (const auto code = line.parse(argc, argv)) return *code;
  const mirror::SystemClock clock;
  if (watch.chosen()) return mirror::run_watch(watched, watch_options, watch, clock);
  return mirror::run_compile(options, line, clock);
}
