// The access layer: one body of tests, run over both drivers and real databases.
#include "schema/database/database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <fstream>
#include <thread>

#include "tests/system/test_database.h"

namespace mirror {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DatabaseTest : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    if (test_database_ == nullptr) return;
    database_ = open(OpenMode::kCreate);
  }

  std::unique_ptr<Database> open(OpenMode mode, const DatabaseLimits& limits = {}) {
    auto opened = test_database_->open(mode, limits);
    EXPECT_TRUE(opened) << opened.error().message;
    return std::move(*opened);
  }
  std::unique_ptr<Transaction> begin(TransactionMode mode) { return begin(*database_, mode); }
  static std::unique_ptr<Transaction> begin(Database& database, TransactionMode mode) {
    auto transaction = database.begin(mode);
    EXPECT_TRUE(transaction) << transaction.error().message;
    return std::move(*transaction);
  }
  void commit_script(std::string_view sql) {
    auto transaction = begin(TransactionMode::kWrite);
    expect_ok(transaction->execute_script(sql));
    expect_ok(transaction->commit());
  }
  template <typename T>
  static void expect_ok(const Result<T>& result) {
    EXPECT_TRUE(result) << result.error().message;
  }
  static int64_t count(Transaction& transaction, std::string_view table) {
    int64_t rows = -1;
    expect_ok(transaction.query("SELECT count(*) FROM " + std::string(table), {},
                                [&](const Row& row) -> Result<void> {
                                  rows = row.int64(0);
                                  return {};
                                }));
    return rows;
  }

  std::unique_ptr<Database> database_;
};

INSTANTIATE_TEST_SUITE_P(Engines, DatabaseTest,
                         ::testing::Values(Engine::kSqlite, Engine::kPostgresql), engine_test_name);

constexpr std::string_view kTypesSqlite =
    "CREATE TABLE t (id INTEGER PRIMARY KEY, b BOOLEAN, n BIGINT, x FLOAT, s TEXT, y BLOB, at "
    "DATETIME)";
constexpr std::string_view kTypesPostgresql =
    "CREATE TABLE t (id SERIAL PRIMARY KEY, b BOOLEAN, n BIGINT, x DOUBLE PRECISION, s TEXT, y "
    "BYTEA, at TIMESTAMP)";

TEST_P(DatabaseTest, ValuesOfEveryTypeComeBackAsTheyWent) {
  commit_script(GetParam() == Engine::kSqlite ? kTypesSqlite : kTypesPostgresql);
  const std::string all_bytes = [] {
    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
    return bytes;
  }();
  auto transaction = begin(TransactionMode::kWrite);
  const std::string_view insert =
      "INSERT INTO t (id, b, n, x, s, y, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
  expect_ok(
      transaction->execute(insert, {int64_t{1}, true, int64_t{-9223372036854775807}, 0.1,
                                    "it's ?1 \"é\"\n", Blob{all_bytes}, "2026-11-23 07:00:00"}));
  expect_ok(transaction->execute(
      insert, {int64_t{2}, false, int64_t{0}, -1e300, "", Blob{""}, "2026-11-23 07:00:00"}));
  expect_ok(transaction->execute(insert, {int64_t{3}, {}, {}, {}, {}, {}, {}}));
  int rows = 0;
  expect_ok(transaction->query(
      "SELECT b, n, x, s, y, at FROM t ORDER BY id", {}, [&](const Row& row) -> Result<void> {
        if (++rows == 3) {
          for (int column = 0; column < 6; ++column) EXPECT_TRUE(row.is_null(column));
          EXPECT_EQ(row.optional_int64(1), std::nullopt);
          EXPECT_EQ(row.optional_text(3), std::nullopt);
          EXPECT_FALSE(row.boolean(0));
          EXPECT_EQ(row.int64(1), 0);
          EXPECT_EQ(row.text(3), "");
          return {};
        }
        EXPECT_EQ(row.boolean(0), rows == 1);
        EXPECT_EQ(row.int64(0), rows == 1 ? 1 : 0);
        EXPECT_EQ(row.int64(1), rows == 1 ? -9223372036854775807 : 0);
        EXPECT_EQ(row.real(2), rows == 1 ? 0.1 : -1e300);
        EXPECT_EQ(row.text(3), rows == 1 ? "it's ?1 \"é\"\n" : "");
        EXPECT_EQ(row.optional_text(3), rows == 1 ? "it's ?1 \"é\"\n" : "");
        EXPECT_EQ(row.bytes(4), rows == 1 ? all_bytes : "");
        EXPECT_EQ(row.text(5), "2026-11-23 07:00:00");
        return {};
      }));
  EXPECT_EQ(rows, 3);
}

