// mirrorctl database init|check|upgrade: the tables themselves; and triggers.
#include <fmt/format.h>

#include <string>

#include "base/core/output.h"
#include "ops/mirrorctl/command_group.h"
#include "ops/mirrorctl/trigger_commands.h"
#include "schema/database/database.h"
#include "schema/database/schema.h"
#include "schema/database/schema_check.h"

namespace mirror {
namespace {

class DatabaseCommands final : public CommandGroup {
 public:
  explicit DatabaseCommands(CommandLine& root)
      : group_(root.command("database", "Create, check or upgrade the database")),
        init_(group_.command("init",
                             "Create all tables in an empty database (an SQLite file is created)")),
        check_(group_.command("check", "Say which schema a database has and whether it serves")),
        upgrade_(
            group_.command("upgrade", "Add what Mirrorworks has beyond MirrorManager2's schema")),
        triggers_(group_, &database_) {
    for (CommandLine* command : {&init_, &check_, &upgrade_}) {
      command->option("--database", &database_, "sqlite:PATH or postgresql://...",
                      "MIRROR_DATABASE");
    }
    upgrade_.flag("--dry-run", &dry_run_, "Only print what would be added");
    init_.footer(
        "Every table of MirrorManager2 is left empty. A database that holds anything is refused "
        "(exit 3).");
    check_.footer(
        "Exit codes: 0 all is as expected, 4 usable with the differences that are printed, 1 not "
        "usable.");
    upgrade_.footer(
        "Tables of MirrorManager2 keep their definitions; building indexes on large ones keeps\n"
        "writers waiting for seconds to minutes.");
  }

  bool chosen() const override { return group_.chosen(); }
  int run(const Log& log) override {
    if (database_.empty())
      return group_.usage_error("--database URL is needed (or MIRROR_DATABASE)");
    Result<int> code = kExitFailed;
    if (init_.chosen()) code = init();
    if (check_.chosen()) code = check(log);
    if (upgrade_.chosen()) code = upgrade();
    if (triggers_.chosen()) code = triggers_.run();
    if (code) return *code;
    log.error("{}", code.error().message);
    return exit_code(code.error());
  }

 private:
  [[nodiscard]] Result<int> init() const;
  [[nodiscard]] Result<int> check(const Log& log) const;
  [[nodiscard]] Result<int> upgrade() const;

  std::string database_;  // first: options are declared with it
  CommandLine& group_;
  CommandLine& init_;
  CommandLine& check_;
  CommandLine& upgrade_;
  TriggerCommands triggers_;
  bool dry_run_ = false;
};

Result<int> DatabaseCommands::init() const {
  MIRROR_TRY(const DatabaseUrl url, DatabaseUrl::parse(database_));
  MIRROR_TRY(const auto database, Database::open(url, OpenMode::kCreate));
  MIRROR_CHECK(create_schema(*database));
  MIRROR_CHECK(print_out(fmt::format("created the tables in {}\n", url.display())));
  return kExitDone;
}

// Errors for databases that are not MirrorManager2's in any form.
Result<void> require_usable(const SchemaReport& report, const std::string& name) {
  if (report.kind == SchemaKind::kEmpty) {
    return fail(ErrorKind::kInvalid, "{}: no tables: run mirrorctl database init", name);
  }
  if (report.kind == SchemaKind::kForeign) {
    return fail(ErrorKind::kInvalid, "{}: {}: name another database, or an empty one for init",
                name, describe(report.kind));
  }
  if (!report.problems.empty()) {
    return fail(ErrorKind::kInvalid, "{}: not usable: {}", name, fmt::join(report.problems, "; "));
  }
  return {};
}

Result<int> DatabaseCommands::check(const Log& log) const {
  MIRROR_TRY(const DatabaseUrl url, DatabaseUrl::parse(database_));
  MIRROR_TRY(const auto database, Database::open(url, OpenMode::kRead));
  MIRROR_TRY(const auto transaction, database->begin(TransactionMode::kRead));
  MIRROR_TRY(const SchemaReport report, check_schema(*transaction, url.engine));
  std::string text = fmt::format("{}: {}\n", url.display(), describe(report.kind));
  for (const std::string& note : report.notes) text += fmt::format("note: {}\n", note);
  for (const std::string& name : report.missing_migrations)
    text += fmt::format("note: missing: {}; run mirrorctl database upgrade\n", name);
  MIRROR_CHECK(print_out(text));
  if (const auto usable = require_usable(report, url.display()); !usable) {
    log.error("{}", usable.error().message);
    return kExitFailed;
  }
  return report.notes.empty() && report.missing_migrations.empty() ? kExitDone : kExitWarnings;
}

Result<int> DatabaseCommands::upgrade() const {
  MIRROR_TRY(const DatabaseUrl url, DatabaseUrl::parse(database_));
  MIRROR_TRY(const auto database,
             Database::open(url, dry_run_ ? OpenMode::kRead : OpenMode::kWrite));
  MIRROR_TRY(const auto transaction,
             database->begin(dry_run_ ? TransactionMode::kRead : TransactionMode::kWrite));
  MIRROR_TRY(const SchemaReport report, check_schema(*transaction, url.engine));
  MIRROR_CHECK(require_usable(report, url.display()));
  if (!dry_run_) {
    MIRROR_CHECK(apply_migrations(*transaction, url.engine));
    MIRROR_CHECK(transaction->commit());
    MIRROR_CHECK(database->let_readers_and_writer_overlap());
  }
  std::string text;
  for (const std::string& name : report.missing_migrations) text += fmt::format("+ {}\n", name);
  if (report.missing_migrations.empty()) {
    text += fmt::format("nothing to do: {} has everything\n", url.display());
  } else if (dry_run_) {
    text += "nothing added (--dry-run)\n";
  } else {
    text += fmt::format("added {} steps to {}\n", report.missing_migrations.size(), url.display());
  }
  MIRROR_CHECK(print_out(text));
  return kExitDone;
}

}  // namespace

std::unique_ptr<CommandGroup> make_database_commands(CommandLine& root) {
  return std::make_unique<DatabaseCommands>(root);
}

}  // namespace mirror
