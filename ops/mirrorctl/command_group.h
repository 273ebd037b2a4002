// mirrorctl is a set of command groups: `mirrorctl database init`, `mirrorctl snapshot list`, ...
// Each group declares its commands and options on the root command line when it is made and runs
// the chosen one.
#pragma once

#include <memory>

#include "base/core/command_line.h"
#include "base/core/log.h"

namespace mirror {

class CommandGroup {
 public:
  virtual ~CommandGroup() = default;
  [[nodiscard]] virtual bool chosen() const = 0;
  // The exit code (base/core/error.h).
  [[nodiscard]] virtual int run(const Log& log) = 0;
};

[[nodiscard]] std::unique_ptr<CommandGroup> make_database_commands(CommandLine& root);
[[nodiscard]] std::unique_ptr<CommandGroup> make_mirrors_commands(CommandLine& root);
[[nodiscard]] std::unique_ptr<CommandGroup> make_snapshot_commands(CommandLine& root);
[[nodiscard]] std::unique_ptr<CommandGroup> make_edge_commands(CommandLine& root);
[[nodiscard]] std::unique_ptr<CommandGroup> make_explain_command(CommandLine& root);
[[nodiscard]] std::unique_ptr<CommandGroup> make_doctor_command(CommandLine& root);
[[nodiscard]] std::unique_ptr<CommandGroup> make_why_command(CommandLine& root);

}  // namespace mirror
