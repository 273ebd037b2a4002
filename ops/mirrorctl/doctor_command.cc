// mirrorctl doctor: what is wrong, or looks wrong, in a database, a report of mirror-compile and a
// snapshot directory.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

#include "base/core/clock.h"
#include "base/core/http_date.h"
#include "base/core/output.h"
#include "base/core/text.h"
#include "compiler/database_input.h"
#include "compiler/report.h"
#include "ops/mirrorctl/command_group.h"
#include "schema/database/schema_check.h"
#include "schema/snapshot/snapshot_directory.h"

namespace mirror {
namespace {

// As mirror-compile waits for names among the netblocks.
constexpr std::chrono::milliseconds kResolveDeadline{5000};

class DoctorCommand final : public CommandGroup {
 public:
  explicit DoctorCommand(CommandLine& root)
      : command_(root.command(
            "doctor", "Say what is wrong, or looks wrong, with mirrors, repositories and rows")) {
    command_.option("--database", &database_,
                    "Read this database as mirror-compile would; nothing is written",
                    "MIRROR_DATABASE");
    command_.option("--report", &report_,
                    "Show what mirror-compile --report wrote, instead of reading all rows");
    command_.option("--snapshots", &snapshots_,
                    "Look at the live snapshot of this directory as well", "MIRROR_SNAPSHOTS");
    command_.option("--country-continent", &country_continent_,
                    "CSV file with lines like DE,EU, as mirror-compile has it");
    command_.option("--examples", &examples_max_, 1, 100'000, "Show so many of each finding (5)");
    command_.option("--stale-after", &stale_after_, 1, INT32_MAX,
                    "Seconds after which a live snapshot is called old (21600)");
    command_.flag("--json", &json_, "Print a JSON document");
    command_.footer(
        "Exit codes: 0 nothing is worse than a warning, 4 something is an error: clients get too "
        "little.");
  }

  [[nodiscard]] bool chosen() const override { return command_.chosen(); }

  [[nodiscard]] int run(const Log& log) override {
    if (database_.empty() && report_.empty() && snapshots_.empty()) {
      return command_.usage_error(
          "--database URL (or MIRROR_DATABASE), --report FILE or --snapshots DIRECTORY (or "
          "MIRROR_SNAPSHOTS) is needed");
    }
    const auto code = examine();
    if (code) return *code;
    log.error("{}", code.error().message);
    return exit_code(code.error());
  }

 private:
  [[nodiscard]] Result<int> examine() {
    // What cannot be looked at is a finding, unless there is nothing else to look at.
    const bool is_alone = database_.empty() + report_.empty() + snapshots_.empty() == 2;
    if (const auto looked = look_at_database(); !looked) {
      if (is_alone) return tl::unexpected(looked.error());
      add("database_unusable", Severity::kError, "the database could not be read",
          "no compile can read it either, if it runs with the same rights",
          {looked.error().message});
    }
    if (const auto looked = look_at_report(); !looked) {
      if (is_alone) return tl::unexpected(looked.error());
      add("report_unusable", Severity::kError, "the report could not be read",
          "run mirror-compile with --report again", {looked.error().message});
    }
    if (!snapshots_.empty()) look_at_snapshots();
    Severity worst = rows_ ? worst_of(*rows_) : Severity::kNote;
    for (const auto& finding : findings_) worst = std::max(worst, finding.severity);
    MIRROR_CHECK(print_out(json_ ? render_json(worst) : render_text()));
    return worst == Severity::kError ? kExitWarnings : kExitDone;
  }

  void add(std::string code, Severity severity, std::string what, std::string remedy,
           std::vector<std::string> examples = {}) {
    const uint64_t count = std::max<uint64_t>(examples.size(), 1);
    cut(examples);
    findings_.push_back({std::move(code), severity, std::move(what), std::move(remedy), count,
                         std::move(examples)});
  }
  void cut(std::vector<std::string>& examples) const {
    if (examples.size() > examples_max()) examples.resize(examples_max());
  }
  [[nodiscard]] size_t examples_max() const { return static_cast<size_t>(examples_max_); }

  Result<void> look_at_database() {
    if (database_.empty()) return {};
    MIRROR_TRY(const auto url, DatabaseUrl::parse(database_));
    MIRROR_TRY(const bool usable, look_at_schema(url));
    if (usable && report_.empty()) return look_at_rows(url);
    return {};
  }

  Result<void> look_at_report() {
    if (report_.empty()) return {};
    MIRROR_TRY(rows_, read_report(report_));
    for (auto& finding : rows_->findings) cut(finding.examples);
    for (auto& [reason, entry] : rows_->left_out) cut(entry.examples);
    return {};
  }

  Result<bool> look_at_schema(const DatabaseUrl& url) {
    MIRROR_TRY(const auto database, Database::open(url, OpenMode::kRead));
    MIRROR_TRY(const auto transaction, database->begin(TransactionMode::kRead));
    MIRROR_TRY(const SchemaReport schema, check_schema(*transaction, url.engine));
    schema_ = fmt::format("{}: {}", url.display(), describe(schema.kind));
    const bool is_empty = schema.kind == SchemaKind::kEmpty || schema.kind == SchemaKind::kForeign;
    if (is_empty || !schema.problems.empty()) {
      add("schema_unusable", Severity::kError, "the database cannot be compiled from",
          is_empty ? "name another database, or run mirrorctl database init on an empty one"
                   : "let MirrorManager2 upgrade its schema first",
          is_empty ? std::vector{std::string(describe(schema.kind))} : schema.problems);
      return false;
    }
    if (!schema.missing_migrations.empty()) {
      add("schema_lacks_additions", Severity::kWarning,
          "the database lacks tables or indexes of ours: compiling is slower, and names of "
          "netblocks are not remembered",
          "run mirrorctl database upgrade", schema.missing_migrations);
    }
    if (!schema.notes.empty()) {
      add("schema_differs", Severity::kNote,
          "the schema differs from MirrorManager2's in ways that do no harm",
          "mirrorctl database check shows all of them", schema.notes);
    }
    return true;
  }

  Result<void> look_at_rows(const DatabaseUrl& url) {
    Diagnostics diagnostics(nullptr, examples_max());
    auto continents = default_country_continents();
    if (!country_continent_.empty()) {
      MIRROR_TRY(continents, read_country_continents(country_continent_, diagnostics));
    }
    const auto resolver = make_system_resolver(kResolveDeadline);
    MIRROR_TRY(const auto input, read_database(database_, 1, clock_, true, *resolver, diagnostics));
    rows_ = CompileReport{input.world.created_at.value_or(0), url.display(), diagnostics.entries(),
                          find_suspicious(input.world, continents, examples_max())};
    return {};
  }

  void look_at_snapshots() {
    const SnapshotDirectory directory(snapshots_);
    const auto current = directory.current();
    if (!current) {
      return add("snapshot_missing", Severity::kError, "there is no live snapshot",
                 "run mirror-compile --snapshots with this directory", {current.error().message});
    }
    sequence_ = current->name.sequence;
    read_at_ = current->created_at;
    if (const auto snapshot = directory.open(*current); !snapshot) {
      add("snapshot_damaged", Severity::kError, "an edge that starts now refuses the live snapshot",
          "run mirror-compile again, or mirrorctl snapshot rollback", {snapshot.error().message});
    }
    if (age() > stale_after_) {
      add("snapshot_old", Severity::kWarning,
          fmt::format("the data of the live snapshot are older than {} seconds", stale_after_),
          "look why mirror-compile did not run, or what it refused",
          {fmt::format("generation {}, data read at {}", *sequence_, utc_text(read_at_))});
    }
    const auto hold = directory.hold();
    if (!hold) {
      add("hold_damaged", Severity::kWarning, "HOLD cannot be read", "mirrorctl snapshot release",
          {hold.error().message});
    } else if (*hold) {
      add("snapshot_held", Severity::kWarning, "HOLD is there: no compile goes live",
          "mirrorctl snapshot release, when its reason is gone",
          {fmt::format("since {} by {}: {}", (*hold)->when == 0 ? "?" : utc_text((*hold)->when),
                       quote_for_message((*hold)->who), quote_for_message((*hold)->why))});
    }
  }

  [[nodiscard]] int64_t age() const {
    return std::max<int64_t>(clock_.unix_seconds() - static_cast<int64_t>(read_at_), 0);
  }

  [[nodiscard]] std::string render_text() const {
    std::string text;
    if (!schema_.empty()) text += fmt::format("database    {}\n", schema_);
    if (sequence_) {
      text += fmt::format("snapshot    generation {}, data read at {}, {} seconds ago\n",
                          *sequence_, utc_text(read_at_), age());
    }
    if (rows_) text += render_report_text(*rows_);
    text += render_findings_text(findings_);
    if (findings_.empty() && (!rows_ || (rows_->findings.empty() && rows_->left_out.empty())))
      text += "\nnothing to complain about\n";
    return text;
  }

  // Put together from documents that the compiler's library renders.
  [[nodiscard]] std::string render_json(Severity worst) const {
    return fmt::format(
        "{{\n\"severity\": \"{}\",\n\"snapshot\": {},\n\"findings\": {},\n\"report\": {}}}\n",
        name_of(worst),
        sequence_ ? fmt::format("{{\"generation\": {}, \"created_at\": {}, \"age_seconds\": {}}}",
                                *sequence_, read_at_, age())
                  : "null",
        render_findings_json(findings_), rows_ ? render_report_json(*rows_) : "null");
  }

  CommandLine& command_;
  std::string database_, report_, snapshots_, country_continent_;
  int64_t examples_max_ = static_cast<int64_t>(Diagnostics::kExamplesMax);
  int64_t stale_after_ = 21'600;
  bool json_ = false;
  SystemClock clock_;

  std::string schema_;  // what the database's schema is; "": not looked at
  std::optional<CompileReport> rows_;
  std::optional<uint64_t> sequence_;  // of the live snapshot
  uint64_t read_at_ = 0;              // Unix seconds
  std::vector<Finding> findings_;     // about the rest
};

}  // namespace

std::unique_ptr<CommandGroup> make_doctor_command(CommandLine& root) {
  return std::make_unique<DoctorCommand>(root);
}

}  // namespace mirror
