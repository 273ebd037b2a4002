// mirrorctl snapshot list | check | rollback | release: what is published, and going back to what
// was.
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <string>

#include "base/core/clock.h"
#include "base/core/http_date.h"
#include "base/core/output.h"
#include "ops/mirrorctl/command_group.h"
#include "schema/snapshot/snapshot_directory.h"

namespace mirror {
namespace {

std::string format_age(int64_t seconds) {
  struct Unit {
    int64_t seconds;
    char letter;
  };
  static constexpr std::array kUnits = {Unit{86400, 'd'}, Unit{3600, 'h'}, Unit{60, 'm'}};
  seconds = std::max<int64_t>(seconds, 0);
  for (const auto& unit : kUnits) {
    if (seconds >= 2 * unit.seconds)
      return fmt::format("{}{}", seconds / unit.seconds, unit.letter);
  }
  return fmt::format("{}s", seconds);
}

// USER@HOST, for the HOLD file. sudo hides who it is.
std::string who_am_i() {
  const char* sudo_user = std::getenv("SUDO_USER");
  const passwd* entry = ::getpwuid(::getuid());
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  const std::string user = sudo_user != nullptr ? sudo_user
                           : entry != nullptr   ? entry->pw_name
                                                : fmt::to_string(::getuid());
  return user + "@" + host.data();
}

class SnapshotCommands final : public CommandGroup {
 public:
  explicit SnapshotCommands(CommandLine& root)
      : group_(root.command("snapshot",
                            "Look at the published snapshots, go back to an earlier one.")),
        list_(add("list",
                  "List the snapshots: number, size, age, when the data was read, which is live.")),
        check_(add("check", "Check CURRENT and every snapshot as an edge would.")),
        rollback_(
            add("rollback",
                "Make an earlier snapshot live and write HOLD, so that compiles do not move on.")),
        release_(add("release", "Delete HOLD: the next compile goes live again.")) {
    rollback_.option("--to", &to_, 1, INT64_MAX,
                     "number of the snapshot (default: the one before the live one)");
    rollback_.option("--why", &why_, "reason, for the others who will wonder");
  }

  [[nodiscard]] bool chosen() const override { return group_.chosen(); }

  [[nodiscard]] int run(const Log& log) override {
    if (snapshots_.empty())
      return group_.usage_error("--snapshots DIRECTORY is needed (or MIRROR_SNAPSHOTS)");
    SnapshotDirectory directory(snapshots_);
    const auto code =
        list_.chosen()       ? list(directory)
        : check_.chosen()    ? check(directory)
        : rollback_.chosen() ? rollback(directory)
        : release_.chosen()
            ? release(directory)
            : group_.usage_error("a command is needed: list, check, rollback or release");
    if (code) return *code;
    log.error("{}", code.error().message);
    return exit_code(code.error());
  }

 private:
  CommandLine& add(const std::string& name, const std::string& description) {
    auto& command = group_.command(name, description);
    command.option("--snapshots", &snapshots_, "directory with CURRENT and the snapshots",
                   "MIRROR_SNAPSHOTS");
    return command;
  }

  // nullopt if nothing has been published yet.
  static Result<std::optional<Current>> live_of(const SnapshotDirectory& directory) {
    auto live = directory.current();
    if (live) return std::optional(*live);
    if (live.error().kind == ErrorKind::kNotFound) return std::optional<Current>();
    return tl::unexpected(std::move(live).error());
  }

  static std::string render_hold(const std::optional<Hold>& hold) {
    if (!hold) return "";
    return fmt::format("HOLD since {} by {}: {}\n", hold->when == 0 ? "?" : utc_text(hold->when),
                       hold->who.empty() ? "?" : hold->who,
                       hold->why.empty() ? "no reason given" : hold->why);
  }

  Result<int> list(const SnapshotDirectory& directory) const {
    MIRROR_TRY(const auto entries, directory.list());
    // The list helps most where CURRENT is garbage: the error comes after it.
    auto live_or_error = live_of(directory);
    const auto live = live_or_error.value_or(std::nullopt);
    MIRROR_TRY(const auto hold, directory.hold());
    std::string text = fmt::format("{:>10} {:>12} {:>5}  {:<20}  {}\n", "NUMBER", "BYTES", "AGE",
                                   "DATA READ AT", "STATE");
    for (const auto& entry : entries) {
      const auto snapshot = directory.open(entry);
      const bool is_live = live && live->name == entry.name;
      const bool is_held = hold && live && entry.name.sequence > live->name.sequence;
      text += fmt::format("{:>10} {:>12} {:>5}  {:<20}  {}{}\n", entry.name.sequence, entry.size,
                          format_age(clock_.unix_seconds() - entry.modified_at),
                          snapshot ? utc_text(snapshot->view().created_at) : "?",
                          is_live   ? "live"
                          : is_held ? "held back"
                                    : "",
                          snapshot ? "" : " damaged");
    }
    MIRROR_CHECK(print_out(text + render_hold(hold)));
    if (!live_or_error) return tl::unexpected(std::move(live_or_error).error());
    return kExitDone;
  }