TEST_P(DatabaseTest, TextsWithNulAreKeptOrRefused) {
  commit_script("CREATE TABLE t (s TEXT)");
  const std::string_view text("a\0b", 3);
  auto transaction = begin(TransactionMode::kWrite);
  const auto inserted = transaction->execute("INSERT INTO t (s) VALUES (?1)", {text});
  if (GetParam() == Engine::kPostgresql) {
    ASSERT_FALSE(inserted);
    EXPECT_THAT(inserted.error().message, HasSubstr("NUL"));
    return;
  }
  expect_ok(inserted);
  expect_ok(transaction->query("SELECT s FROM t", {}, [&](const Row& row) -> Result<void> {
    EXPECT_EQ(row.text(0), text);
    return {};
  }));
}

TEST_P(DatabaseTest, ParametersGoByTheirNumber) {
  auto transaction = begin(TransactionMode::kRead);
  expect_ok(transaction->query("SELECT CAST(?2 AS TEXT), CAST(?1 AS TEXT), '?1' /* ?3 */ -- ?4\n",
                               {"one", "two"}, [&](const Row& row) -> Result<void> {
                                 EXPECT_EQ(row.text(0), "two");
                                 EXPECT_EQ(row.text(1), "one");
                                 EXPECT_EQ(row.text(2), "?1");
                                 return {};
                               }));
}

TEST_P(DatabaseTest, AWrongNumberOfParametersIsAnError) {
  auto transaction = begin(TransactionMode::kRead);
  const auto ignore = [](const Row&) -> Result<void> { return {}; };
  EXPECT_FALSE(transaction->query("SELECT CAST(?1 AS TEXT), CAST(?2 AS TEXT)", {"one"}, ignore));
}

TEST_P(DatabaseTest, TheRowsThatAStatementChangedAreCounted) {
  commit_script(
      "CREATE TABLE parent (id INTEGER PRIMARY KEY);"
      "CREATE TABLE child (id INTEGER PRIMARY KEY, p INTEGER REFERENCES parent (id) ON DELETE "
      "CASCADE)");
  auto transaction = begin(TransactionMode::kWrite);
  const auto insert = [&](std::string_view sql, int64_t id) {
    const auto changed = transaction->execute(sql, {id});
    expect_ok(changed);
    return *changed;
  };
  EXPECT_EQ(insert("INSERT INTO parent (id) VALUES (?1)", 1), 1);
  EXPECT_EQ(insert("INSERT INTO child (id, p) VALUES (?1, 1)", 1), 1);
  EXPECT_EQ(insert("INSERT INTO child (id, p) VALUES (?1, 1)", 2), 1);
  EXPECT_EQ(insert("UPDATE child SET p = NULL WHERE id > ?1", 7), 0);
  // What the cascade deletes is not counted.
  EXPECT_EQ(insert("DELETE FROM parent WHERE id = ?1", 1), 1);
  EXPECT_EQ(count(*transaction, "child"), 0);
  EXPECT_EQ(insert("DELETE FROM parent WHERE id = ?1", 1), 0);
}

