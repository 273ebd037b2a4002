// Every statement of schema/sql/*.sql is written once for both engines: each must be one that both
// understand.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>

#include "base/core/files.h"
#include "base/core/text.h"
#include "schema/database/parameters.h"
#include "schema/database/schema.h"
#include "tests/system/test_database.h"

namespace mirror {
namespace {

using Statements = std::map<std::string, std::string>;

// As cmake/embed_sql_script.cmake reads the files.
void read_statements(const std::filesystem::path& path, Statements& statements) {
  const auto text = read_file(path.string(), uint64_t{1} << 20);
  ASSERT_TRUE(text) << text.error().message;
  constexpr std::string_view kName = "-- name: ";
  std::string name;
  for (const auto line : split(*text, '\n')) {
    if (line.starts_with(kName)) {
      name = line.substr(kName.size());
      EXPECT_FALSE(statements.contains(name)) << path << ": " << name << " is defined twice";
    } else if (!line.starts_with("--") && !name.empty()) {
      statements[name] += std::string(line) + "\n";
    }
  }
}

int parameter_count(std::string_view sql) {
  const std::string dollars = dollar_parameters(sql);
  int highest = 0;
  for (size_t at = dollars.find('$'); at != std::string::npos; at = dollars.find('$', at + 1)) {
    highest = std::max(highest, std::atoi(dollars.c_str() + at + 1));
  }
  return highest;
}

class StatementsTest : public ::testing::TestWithParam<Engine> {};
INSTANTIATE_TEST_SUITE_P(Engines, StatementsTest,
                         ::testing::Values(Engine::kSqlite, Engine::kPostgresql), engine_test_name);

TEST_P(StatementsTest, EveryStatementCanBePrepared) {
  if (!TestDatabase::available(GetParam()))
    GTEST_SKIP() << "no PostgreSQL: run by tests/system/with_postgresql";
  const char* source = std::getenv("MIRROR_SOURCE");
  ASSERT_NE(source, nullptr) << "MIRROR_SOURCE names the source tree";
  Statements statements;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(source) + "/schema/sql")) {
    if (entry.path().extension() == ".sql") read_statements(entry.path(), statements);
  }
  ASSERT_GT(statements.size(), 60U);

  const auto created = TestDatabase::create(GetParam());
  ASSERT_TRUE(created) << created.error().message;
  const auto database = (*created)->open(OpenMode::kCreate);
  ASSERT_TRUE(database) << database.error().message;
  ASSERT_TRUE(create_schema(**database));
  for (const auto& [name, sql] : statements) {
    const auto transaction = (*database)->begin(TransactionMode::kWrite);
    ASSERT_TRUE(transaction) << transaction.error().message;
    Result<void> prepared;
    if (GetParam() == Engine::kPostgresql) {
      prepared =
          (*transaction)
              ->execute_script("PREPARE tried AS " + dollar_parameters(sql) + "; DEALLOCATE tried");
    } else {
      const std::vector<Value> nulls(static_cast<size_t>(parameter_count(sql)));
      prepared = (*transaction)->query("EXPLAIN " + sql, nulls, [](const Row&) -> Result<void> {
        return {};
      });
    }
    EXPECT_TRUE(prepared) << name << ": " << prepared.error().message;
  }
}

}  // namespace
}  // namespace mirror
