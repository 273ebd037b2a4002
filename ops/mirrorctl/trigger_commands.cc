#include "ops/mirrorctl/trigger_commands.h"

#include <fmt/format.h>

#include "base/core/output.h"
#include "schema/database/change_marks.h"
#include "schema/database/database.h"
#include "schema/database/schema_check.h"

namespace mirror {
namespace {

Result<void> require_tables(Transaction& transaction, const DatabaseUrl& url) {
  MIRROR_TRY(const SchemaReport report, check_schema(transaction, url.engine));
  const bool usable = report.kind != SchemaKind::kEmpty && report.kind != SchemaKind::kForeign;
  if (usable && report.problems.empty()) return {};
  return fail(ErrorKind::kInvalid,
              "{}: this is not MirrorManager2's schema: see mirrorctl database check",
              url.display());
}

Result<int> install(const DatabaseUrl& url) {
  MIRROR_TRY(const auto database, Database::open(url, OpenMode::kWrite));
  MIRROR_TRY(const auto transaction, database->begin(TransactionMode::kWrite));
  MIRROR_CHECK(require_tables(*transaction, url));
  MIRROR_TRY(const auto before, read_change_marks(*transaction, url.engine));
  std::string text = fmt::format("nothing to do: {} has all triggers\n", url.display());
  if (before.kind != ChangeMarksKind::kWhole) {
    MIRROR_CHECK(install_change_marks(*transaction, url.engine));
    text = fmt::format("triggers on {} tables of {} mark changes now\n", marked_tables().size(),
                       url.display());
  } else if (before.rows > kChangeRowsMax) {
    MIRROR_CHECK(compact_change_marks(*transaction, url.engine));
    text += fmt::format("{} marks are one now\n", before.rows);
  }
  MIRROR_CHECK(transaction->commit());
  MIRROR_CHECK(print_out(text));
  return kExitDone;
}

Result<int> remove(const DatabaseUrl& url) {
  MIRROR_TRY(const auto database, Database::open(url, OpenMode::kWrite));
  MIRROR_TRY(const auto transaction, database->begin(TransactionMode::kWrite));
  MIRROR_TRY(const bool any, remove_change_marks(*transaction, url.engine));
  MIRROR_CHECK(transaction->commit());
  const auto name = url.display();
  MIRROR_CHECK(print_out(any ? fmt::format("the triggers of {} are gone\n", name)
                             : fmt::format("nothing to do: {} has no triggers of ours\n", name)));
  return kExitDone;
}

Result<int> status(const DatabaseUrl& url) {
  MIRROR_TRY(const auto database, Database::open(url, OpenMode::kRead));
  MIRROR_TRY(const auto transaction, database->begin(TransactionMode::kRead));
  MIRROR_TRY(const auto marks, read_change_marks(*transaction, url.engine));
  const auto name = url.display();
  switch (marks.kind) {
    case ChangeMarksKind::kAbsent:
      MIRROR_CHECK(print_out(fmt::format(
          "{}: no triggers: each compile reads everything (mirrorctl database triggers install)\n",
          name)));
      return kExitDone;
    case ChangeMarksKind::kBroken:
      MIRROR_CHECK(print_out(fmt::format("{}: not usable: {}\n", name, marks.problem)));
      return kExitWarnings;
    case ChangeMarksKind::kWhole:
      break;
  }
  MIRROR_CHECK(print_out(fmt::format("{}: triggers on {} tables mark changes; token {} of {} {}\n",
                                     name, marked_tables().size(), marks.token, marks.rows,
                                     marks.rows == 1 ? "mark" : "marks")));
  return kExitDone;
}

}  // namespace

TriggerCommands::TriggerCommands(CommandLine& database_group, std::string* database)
    : group_(database_group.command(
          "triggers", "Optional triggers that let a compile know that nothing has changed")),
      install_(group_.command("install", "Make them, or make them whole again")),
      remove_(group_.command("remove", "Take all of them away, and table mw_change")),
      status_(group_.command("status", "Say whether they are there and can be relied on")),
      database_(*database) {
  for (CommandLine* command : {&install_, &remove_, &status_})
    command->option("--database", database, "sqlite:PATH or postgresql://...", "MIRROR_DATABASE");
  install_.footer(
      "Waits for writers that are at work, and they for it, for a moment. PostgreSQL refuses to\n"
      "drop or retype a column that a trigger watches: remove them before an upgrade of\n"
      "MirrorManager2's schema, and install them again after it.");
  status_.footer("Exit codes: 0 all or none are there, 4 they cannot be relied on.");
}

Result<int> TriggerCommands::run() const {
  MIRROR_TRY(const DatabaseUrl url, DatabaseUrl::parse(database_));
  if (install_.chosen()) return install(url);
  if (remove_.chosen()) return remove(url);
  return status(url);
}

}  // namespace mirror
