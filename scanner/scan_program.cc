#include "scanner/scan_program.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/core/output.h"
#include "scanner/rules.h"
#include "schema/database/database.h"

namespace mirror {
namespace {

constexpr size_t kNotesShown = 10;

// From the best to the worst.
int severity(int code) {
  switch (code) {
    case kExitDone:
      return 0;
    case kExitWarnings:
      return 1;
    case kExitRefused:
      return 2;
    default:
      return 3;
  }
}

Result<void> list_categories(Database* database, const ScanRules& rules) {
  MIRROR_TRY(const auto transaction, database->begin(TransactionMode::kRead));
  MIRROR_TRY(const std::vector<CategoryName> categories, read_categories(transaction.get()));
  std::string text;
  for (const CategoryName& category : categories) {
    const auto source =
        std::find_if(rules.categories.begin(), rules.categories.end(),
                     [&](const CategorySource& one) { return one.name == category.name; });
    text +=
        fmt::format("{}\t{}\t{}\n", category.name, category.topdir.value_or("(no top directory)"),
                    source == rules.categories.end() ? "(not in the rules file)" : source->path);
  }
  return print_out(text);
}

// The sources to scan, in the order of the rules file.
Result<std::vector<CategorySource>> choose(const ScanRules& rules,
                                           const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const bool known =
        std::any_of(rules.categories.begin(), rules.categories.end(),
                    [&](const CategorySource& source) { return source.name == name; });
    if (!known)
      return fail(ErrorKind::kNotFound, "{} has no [[category]] with name = \"{}\"", rules.file,
                  name);
  }
  if (rules.categories.empty())
    return fail(ErrorKind::kNotFound, "{} has no [[category]]: nothing to scan", rules.file);
  std::vector<CategorySource> chosen;
  for (const CategorySource& source : rules.categories) {
    const bool wanted =
        names.empty() || std::find(names.begin(), names.end(), source.name) != names.end();
    if (wanted) chosen.push_back(source);
  }
  return chosen;
}

// Fails only if the summary cannot be printed.
Result<void> report(const CategorySource& source, const ScanOutcome& outcome,
                    const ScanProgramOptions& options, const Log& log) {
  const Diagnostics& found = outcome.diagnostics;
  for (size_t i = 0; i < found.notes().size(); ++i) {
    if (i < kNotesShown && !options.scan.quiet) {
      log.info("{}: {}", source.name, found.notes()[i]);
    } else {
      log.debug("{}: {}", source.name, found.notes()[i]);
    }
  }
  for (const std::string& warning : found.warnings()) log.warning("{}: {}", source.name, warning);
  if (found.warning_count() > found.warnings().size()) {
    log.warning("{}: {} more warnings", source.name,
                found.warning_count() - found.warnings().size());
  }
  if (options.scan.quiet) return {};
  std::string summary = fmt::format("{}: {}", source.name, describe(outcome, options.scan.dry_run));
  if (found.warning_count() > 0) summary += fmt::format("; {} warnings", found.warning_count());
  if (found.note_count() > 0) summary += fmt::format("; {} notes", found.note_count());
  if (found.note_count() > kNotesShown) summary += " (--log-level debug shows all)";
  return print_out(summary + "\n");
}

int scan_all(Database* database, const ScanRules& rules, const ScanProgramOptions& options,
             const Log& log, const Clock& clock) {
  const auto sources = choose(rules, options.categories);
  if (!sources) {
    log.error("{}", sources.error().message);
    return kExitFailed;
  }
  int worst = kExitDone;
  for (const CategorySource& source : *sources) {
    const auto outcome = scan_category(database, rules, source, options.scan, clock);
    int code = kExitDone;
    if (outcome) {
      const auto printed = report(source, *outcome, options, log);
      if (outcome->diagnostics.warning_count() > 0) code = kExitWarnings;
      // No reason to leave out the other categories.
      if (!printed) {
        log.error("{}: scanned, but {}", source.name, printed.error().message);
        code = exit_code(printed.error());
      }
    } else {
      log.error("{}: nothing changed: {}", source.name, outcome.error().message);
      code = exit_code(outcome.error());
    }
    if (severity(code) > severity(worst)) worst = code;
  }
  return worst;
}

Result<std::unique_ptr<Database>> open_database(const ScanProgramOptions& options) {
  MIRROR_TRY(const DatabaseUrl url, DatabaseUrl::parse(options.database));
  const bool reads_only = options.list_categories;
  return Database::open(url, reads_only ? OpenMode::kRead : OpenMode::kWrite);
}

}  // namespace

int run_scan_program(const ScanProgramOptions& options, const Log& log, const Clock& clock) {
  ScanRules rules;
  if (!options.rules.empty()) {
    auto loaded = ScanRules::load(options.rules);
    if (!loaded) {
      log.error("{}", loaded.error().message);
      return kExitFailed;
    }
    rules = std::move(*loaded);
  }
  const auto database = open_database(options);
  if (!database) {
    log.error("{}", database.error().message);
    return kExitFailed;
  }
  if (!options.list_categories) return scan_all(database->get(), rules, options, log, clock);
  const auto listed = list_categories(database->get(), rules);
  if (!listed) log.error("{}", listed.error().message);
  return listed ? kExitDone : kExitFailed;
}

}  // namespace mirror
