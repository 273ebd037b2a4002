#include "schema/database/catalogue.h"

#include "base/core/text.h"
#include "schema/database/drivers.h"
#include "schema/database/schema.h"
#include "sql/postgresql.h"
#include "sql/sqlite.h"

namespace mirror {
namespace {

// One name for each type that the two engines spell differently.
std::string normal_type(std::string_view spelled) {
  const std::string upper = upper_ascii(spelled);
  std::string_view type = upper;
  if (type == "INTEGER" || type == "INT" || type == "SERIAL") return "integer";
  if (type == "BIGINT" || type == "BIGSERIAL") return "bigint";
  if (type == "TEXT") return "text";
  if (type == "BOOLEAN") return "boolean";
  if (type == "DATE") return "date";
  if (type == "TIMESTAMP WITHOUT TIME ZONE" || type == "TIMESTAMP" || type == "DATETIME")
    return "timestamp";
  if (type == "DOUBLE PRECISION" || type == "FLOAT" || type == "REAL") return "real";
  if (type == "BYTEA" || type == "BLOB") return "bytes";
  constexpr std::string_view kVarying = "CHARACTER VARYING";
  if (type.starts_with(kVarying)) return "varchar" + std::string(type.substr(kVarying.size()));
  if (type.starts_with("VARCHAR")) return "varchar" + std::string(type.substr(7));
  return std::string(spelled);
}

struct CatalogueStatements {
  std::string_view columns, keys, foreign_keys, indexes;
};
constexpr CatalogueStatements kSqlite{sql::catalogue_columns_sqlite, sql::catalogue_keys_sqlite,
                                      sql::catalogue_foreign_keys_sqlite,
                                      sql::catalogue_indexes_sqlite};
constexpr CatalogueStatements kPostgresql{
    sql::catalogue_columns_postgresql, sql::catalogue_keys_postgresql,
    sql::catalogue_foreign_keys_postgresql, sql::catalogue_indexes_postgresql};

}  // namespace

Result<Catalogue> read_catalogue(Transaction& transaction, Engine engine) {
  const CatalogueStatements& statements = engine == Engine::kSqlite ? kSqlite : kPostgresql;
  Catalogue catalogue;
  const auto table = [&](const Row& row) -> CatalogueTable& {
    return catalogue[std::string(row.text(0))];
  };
  MIRROR_CHECK(transaction.query(statements.columns, {}, [&](const Row& row) -> Result<void> {
    table(row).columns.push_back(
        {std::string(row.text(1)), normal_type(row.text(2)), row.boolean(3)});
    return {};
  }));
  MIRROR_CHECK(transaction.query(statements.keys, {}, [&](const Row& row) -> Result<void> {
    if (row.boolean(1))
      table(row).primary_key = row.text(2);
    else
      table(row).unique_keys.emplace(row.text(2));
    return {};
  }));
  MIRROR_CHECK(transaction.query(statements.foreign_keys, {}, [&](const Row& row) -> Result<void> {
    table(row).foreign_keys.insert(
        {std::string(row.text(1)), std::string(row.text(2)), row.boolean(3), row.boolean(4)});
    return {};
  }));
  MIRROR_CHECK(transaction.query(statements.indexes, {}, [&](const Row& row) -> Result<void> {
    table(row).indexes[std::string(row.text(1))] = {std::string(row.text(3)), row.boolean(2)};
    return {};
  }));
  return catalogue;
}

Result<Catalogue> expected_catalogue() {
  MIRROR_TRY(const auto database, open_sqlite_in_memory());
  MIRROR_CHECK(create_schema(*database));
  MIRROR_TRY(const auto transaction, database->begin(TransactionMode::kRead));
  return read_catalogue(*transaction, Engine::kSqlite);
}

}  // namespace mirror
