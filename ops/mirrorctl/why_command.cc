// mirrorctl why: why a mirror is or is not listed.
#include <optional>
#include <string>

#include "base/core/output.h"
#include "base/core/text.h"
#include "ops/mirrorctl/command_group.h"
#include "ops/mirrorctl/why.h"
#include "schema/snapshot/snapshot_directory.h"

namespace mirror {
namespace {

class WhyCommand final : public CommandGroup {
 public:
  explicit WhyCommand(CommandLine& root)
      : command_(root.command("why", "Say why a mirror is or is not listed, row by row")) {
    command_.option("HOST", &host_, "The mirror: its name or its id");
    command_.require("HOST");
    command_.option("WHAT", &what_, "Nothing, DIRECTORY, or REPOSITORY and ARCH");
    command_.option("--database", &database_, "Look at the rows of this database",
                    "MIRROR_DATABASE");
    command_.option("--snapshots", &snapshots_, "Look at the live snapshot of this directory",
                    "MIRROR_SNAPSHOTS");
    command_.flag("--json", &json_, "Print a JSON document");
    command_.footer(
        "With both, what differs between them is what the next compile changes. The exit code is "
        "0\n"
        "whatever the reasons are, and 1 if neither knows the mirror.");
  }

  [[nodiscard]] bool chosen() const override { return command_.chosen(); }

  [[nodiscard]] int run(const Log& log) override {
    if (database_.empty() && snapshots_.empty()) {
      return command_.usage_error(
          "--database URL (or MIRROR_DATABASE), --snapshots DIRECTORY (or MIRROR_SNAPSHOTS), or "
          "both are needed");
    }
    if (host_.empty() || what_.size() > 2) {
      return command_.usage_error("HOST, HOST DIRECTORY or HOST REPOSITORY ARCH is expected");
    }
    const auto code = look(log);
    if (code) return *code;
    log.error("{}", code.error().message);
    return exit_code(code.error());
  }

 private:
  [[nodiscard]] WhyQuestion question() const {
    WhyQuestion question;
    question.host = host_;
    if (what_.size() == 2) {
      question.repository = what_[0];
      question.arch = what_[1];
    } else if (what_.size() == 1) {
      std::string_view directory = what_[0];
      while (directory.starts_with('/')) directory.remove_prefix(1);
      while (directory.ends_with('/')) directory.remove_suffix(1);
      question.directory = directory;
    }
    return question;
  }

  [[nodiscard]] Result<int> look(const Log& log) const {
    Why why;
    why.question = question();
    if (!database_.empty()) MIRROR_CHECK(look_at_database(why));
    if (!snapshots_.empty()) {
      // The database can answer before anything is published, or while CURRENT is damaged.
      const auto looked = look_at_snapshot(why);
      if (!looked && !why.database) return tl::unexpected(looked.error());
      if (!looked) log.warning("the snapshot was not looked at: {}", looked.error().message);
    }
    const bool is_known =
        (why.database && why.database->is_known) || (why.snapshot && why.snapshot->is_known);
    if (!is_known) {
      return fail(ErrorKind::kNotFound,
                  "{}: no host has this name or id; names are compared as they are written",
                  quote_for_message(host_));
    }
    MIRROR_CHECK(print_out(json_ ? render_why_json(why) : render_why_text(why)));
    return kExitDone;
  }

  [[nodiscard]] Result<void> look_at_database(Why& why) const {
    MIRROR_TRY(const auto url, DatabaseUrl::parse(database_));
    MIRROR_TRY(const auto database, Database::open(url, OpenMode::kRead));
    MIRROR_TRY(const auto transaction, database->begin(TransactionMode::kRead));
    why.database_name = url.display();
    auto answer = why_by_database(*transaction, why.question);
    if (!answer) return with_context(std::move(answer).error(), why.database_name);
    why.database = std::move(*answer);
    return {};
  }

  [[nodiscard]] Result<void> look_at_snapshot(Why& why) const {
    const SnapshotDirectory directory(snapshots_);
    MIRROR_TRY(const auto current, directory.current());
    MIRROR_TRY(const auto snapshot, directory.open(current));
    const auto hold = directory.hold();
    why.sequence = current.name.sequence;
    why.digest = snapshot.digest();
    why.created_at = snapshot.view().created_at;
    why.is_held = !hold || hold->has_value();  // one that cannot be read holds, too
    std::optional<int64_t> id;
    if (why.database && why.database->is_known) id = why.database->host_id;
    auto answer = why_by_snapshot(snapshot.view(), why.question, id);
    if (!answer) return with_context(std::move(answer).error(), directory.path_of(current.name));
    why.snapshot = std::move(*answer);
    return {};
  }

  CommandLine& command_;
  std::string host_, database_, snapshots_;
  std::vector<std::string> what_;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<CommandGroup> make_why_command(CommandLine& root) {
  return std::make_unique<WhyCommand>(root);
}

}  // namespace mirror
