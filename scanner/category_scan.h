// One category from its tree into the database:
//   read its rows -> walk the tree -> read details of what changed -> plan -> write, in one
//   transaction.
// The database is not held while the tree is walked. When there is something to write, the rows are
// read again under a lock; if somebody changed them meanwhile, the plan is thrown away and the scan
// starts over, a bounded number of times. A plan without changes opens no transaction that writes.
#pragma once

#include <cstdint>
#include <string>

#include "base/core/clock.h"
#include "base/core/error.h"
#include "scanner/category_state.h"
#include "scanner/change_plan.h"
#include "scanner/diagnostics.h"
#include "scanner/rules.h"
#include "schema/database/database.h"

namespace mirror {

struct ScanOptions {
  bool dry_run = false;  // everything is done, then rolled back
  bool force = false;    // accept an empty tree and any number of deletions
  bool move_repositories = false;
  bool quiet = false;  // no progress
};

struct ScanOutcome {
  size_t directories = 0;         // in the tree
  size_t listed_directories = 0;  // of these, new or changed
  size_t read_directories = 0;    // of these, with details
  size_t repositories = 0;        // in the tree
  ChangePlan plan;
  Diagnostics diagnostics;
};

// `database`, `rules` and `clock` are borrowed. An error means that nothing was changed; kRefused
// is a safety gate.
[[nodiscard]] Result<ScanOutcome> scan_category(Database* database, const ScanRules& rules,
                                                const CategorySource& source,
                                                const ScanOptions& options, const Clock& clock);

// One line for people: what was found and what changed.
[[nodiscard]] std::string describe(const ScanOutcome& outcome, bool dry_run);

}  // namespace mirror
