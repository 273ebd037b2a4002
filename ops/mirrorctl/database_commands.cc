// mirrorctl database init|check|upgrade: the tables themselves.
#include <fmt/format.h>

#include <cstdio>
#include <string>

#include "ops/mirrorctl/command_group.h"
#include "schema/database/database.h"
#include "schema/database/schema.h"

namespace mirror {
namespace {

class DatabaseCommands final : public CommandGroup {
 public:
  explicit DatabaseCommands(CommandLine& root)
      : group_(root.command("database", "Create, check or upgrade the database")),
        init_(group_.command(
            "init", "Create all tables in an empty database (an SQLite file is created)")) {
    init_.option("--database", &url_, "sqlite:PATH or postgresql://...", "MIRROR_DATABASE");
  }

  bool chosen() const override { return group_.chosen(); }
  int run(const Log& log) override {
    const Result<int> code = init();
    if (code) return *code;
    log.error("{}", code.error().message);
    return exit_code(code.error());
  }

 private:
  [[nodiscard]] Result<int> init() {
    MIRROR_TRY(const DatabaseUrl url, DatabaseUrl::parse(url_));
    MIRROR_TRY(const auto database, Database::open(url, OpenMode::kCreate));
    MIRROR_CHECK(create_schema(*database));
    fmt::print("created the tables in {}\n", url.display());
    return kExitDone;
  }

  CommandLine& group_;
  CommandLine& init_;
  std::string url_;
};

}  // namespace

std::unique_ptr<CommandGroup> make_database_commands(CommandLine& root) {
  return std::make_unique<DatabaseCommands>(root);
}

}  // namespace mirror
