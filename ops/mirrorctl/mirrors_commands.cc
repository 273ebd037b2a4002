// mirrorctl mirrors apply|export: mirrors as a TOML file.
#include <fmt/format.h>

#include <string>

#include "base/core/files.h"
#include "base/core/output.h"
#include "ops/mirrorctl/command_group.h"
#include "ops/mirrorctl/mirrors_database.h"
#include "ops/mirrorctl/mirrors_file.h"
#include "ops/mirrorctl/mirrors_plan.h"
#include "schema/database/database.h"

namespace mirror {
namespace {

class MirrorsCommands final : public CommandGroup {
 public:
  explicit MirrorsCommands(CommandLine& root)
      : group_(root.command("mirrors", "Products, categories, sites and hosts as a TOML file")),
        apply_(group_.command("apply",
                              "Make the database say what a file says; prints what it changes")),
        export_(group_.command("export", "Write what the database says as such a file")) {
    for (CommandLine* command : {&apply_, &export_}) {
      command->option("--database", &database_, "sqlite:PATH or postgresql://...",
                      "MIRROR_DATABASE");
    }
    apply_.option("FILE", &file_, "The file; ops/mirrors.example.toml explains the format");
    apply_.require("FILE");
    apply_.flag("--dry-run", &dry_run_, "Only print what would change");
    apply_.flag("--prune", &prune_,
                "Remove sites, hosts and categories of hosts that the file does not mention");
    apply_.footer("All changes are one transaction: a bad file changes nothing.");
    export_.option("FILE", &file_, "Where to write; without it, to standard output");
    export_.footer("Exit code 4: something could not be written as a file; stderr says what.");
  }

  bool chosen() const override { return group_.chosen(); }
  int run(const Log& log) override {
    if (database_.empty())
      return group_.usage_error("--database URL is needed (or MIRROR_DATABASE)");
    const Result<int> code = apply_.chosen() ? apply() : write(log);
    if (code) return *code;
    log.error("{}", code.error().message);
    return exit_code(code.error());
  }

 private:
  [[nodiscard]] Result<int> apply() const;
  [[nodiscard]] Result<int> write(const Log& log) const;

  CommandLine& group_;
  CommandLine& apply_;
  CommandLine& export_;
  std::string database_, file_;
  bool dry_run_ = false, prune_ = false;
};

Result<int> MirrorsCommands::apply() const {
  MIRROR_TRY(const std::string text, read_file(file_, kMirrorsFileSizeMax));
  MIRROR_TRY(const MirrorsDocument wanted, parse_mirrors_file(text, file_));
  MIRROR_TRY(const DatabaseUrl url, DatabaseUrl::parse(database_));
  MIRROR_TRY(const auto database,
             Database::open(url, dry_run_ ? OpenMode::kRead : OpenMode::kWrite));
  MIRROR_TRY(auto transaction,
             database->begin(dry_run_ ? TransactionMode::kRead : TransactionMode::kWrite));
  if (!dry_run_) MIRROR_CHECK(lock_mirrors(*transaction, url.engine));
  MIRROR_TRY(const MirrorsState present, read_mirrors(*transaction));
  MIRROR_TRY(const MirrorsPlan plan,
             plan_mirrors(wanted, present, {.file = file_, .prune = prune_}));
  const bool changes = !plan.empty() && !dry_run_;
  if (changes) {
    MIRROR_CHECK(apply_mirrors(*transaction, plan));
    MIRROR_CHECK(transaction->commit());
  }
  transaction.reset();  // nobody waits for a lock of ours while we wait for who reads stdout
  std::string shown;
  for (const MirrorsChange& change : plan)
    shown += fmt::format("{} {}\n", change.sign, change.text);
  if (changes) {
    shown += fmt::format("{} changes made in {}\n", plan.size(), url.display());
  } else if (plan.empty()) {
    shown += fmt::format("nothing to do: {} says what {} says\n", url.display(), file_);
  } else {
    shown += fmt::format("{} changes, none made (--dry-run)\n", plan.size());
  }
  if (auto printed = print_out(shown); !printed) {
    return with_context(std::move(printed).error(),
                        changes ? "all changes are made, but cannot be shown" : "nothing changed");
  }
  return kExitDone;
}

Result<int> MirrorsCommands::write(const Log& log) const {
  MIRROR_TRY(const DatabaseUrl url, DatabaseUrl::parse(database_));
  MIRROR_TRY(const auto database, Database::open(url, OpenMode::kRead));
  MIRROR_TRY(auto transaction, database->begin(TransactionMode::kRead));
  MIRROR_TRY(const MirrorsState state, read_mirrors(*transaction));
  transaction.reset();
  std::vector<std::string> warnings;
  const std::string text = write_mirrors_file(state.document, &warnings);
  for (const std::string& host : state.orphans)
    warnings.push_back(host + ": left out: it belongs to no site");
  if (file_.empty()) {
    MIRROR_CHECK(print_out(text));
  } else {
    MIRROR_CHECK(replace_file(file_, text));
  }
  for (const std::string& warning : warnings) log.warning("{}", warning);
  return warnings.empty() ? kExitDone : kExitWarnings;
}

}  // namespace

std::unique_ptr<CommandGroup> make_mirrors_commands(CommandLine& root) {
  return std::make_unique<MirrorsCommands>(root);
}

}  // namespace mirror
