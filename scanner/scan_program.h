// mirror-scan as a function of its options: all categories, what is printed, the exit code.
#pragma once

#include <string>
#include <vector>

#include "base/core/clock.h"
#include "base/core/log.h"
#include "scanner/category_scan.h"

namespace mirror {

struct ScanProgramOptions {
  std::string database;
  std::string rules;
  std::vector<std::string> categories;  // empty: all of the rules file
  bool list_categories = false;
  ScanOptions scan;
};

// Summaries go to stdout, everything else to the log. The worst of all categories is the exit code:
// kExitFailed, kExitRefused, kExitWarnings, kExitDone.
[[nodiscard]] int run_scan_program(const ScanProgramOptions& options, const Log& log,
                                   const Clock& clock);

}  // namespace mirror
