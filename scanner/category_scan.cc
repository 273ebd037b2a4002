#include "scanner/category_scan.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/core/progress.h"
#include "scanner/detail_reader.h"
#include "scanner/limits.h"
#include "scanner/plan_writer.h"
#include "scanner/repository_finder.h"
#include "scanner/tree_diff.h"
#include "scanner/tree_lister.h"

namespace mirror {
namespace {

struct Work {
  Database* database;
  const ScanRules& rules;
  const CategorySource& source;
  const ScanOptions& options;
  const Clock& clock;
};

Result<CategoryState> read_state(const Work& work) {
  MIRROR_TRY(const auto transaction, work.database->begin(TransactionMode::kRead));
  return read_category_state(transaction.get(), work.source.name);
}

Result<Tree> list_tree(const Work& work, const CategoryState& state, Settler* settler,
                       Diagnostics* diagnostics) {
  const KnownTree known = known_tree(state);
  Progress progress(fmt::format("{}: directories", work.source.name),
                    known.size() > 1 ? known.size() : 0, work.clock, work.options.quiet);
  ListerOptions options{work.source.path, state.topdir, work.source.excludes, work.rules.sample,
                        work.options.force};
  TreeLister lister(std::move(options), known, settler, diagnostics, [&] { progress.advance(); });
  auto tree = lister.list();
  progress.finish();
  return tree;
}

Result<std::vector<DirectoryDetails>> read_details(const Work& work, const Tree& tree,
                                                   Settler* settler, Diagnostics* diagnostics) {
  std::vector<const TreeDirectory*> needed;
  for (const TreeDirectory& directory : tree.directories) {
    if (DetailReader::is_needed(directory)) needed.push_back(&directory);
  }
  std::vector<DirectoryDetails> details;
  if (needed.empty()) return details;
  Progress progress(fmt::format("{}: checksums", work.source.name), needed.size(), work.clock,
                    work.options.quiet);
  MIRROR_TRY(DetailReader reader, DetailReader::open(work.source.path, settler, diagnostics));
  for (const TreeDirectory* directory : needed) {
    details.push_back(reader.read(*directory));
    progress.advance();
  }
  return details;
}

Result<ScanOutcome> plan_scan(const Work& work, const CategoryState& state) {
  ScanOutcome outcome;
  Settler settler(work.clock);
  MIRROR_TRY(const Tree tree, list_tree(work, state, &settler, &outcome.diagnostics));
  MIRROR_TRY(const std::vector<DirectoryDetails> details,
             read_details(work, tree, &settler, &outcome.diagnostics));

  compare_directories(state, tree, details, work.source.excludes, &outcome.plan,
                      &outcome.diagnostics);
  if (!work.options.force)
    MIRROR_CHECK(check_deletions(state, outcome.plan, work.rules.max_delete_percent));
  compare_details(state, details, &outcome.plan);
  age_details(state, work.rules.aging, work.clock.unix_seconds(), &outcome.plan);
  RepositoryFinder finder(work.rules, state, {work.options.move_repositories}, &outcome.plan,
                          &outcome.diagnostics);
  finder.find(tree);

  outcome.directories = tree.directories.size();
  outcome.read_directories = details.size();
  for (const TreeDirectory& directory : tree.directories) {
    outcome.listed_directories += directory.listed ? 1 : 0;
    outcome.repositories += directory.repomd ? 1 : 0;
  }
  return outcome;
}

// False: the rows are not those that the plan was made from.
Result<bool> write_scan(const Work& work, const CategoryState& state, const ChangePlan& plan) {
  MIRROR_TRY(const auto transaction, work.database->begin(TransactionMode::kWrite));
  MIRROR_CHECK(lock_category(transaction.get(), state.id));
  MIRROR_TRY(const CategoryState now, read_category_state(transaction.get(), work.source.name));
  if (!(now == state)) return false;
  MIRROR_CHECK(write_plan(transaction.get(), state, plan));
  if (!work.options.dry_run) MIRROR_CHECK(transaction->commit());
  return true;
}

}  // namespace

Result<ScanOutcome> scan_category(Database* database, const ScanRules& rules,
                                  const CategorySource& source, const ScanOptions& options,
                                  const Clock& clock) {
  const Work work{database, rules, source, options, clock};
  for (int attempt = 0; attempt < scan_limits::kScanAttemptsMax; ++attempt) {
    MIRROR_TRY(const CategoryState state, read_state(work));
    MIRROR_TRY(ScanOutcome outcome, plan_scan(work, state));
    if (outcome.plan.is_empty()) return outcome;
    MIRROR_TRY(const bool written, write_scan(work, state, outcome.plan));
    if (written) return outcome;
  }
  return fail(
      ErrorKind::kConflict,
      "other programs changed its rows during each of {} scans: is another scanner running?",
      scan_limits::kScanAttemptsMax);
}

std::string describe(const ScanOutcome& outcome, bool dry_run) {
  const ChangePlan& plan = outcome.plan;
  return fmt::format(
      "{} directories ({} listed, {} read for checksums), {} repositories; {}directories +{} ~{} "
      "-{}, repositories +{} ~{}, "
      "versions +{}, details +{} -{}{}",
      outcome.directories, outcome.listed_directories, outcome.read_directories,
      outcome.repositories, dry_run ? "would change: " : "", plan.new_directories.size(),
      plan.changed_directories.size(),
      plan.deleted_directories.size() + plan.unlinked_directories.size(),
      plan.new_repositories.size(),
      plan.moved_repositories.size() + plan.prefixed_repositories.size(), plan.new_versions.size(),
      plan.new_details.size(), plan.replaced_details.size() + plan.aged_details.size(),
      plan.is_empty() ? "; nothing changed" : "");
}

}  // namespace mirror
