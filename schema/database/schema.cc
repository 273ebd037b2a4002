#include "schema/database/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "sql/database.h"
#include "sql/postgresql.h"
#include "sql/sqlite.h"

namespace mirror {
namespace {

struct PerEngine {
  std::string_view postgresql, sqlite;
  [[nodiscard]] std::string_view operator[](Engine engine) const {
    return engine == Engine::kSqlite ? sqlite : postgresql;
  }
};

struct Migration {
  int64_t number;
  std::string_view name;
  PerEngine script;
};

constexpr PerEngine kMigrationTable{sql::migration_table_postgresql, sql::migration_table_sqlite};
constexpr PerEngine kMirrorManager2{sql::mirrormanager2_postgresql, sql::mirrormanager2_sqlite};
constexpr PerEngine kAnyRelation{sql::any_relation_postgresql, sql::any_relation_sqlite};
constexpr PerEngine kHasTable{sql::has_table_postgresql, sql::has_table_sqlite};
constexpr Migration kMigrations[] = {
    {1,
     "indexes that MirrorManager2 lacks",
     {sql::migration_1_postgresql, sql::migration_1_sqlite}},
    {2, "table mw_netblock_name", {sql::migration_2_postgresql, sql::migration_2_sqlite}},
};

Result<std::vector<int64_t>> applied_migrations(Transaction& transaction, Engine engine) {
  std::vector<int64_t> applied;
  MIRROR_TRY(const bool any, has_table(transaction, engine, "mw_migration"));
  if (!any) return applied;
  MIRROR_CHECK(transaction.query(sql::select_migrations, {}, [&](const Row& row) -> Result<void> {
    applied.push_back(row.int64(0));
    return {};
  }));
  return applied;
}

Result<std::vector<const Migration*>> missing(Transaction& transaction, Engine engine) {
  MIRROR_TRY(const std::vector<int64_t> applied, applied_migrations(transaction, engine));
  std::vector<const Migration*> result;
  for (const Migration& migration : kMigrations) {
    if (std::find(applied.begin(), applied.end(), migration.number) == applied.end()) {
      result.push_back(&migration);
    }
  }
  return result;
}

}  // namespace

Result<bool> has_table(Transaction& transaction, Engine engine, std::string_view name) {
  bool found = false;
  MIRROR_CHECK(transaction.query(kHasTable[engine], {name}, [&](const Row& row) -> Result<void> {
    found = row.boolean(0);
    return {};
  }));
  return found;
}

Result<std::vector<std::string>> missing_migrations(Transaction& transaction, Engine engine) {
  MIRROR_TRY(const auto migrations, missing(transaction, engine));
  std::vector<std::string> names;
  for (const Migration* migration : migrations) names.emplace_back(migration->name);
  return names;
}

Result<std::vector<std::string>> apply_migrations(Transaction& transaction, Engine engine) {
  MIRROR_TRY(const auto migrations, missing(transaction, engine));
  std::vector<std::string> names;
  if (migrations.empty()) return names;
  MIRROR_CHECK(transaction.execute_script(kMigrationTable[engine]));
  for (const Migration* migration : migrations) {
    MIRROR_CHECK(transaction.execute_script(migration->script[engine]));
    MIRROR_CHECK(transaction.execute(sql::insert_migration, {migration->number, migration->name}));
    names.emplace_back(migration->name);
  }
  return names;
}

Result<void> create_schema(Database& database) {
  const Engine engine = database.engine();
  MIRROR_TRY(const auto transaction, database.begin(TransactionMode::kWrite));
  std::optional<std::string> relation;
  MIRROR_CHECK(transaction->query(kAnyRelation[engine], {}, [&](const Row& row) -> Result<void> {
    relation = row.text(0);
    return {};
  }));
  if (relation) {
    return fail(
        ErrorKind::kRefused,
        "{}: not empty, it holds {}; name an empty database, or if this is one of MirrorManager2, "
        "run mirrorctl database upgrade",
        database.url().display(), *relation);
  }
  MIRROR_CHECK(transaction->execute_script(kMirrorManager2[engine]));
  MIRROR_TRY(const auto names, apply_migrations(*transaction, engine));
  MIRROR_CHECK(transaction->commit());
  return database.let_readers_and_writer_overlap();
}

}  // namespace mirror