TEST_P(DatabaseTest, ManyParameterSetsGoThroughOneStatement) {
  commit_script("CREATE TABLE t (id INTEGER PRIMARY KEY, s TEXT)");
  std::vector<std::vector<Value>> sets;
  const std::string text(3000, 'x');
  for (int64_t i = 0; i < 5000; ++i) sets.push_back({i, std::string_view(text)});
  auto transaction = begin(TransactionMode::kWrite);
  const std::string_view insert = "INSERT INTO t (id, s) VALUES (?1, ?2)";
  const auto changed = transaction->execute_many(insert, sets);
  expect_ok(changed);
  EXPECT_EQ(*changed, 5000);
  EXPECT_EQ(*transaction->execute_many(insert, {}), 0);
  EXPECT_EQ(count(*transaction, "t"), 5000);
  expect_ok(transaction->commit());

  auto second = begin(TransactionMode::kWrite);
  sets[2500][0] = int64_t{5000};
  const auto failed = second->execute_many(insert, sets);
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message, HasSubstr("t"));
  EXPECT_FALSE(second->commit());
  second.reset();
  EXPECT_EQ(count(*begin(TransactionMode::kRead), "t"), 5000);
}

TEST_P(DatabaseTest, WhatIsNotCommittedIsGone) {
  commit_script("CREATE TABLE t (id INTEGER)");
  expect_ok(begin(TransactionMode::kWrite)->execute("INSERT INTO t VALUES (?1)", {int64_t{1}}));
  EXPECT_EQ(count(*begin(TransactionMode::kRead), "t"), 0);
}

TEST_P(DatabaseTest, AfterAnErrorATransactionCanOnlyBeRolledBack) {
  commit_script("CREATE TABLE t (id INTEGER PRIMARY KEY)");
  {
    auto transaction = begin(TransactionMode::kWrite);
    expect_ok(transaction->execute("INSERT INTO t VALUES (?1)", {int64_t{1}}));
    EXPECT_FALSE(transaction->execute("INSERT INTO t VALUES (?1)", {int64_t{1}}));
    EXPECT_FALSE(transaction->execute("INSERT INTO t VALUES (?1)", {int64_t{2}}));
    EXPECT_FALSE(transaction->commit());
  }
  EXPECT_EQ(count(*begin(TransactionMode::kRead), "t"), 0);
}

TEST_P(DatabaseTest, AnErrorOfTheCallbackEndsTheStream) {
  std::string values = "CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (0)";
  for (int i = 1; i < 20000; ++i) values += ",(" + std::to_string(i) + ")";
  commit_script(values);
  {
    auto transaction = begin(TransactionMode::kRead);
    int rows = 0;
    const auto result =
        transaction->query("SELECT a.id FROM t a, t b", {}, [&](const Row&) -> Result<void> {
          if (++rows == 100) return fail(ErrorKind::kLimit, "enough");
          return {};
        });
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message, "enough");
    EXPECT_EQ(rows, 100);
  }
  EXPECT_EQ(count(*begin(TransactionMode::kRead), "t"), 20000);
}

TEST_P(DatabaseTest, TheTransactionIsBusyWhileItsRowsAreRead) {
  auto transaction = begin(TransactionMode::kRead);
  const auto result = transaction->query("SELECT 1", {}, [&](const Row&) -> Result<void> {
    return transaction->query("SELECT 2", {}, [](const Row&) -> Result<void> { return {}; });
  });
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("in use"));
}

TEST_P(DatabaseTest, AReaderSeesOneStateWhileAWriterCommits) {
  expect_ok(database_->let_readers_and_writer_overlap());
  commit_script("CREATE TABLE t (id INTEGER)");
  const auto reader = open(OpenMode::kRead);
  auto reading =
      begin(*reader, TransactionMode::kRead);  // the state is that of now, before the first query
  commit_script("INSERT INTO t VALUES (1)");
  EXPECT_EQ(count(*reading, "t"), 0);
  commit_script("INSERT INTO t VALUES (2)");
  EXPECT_EQ(count(*reading, "t"), 0);
  reading.reset();
  EXPECT_EQ(count(*begin(*reader, TransactionMode::kRead), "t"), 2);
}

