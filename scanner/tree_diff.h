// Compares a category's rows with its tree. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "base/core/error.h"
#include "scanner/category_state.h"
#include "scanner/change_plan.h"
#include "scanner/detail_reader.h"
#include "scanner/diagnostics.h"
#include "scanner/rules.h"
#include "scanner/tree.h"

namespace mirror {

// The part of a full name below the top directory; nullopt if it does not lie there.
[[nodiscard]] std::optional<std::string> path_below(const std::string& topdir,
                                                    const std::string& name);

// What the lister may take as known. Directories that were stored without ctime, with a sample of
// an older program, or whose repomd.xml is not that of its last row (there is none, or it has
// another size) must be listed in any case.
[[nodiscard]] KnownTree known_tree(const CategoryState& state);

// Fills the directories of the plan. Directories that are gone from the tree are deleted; excluded
// ones and those that lie outside of the top directory are left alone.
void compare_directories(const CategoryState& state, const Tree& tree,
                         const std::vector<DirectoryDetails>& details,
                         const std::vector<Pattern>& excludes, ChangePlan* plan,
                         Diagnostics* diagnostics);

// kRefused: more than `max_delete_percent` of the category's directories are gone.
[[nodiscard]] Result<void> check_deletions(const CategoryState& state, const ChangePlan& plan,
                                           int64_t max_delete_percent);

// Fills the new and the replaced details of the plan. Afterwards the last inserted row of a file
// (the highest id) describes what the master has: nothing is written if it does already, and if an
// older row does (the master went back), that one is replaced by a new one. Size and sums decide,
// and for repomd.xml the timestamp too (what other files have there is only a file time, which a
// copy changes).
void compare_details(const CategoryState& state, const std::vector<DirectoryDetails>& details,
                     ChangePlan* plan);

// Fills the aged details. Newest first by timestamp, then by id, the n-th row of a file may go when
// it is at least the 3rd, or the 2nd while the newest is older than `propagation_days`, and when it
// was superseded (the timestamp of the next newer row) more than `stale_days` ago; never one of the
// first `keep`, and never the last inserted one, which is the one that mirrors can still fetch.
//
// A master that went back has its row behind newer ones. The metalink, which sorts by timestamp,
// then shows the newest as the file and what the master has as an alternate, until the master
// passes that timestamp; clients accept both.
void age_details(const CategoryState& state, const AgingRules& rules, int64_t now,
                 ChangePlan* plan);

}  // namespace mirror
