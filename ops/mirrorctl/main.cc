// mirrorctl: the operator's tool.
#include <memory>
#include <vector>

#include "base/core/command_line.h"
#include "base/core/log.h"
#include "base/core/output.h"
#include "ops/mirrorctl/command_group.h"

int main(int argc, char** argv) {
  mirror::make_closed_pipes_errors();
  mirror::CommandLine line("mirrorctl",
                           "Looks after the database, the snapshots and the edges of Mirrorworks.");
  std::string log_level = "info";
  line.option("--log-level", &log_level, "debug, info, warning or error");
  std::vector<std::unique_ptr<mirror::CommandGroup>> groups;
  // One line a group; see command_group.h.
  groups.push_back(mirror::make_database_commands(line));
  groups.push_back(mirror::make_mirrors_commands(line));
  groups.push_back(mirror::make_edge_commands(line));
  groups.push_back(mirror::make_snapshot_commands(line));
  groups.push_back(mirror::make_explain_command(line));
  groups.push_back(mirror::make_doctor_command(line));
  groups.push_back(mirror::make_why_command(line));
  line.footer(
      "Exit codes: 0 done, 1 failed, 2 usage, 3 refused by a safety gate, 4 done with warnings.");
  if (const auto code = line.parse(argc, argv)) return *code;
  const auto level = mirror::Log::parse_level(log_level);
  if (!level)
    return line.usage_error("--log-level: " + log_level +
                            " is none of debug, info, warning, error");
  const mirror::Log log("mirrorctl", *level);
  for (const auto& group : groups) {
    if (group->chosen()) return group->run(log);
  }
  return line.usage_error("a command is needed");
}