TEST_P(DatabaseTest, WithoutOverlapAReaderStillSeesOneStateAndTheWriterWaitsABoundedTime) {
  if (GetParam() == Engine::kPostgresql) GTEST_SKIP() << "PostgreSQL always lets them overlap";
  commit_script("CREATE TABLE t (id INTEGER)");
  const auto reader = open(OpenMode::kRead);
  auto reading = begin(*reader, TransactionMode::kRead);
  {
    DatabaseLimits limits;
    limits.busy_timeout_ms = 50;
    const auto writer = open(OpenMode::kWrite, limits);
    const auto writing = begin(*writer, TransactionMode::kWrite);
    expect_ok(writing->execute("INSERT INTO t VALUES (1)", {}));
    const auto committed = writing->commit();
    ASSERT_FALSE(committed);
    EXPECT_EQ(committed.error().kind, ErrorKind::kConflict);
    EXPECT_THAT(committed.error().message, HasSubstr("reading"));
  }
  EXPECT_EQ(count(*reading, "t"), 0);
  reading.reset();
  commit_script("INSERT INTO t VALUES (2)");
  EXPECT_EQ(count(*begin(*reader, TransactionMode::kRead), "t"), 1);
}

TEST_P(DatabaseTest, AReaderCannotWrite) {
  commit_script("CREATE TABLE t (id INTEGER)");
  const auto reader = open(OpenMode::kRead);
  EXPECT_FALSE(reader->begin(TransactionMode::kWrite));
  EXPECT_FALSE(
      begin(*reader, TransactionMode::kRead)->execute("INSERT INTO t VALUES (?1)", {int64_t{1}}));
  if (GetParam() == Engine::kPostgresql) {
    EXPECT_FALSE(begin(TransactionMode::kRead)->execute("INSERT INTO t VALUES (?1)", {int64_t{1}}));
  }
}

TEST_P(DatabaseTest, OneTransactionAtATime) {
  auto first = begin(TransactionMode::kRead);
  EXPECT_FALSE(database_->begin(TransactionMode::kRead));
  expect_ok(first->commit());
  EXPECT_FALSE(first->commit());
  EXPECT_TRUE(database_->begin(TransactionMode::kRead));
}

TEST_P(DatabaseTest, ASecondWriterWaitsABoundedTime) {
  commit_script("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)");
  DatabaseLimits limits;
  limits.busy_timeout_ms = 50;
  const auto other = open(OpenMode::kWrite, limits);
  auto writing = begin(TransactionMode::kWrite);
  expect_ok(writing->execute("UPDATE t SET id = ?1", {int64_t{2}}));
  const auto second = other->begin(TransactionMode::kWrite);
  const Result<int64_t> updated = second ? (*second)->execute("UPDATE t SET id = ?1", {int64_t{3}})
                                         : tl::unexpected(second.error());
  ASSERT_FALSE(updated);
  EXPECT_EQ(updated.error().kind, ErrorKind::kConflict) << updated.error().message;
  EXPECT_THAT(updated.error().message, HasSubstr("another program is writing"));
}

TEST_P(DatabaseTest, TheSchemaMayChangeUnderAPreparedStatement) {
  commit_script("CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (1)");
  int columns_seen = 0;
  const auto select = [&](Transaction& transaction) {
    expect_ok(transaction.query("SELECT * FROM t", {}, [&](const Row& row) -> Result<void> {
      columns_seen = row.is_null(0) ? 0 : 1;
      return {};
    }));
  };
  select(*begin(TransactionMode::kRead));
  EXPECT_EQ(columns_seen, 1);
  commit_script(
      "DROP TABLE t; CREATE TABLE t (name TEXT, id INTEGER); INSERT INTO t VALUES (NULL, 1)");
  select(*begin(TransactionMode::kRead));
  EXPECT_EQ(columns_seen, 0);
}

