// What is particular to SQLite: files, and columns that hold anything.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/core/files.h"
#include "schema/database/database.h"
#include "schema/database/schema.h"

namespace mirror {
namespace {

using ::testing::HasSubstr;

class SqliteTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = (std::filesystem::temp_directory_path() / "mirror_sqlite_test.XXXXXX").string();
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }
  static Result<std::unique_ptr<Database>> open(const std::string& path, OpenMode mode) {
    return Database::open(DatabaseUrl{Engine::kSqlite, path}, mode);
  }
  // Creates a database by a script.
  static void create(const std::string& path, std::string_view sql) {
    const auto database = open(path, OpenMode::kCreate);
    ASSERT_TRUE(database) << database.error().message;
    const auto transaction = (*database)->begin(TransactionMode::kWrite);
    ASSERT_TRUE(transaction);
    const auto done = (*transaction)->execute_script(sql);
    ASSERT_TRUE(done) << done.error().message;
    ASSERT_TRUE((*transaction)->commit());
  }

  std::string folder_;
};

TEST_F(SqliteTest, AMissingFileIsNotCreatedByAReaderOrWriter) {
  for (const OpenMode mode : {OpenMode::kRead, OpenMode::kWrite}) {
    const auto database = open(path("absent.db"), mode);
    ASSERT_FALSE(database);
    EXPECT_EQ(database.error().kind, ErrorKind::kNotFound);
    EXPECT_THAT(database.error().message, HasSubstr("absent.db"));
    EXPECT_THAT(database.error().message, HasSubstr("mirrorctl database init"));
  }
  EXPECT_FALSE(std::filesystem::exists(path("absent.db")));
}

TEST_F(SqliteTest, AFolderOrAnotherKindOfFileIsRefused) {
  EXPECT_FALSE(open(folder_, OpenMode::kRead));
  EXPECT_FALSE(open(folder_, OpenMode::kCreate));
  std::ofstream(path("text")) << std::string(4096, 'x');
  for (const OpenMode mode : {OpenMode::kRead, OpenMode::kWrite, OpenMode::kCreate}) {
    const auto database = open(path("text"), mode);
    ASSERT_FALSE(database);
    EXPECT_THAT(database.error().message, HasSubstr("not a database"));
  }
}

TEST_F(SqliteTest, APathThatLooksLikeAUriIsAPath) {
  const auto old = std::filesystem::current_path();
  std::filesystem::current_path(folder_);
  create("file:a?mode=memory", "CREATE TABLE t (id INTEGER)");
  std::filesystem::current_path(old);
  EXPECT_TRUE(std::filesystem::exists(path("file:a?mode=memory")));
}

TEST_F(SqliteTest, WhatInitMakesUsesTheWriteAheadLog) {
  const auto database = open(path("a.db"), OpenMode::kCreate);
  ASSERT_TRUE(database);
  const auto created = create_schema(**database);
  ASSERT_TRUE(created) << created.error().message;
  const auto transaction = (*database)->begin(TransactionMode::kWrite);
  ASSERT_TRUE(transaction);
  ASSERT_TRUE((*transaction)->query("PRAGMA journal_mode", {}, [](const Row& row) -> Result<void> {
    EXPECT_EQ(row.text(0), "wal");
    return {};
  }));
}

TEST_F(SqliteTest, AFileOfSomebodyElseKeepsItsBytes) {
  create(path("a.db"), "CREATE TABLE precious (id INTEGER); INSERT INTO precious VALUES (1)");
  const auto before = read_file(path("a.db"), 1 << 20);
  ASSERT_TRUE(before);
  for (const OpenMode mode : {OpenMode::kWrite, OpenMode::kCreate}) {
    const auto database = open(path("a.db"), mode);
    ASSERT_TRUE(database);
    const auto created = create_schema(**database);
    ASSERT_FALSE(created);
    EXPECT_EQ(created.error().kind, ErrorKind::kRefused);
  }
  EXPECT_EQ(*read_file(path("a.db"), 1 << 20), *before);
}

TEST_F(SqliteTest, ForeignKeysAreEnforced) {
  create(path("a.db"),
         "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p INTEGER REFERENCES p (id))");
  const auto database = open(path("a.db"), OpenMode::kWrite);
  ASSERT_TRUE(database);
  const auto transaction = (*database)->begin(TransactionMode::kWrite);
  ASSERT_TRUE(transaction);
  const auto orphan = (*transaction)->execute("INSERT INTO c VALUES (?1)", {int64_t{7}});
  ASSERT_FALSE(orphan);
  EXPECT_THAT(orphan.error().message, HasSubstr("FOREIGN KEY"));
}

TEST_F(SqliteTest, ColumnsThatHoldSomethingElseReadAsTheNearestValue) {
  create(path("a.db"), "CREATE TABLE t (x)");
  const auto database = open(path("a.db"), OpenMode::kRead);
  ASSERT_TRUE(database);
  const auto transaction = (*database)->begin(TransactionMode::kRead);
  ASSERT_TRUE(transaction);
  const auto with = [&](std::string_view literal, const std::function<void(const Row&)>& check) {
    const auto result =
        (*transaction)
            ->query("SELECT " + std::string(literal), {}, [&](const Row& row) -> Result<void> {
              check(row);
              return {};
            });
    EXPECT_TRUE(result) << result.error().message;
  };
  with("'42'", [](const Row& row) { EXPECT_EQ(row.int64(0), 42); });
  with("'many'", [](const Row& row) { EXPECT_EQ(row.int64(0), 0); });
  with("1.9", [](const Row& row) { EXPECT_EQ(row.int64(0), 1); });
  with("17", [](const Row& row) { EXPECT_EQ(row.text(0), "17"); });
  with("'true'", [](const Row& row) { EXPECT_TRUE(row.boolean(0)); });
  with("'f'", [](const Row& row) { EXPECT_FALSE(row.boolean(0)); });
  with("NULL", [](const Row& row) { EXPECT_FALSE(row.boolean(0)); });
  with("CAST(x'ff41' AS TEXT)", [](const Row& row) {
    EXPECT_EQ(row.text(0),
              "\xff"
              "A");
  });
  with("x'00ff'", [](const Row& row) { EXPECT_EQ(row.bytes(0), std::string_view("\0\xff", 2)); });
}

TEST_F(SqliteTest, ADamagedFileIsAnErrorAndNoCrash) {
  create(path("a.db"),
         "CREATE TABLE t (s TEXT); WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
         " WHERE i < 5000) INSERT INTO t SELECT hex(randomblob(50)) FROM n");
  {
    std::fstream file(path("a.db"), std::ios::in | std::ios::out | std::ios::binary);
    for (int page = 2; page < 40; ++page) {
      file.seekp(page * 4096);
      file << std::string(100, '\xee');
    }
  }
  const auto database = open(path("a.db"), OpenMode::kRead);
  ASSERT_TRUE(database) << database.error().message;
  const auto transaction = (*database)->begin(TransactionMode::kRead);
  ASSERT_TRUE(transaction);
  const auto result =
      (*transaction)->query("SELECT s FROM t", {}, [](const Row&) -> Result<void> { return {}; });
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("backup"));
}

}  // namespace
}  // namespace mirror