  Result<int> check(const SnapshotDirectory& directory) const {
    MIRROR_TRY(const auto entries, directory.list());
    int code = kExitDone;
    std::string text;
    const auto live = directory.current();
    if (live) {
      const auto snapshot = directory.open(*live);
      text += fmt::format("CURRENT: {}\n",
                          snapshot ? live->name.to_string() : snapshot.error().message);
      if (!snapshot) code = kExitFailed;
    } else {
      text += fmt::format("CURRENT: {}\n", live.error().message);
      code = kExitFailed;
    }
    for (const auto& entry : entries) {
      const auto snapshot = directory.open(entry);
      if (snapshot) {
        text += fmt::format("{}: good\n", entry.name.to_string());
      } else {
        text += fmt::format("{}\n", snapshot.error().message);
        code = kExitFailed;
      }
    }
    MIRROR_TRY(const auto hold, directory.hold());
    MIRROR_CHECK(print_out(text + render_hold(hold)));
    return code;
  }

  // The number that was asked for, or the newest one below the live one.
  Result<SnapshotDirectory::Entry> target_of(const SnapshotDirectory& directory) const {
    MIRROR_TRY(const auto entries, directory.list());
    if (to_) {
      const auto wanted = static_cast<uint64_t>(*to_);
      const auto at =
          std::ranges::find(entries, wanted, [](const auto& entry) { return entry.name.sequence; });
      if (at != entries.end()) return *at;
      return fail(ErrorKind::kNotFound,
                  "{}: no snapshot {}; `mirrorctl snapshot list` shows what is there",
                  directory.path(), wanted);
    }
    MIRROR_TRY(const auto live, directory.current());
    const auto at = std::ranges::find_if(
        entries, [&](const auto& entry) { return entry.name.sequence < live.name.sequence; });
    if (at != entries.end()) return *at;
    return fail(ErrorKind::kNotFound, "{}: nothing is older than the live snapshot {}",
                directory.path(), live.name.sequence);
  }

  Result<int> rollback(SnapshotDirectory& directory) const {
    // lock() would make a directory that is not there.
    MIRROR_CHECK(directory.list());
    MIRROR_TRY(auto writer, directory.lock());
    MIRROR_CHECK(writer.delete_leftovers());
    MIRROR_TRY(const auto entry, target_of(directory));
    MIRROR_TRY(const auto snapshot, directory.open(entry));
    const auto& name = entry.name;
    const Current target{name, snapshot.size(), snapshot.view().created_at};
    // HOLD comes first: a kill between the two then leaves the live one live and compiles waiting.
    const auto now = static_cast<uint64_t>(clock_.unix_seconds());
    MIRROR_CHECK(writer.set_hold({who_am_i(), now, why_.empty() ? "rolled back" : why_}));
    MIRROR_CHECK(writer.publish(target));
    MIRROR_CHECK(print_out(
        fmt::format("generation {} is live: {}\n"
                    "HOLD is there: compiles do not go live until `mirrorctl snapshot release`\n",
                    name.sequence, name.to_string())));
    return kExitDone;
  }

  Result<int> release(SnapshotDirectory& directory) const {
    MIRROR_TRY(auto writer, directory.lock());
    MIRROR_TRY(const bool was_held, writer.release_hold());
    MIRROR_CHECK(print_out(
        was_held ? "HOLD is gone: the next compile goes live (SIGHUP makes a watch compile "
                   "now)\n"
                 : "there was no HOLD\n"));
    return kExitDone;
  }

  CommandLine& group_;
  std::string snapshots_;
  CommandLine& list_;
  CommandLine& check_;
  CommandLine& rollback_;
  CommandLine& release_;
  std::optional<int64_t> to_;
  std::string why_;
  SystemClock clock_;
};

}  // namespace

std::unique_ptr<CommandGroup> make_snapshot_commands(CommandLine& root) {
  return std::make_unique<SnapshotCommands>(root);
}

}  // namespace mirror