TEST_P(DatabaseTest, NumbersComeInOrder) {
  commit_script("CREATE TABLE t (a SMALLINT, b INTEGER, c BIGINT)");
  commit_script(
      "INSERT INTO t VALUES (1, -2, 9223372036854775807), (NULL, 2147483647, -9223372036854775807),"
      " (-32768, NULL, NULL)");
  auto transaction = begin(TransactionMode::kRead);
  std::vector<int64_t> numbers;
  const auto collect = [&](std::span<const int64_t> part) -> Result<void> {
    numbers.insert(numbers.end(), part.begin(), part.end());
    return {};
  };
  expect_ok(transaction->query_numbers("SELECT a, b, c FROM t ORDER BY a DESC, c;", 3, collect));
  const bool nulls_first = GetParam() == Engine::kPostgresql;
  const std::vector<int64_t> null_row = {kNullNumber, 2147483647, -9223372036854775807};
  std::vector<int64_t> expected = {1, -2, 9223372036854775807, -32768, kNullNumber, kNullNumber};
  expected.insert(nulls_first ? expected.begin() : expected.end(), null_row.begin(),
                  null_row.end());
  EXPECT_EQ(numbers, expected);
  // Nothing at all is no error, and the transaction goes on.
  numbers.clear();
  expect_ok(transaction->query_numbers("SELECT a FROM t WHERE a = 7", 1, collect));
  EXPECT_TRUE(numbers.empty());
  EXPECT_EQ(count(*transaction, "t"), 3);
}

TEST_P(DatabaseTest, NumbersThatAreNone) {
  commit_script("CREATE TABLE t (a TEXT)");
  commit_script("INSERT INTO t VALUES ('seventeen')");
  const auto ignore = [](std::span<const int64_t>) -> Result<void> { return {}; };
  // SQLite lets anything be anywhere; PostgreSQL's types say what a column is.
  const auto texts = begin(TransactionMode::kRead)->query_numbers("SELECT a FROM t", 1, ignore);
  EXPECT_EQ(texts.has_value(), GetParam() == Engine::kSqlite);
  EXPECT_FALSE(begin(TransactionMode::kRead)->query_numbers("SELECT 1, 2", 1, ignore));
  EXPECT_FALSE(begin(TransactionMode::kRead)->query_numbers("SELECT 1 FROM nothing", 1, ignore));
}

TEST_P(DatabaseTest, AnErrorEndsTheNumbers) {
  auto transaction = begin(TransactionMode::kRead);
  int64_t seen = 0;
  const auto result = transaction->query_numbers(
      "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000000) SELECT "
      "i FROM n",
      1, [&](std::span<const int64_t> part) -> Result<void> {
        seen += static_cast<int64_t>(part.size());
        return fail(ErrorKind::kInvalid, "enough");
      });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "enough");
  EXPECT_LT(seen, 100000);
  transaction.reset();
  // The connection is good for another one.
  auto next = begin(TransactionMode::kRead);
  expect_ok(next->query("SELECT 1", {}, [](const Row&) -> Result<void> { return {}; }));
}

TEST_P(DatabaseTest, AMillionRowsLeaveTheMemoryFlat) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers keep freed memory";
#endif
  std::string_view numbers =
      "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
      " SELECT a.i, b.i FROM n a, n b";
  auto transaction = begin(TransactionMode::kRead);
  rusage before{}, after{};
  ::getrusage(RUSAGE_SELF, &before);
  int64_t sum = 0;
  expect_ok(transaction->query(numbers, {}, [&](const Row& row) -> Result<void> {
    sum += row.int64(0) + row.int64(1);
    return {};
  }));
  ::getrusage(RUSAGE_SELF, &after);
  EXPECT_EQ(sum, 1001 * 1000 * 1000);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 16 * 1024) << "KiB";
}

