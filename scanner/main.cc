// mirror-scan: records what a local master tree holds, so that mirrors can be judged by it.
#include <string>

#include "base/core/clock.h"
#include "base/core/command_line.h"
#include "base/core/log.h"
#include "base/core/output.h"
#include "scanner/scan_program.h"

int main(int argc, char** argv) {
  mirror::make_closed_pipes_errors();
  mirror::CommandLine line("mirror-scan",
                           "Walks the master trees of a rules file and records their directories, "
                           "repositories and checksums in the database.");
  mirror::ScanProgramOptions options;
  std::string log_level = "info";
  line.option("--database", &options.database, "sqlite:PATH or postgresql://...",
              "MIRROR_DATABASE");
  line.option("--rules", &options.rules, "TOML file with the trees and the rules for repositories");
  line.option("--category", &options.categories,
              "Only this category (repeatable; default: all of the rules file)");
  line.flag("--dry-run", &options.scan.dry_run, "Do everything, print it, and roll back");
  line.flag("--force", &options.scan.force, "Accept an empty tree and any number of deletions");
  line.flag(
      "--move-repositories", &options.scan.move_repositories,
      "Let a directory take its prefix and architecture over from the directory that has them");
  line.flag("--list-categories", &options.list_categories,
            "Print the database's categories: name, top directory, tree in the rules file");
  line.flag("--quiet", &options.scan.quiet, "No progress and no summary; warnings and errors only");
  line.option("--log-level", &log_level, std::string(mirror::Log::kLevelHelp));
  line.footer(
      "Exit codes: 0 done, 1 failed, 2 usage, 3 refused by a safety gate (the category is "
      "unchanged), "
      "4 done with warnings.\nEach category is one transaction; the worst result is the exit "
      "code.");
  if (const auto code = line.parse(argc, argv)) return *code;
  const auto level = mirror::Log::parse_level(log_level);
  if (!level) {
    return line.usage_error("--log-level: " + log_level + " is none of " +
                            std::string(mirror::Log::kLevelHelp));
  }
  if (options.database.empty())
    return line.usage_error("--database is needed (or MIRROR_DATABASE)");
  if (options.rules.empty() && !options.list_categories)
    return line.usage_error("--rules is needed");
  return mirror::run_scan_program(options, mirror::Log("mirror-scan", *level),
                                  mirror::SystemClock());
}