TEST(PostgresqlTest, AConnectionThatIsKilledIsAnErrorAndNoHang) {
  if (!TestDatabase::available(Engine::kPostgresql)) GTEST_SKIP();
  auto created = TestDatabase::create(Engine::kPostgresql);
  ASSERT_TRUE(created) << created.error().message;
  auto victim = (*created)->open(OpenMode::kWrite), killer = (*created)->open(OpenMode::kWrite);
  ASSERT_TRUE(victim && killer);
  auto transaction = (*victim)->begin(TransactionMode::kRead);
  ASSERT_TRUE(transaction);
  int64_t process = 0;
  ASSERT_TRUE(
      (*transaction)->query("SELECT pg_backend_pid()", {}, [&](const Row& row) -> Result<void> {
        process = row.int64(0);
        return {};
      }));
  int rows = 0;
  const auto result =
      (*transaction)
          ->query("SELECT generate_series(1, 50000000)", {}, [&](const Row&) -> Result<void> {
            if (++rows != 1000) return {};
            auto killing = (*killer)->begin(TransactionMode::kRead);
            return (*killing)->query("SELECT pg_terminate_backend(CAST(?1 AS INTEGER))", {process},
                                     [](const Row&) -> Result<void> { return {}; });
          });
  ASSERT_FALSE(result);
  EXPECT_GE(rows, 1000);
  EXPECT_LT(rows, 50000000);
  // The server's last words, or that there were none to be read.
  EXPECT_THAT(result.error().message, ::testing::AnyOf(HasSubstr("terminating connection"),
                                                       HasSubstr("the connection was lost")));
  EXPECT_FALSE((*transaction)->commit());
  transaction->reset();
  EXPECT_FALSE((*victim)->begin(TransactionMode::kRead));
}

TEST(PostgresqlTest, AServerThatSaysNothingIsGivenUp) {
  if (!TestDatabase::available(Engine::kPostgresql)) GTEST_SKIP();
  auto created = TestDatabase::create(Engine::kPostgresql);
  ASSERT_TRUE(created) << created.error().message;
  DatabaseLimits limits;
  limits.silence_timeout_ms = 100;
  auto database = (*created)->open(OpenMode::kWrite, limits);
  ASSERT_TRUE(database);
  auto transaction = (*database)->begin(TransactionMode::kRead);
  ASSERT_TRUE(transaction);
  const auto ignore = [](const Row&) -> Result<void> { return {}; };
  const auto result = (*transaction)->query("SELECT pg_sleep(60)", {}, ignore);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("silent"));
}

TEST(PostgresqlTest, AStatementThatTakesTooLongIsStopped) {
  if (!TestDatabase::available(Engine::kPostgresql)) GTEST_SKIP();
  auto created = TestDatabase::create(Engine::kPostgresql);
  ASSERT_TRUE(created) << created.error().message;
  DatabaseLimits limits;
  limits.statement_timeout_ms = 50;
  auto database = (*created)->open(OpenMode::kWrite, limits);
  ASSERT_TRUE(database);
  auto transaction = (*database)->begin(TransactionMode::kRead);
  ASSERT_TRUE(transaction);
  const auto result =
      (*transaction)->query("SELECT pg_sleep(60)", {}, [](const Row&) -> Result<void> {
        return {};
      });
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("statement timeout"));
}

TEST(PostgresqlTest, ADatabaseThatIsNotThereIsNamed) {
  if (!TestDatabase::available(Engine::kPostgresql)) GTEST_SKIP();
  const auto url = DatabaseUrl::parse("postgresql://mirror:hush@/nowhere?host=/nonexistent");
  ASSERT_TRUE(url);
  const auto database = Database::open(*url, OpenMode::kRead);
  ASSERT_FALSE(database);
  EXPECT_THAT(database.error().message, HasSubstr("/nonexistent"));
  EXPECT_THAT(database.error().message, ::testing::Not(HasSubstr("hush")));
}

}  // namespace
}  // namespace mirror
