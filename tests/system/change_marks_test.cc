// The triggers that mark changes, on both engines: what counts, what does not, and what two
// connections see of each other.
#include "schema/database/change_marks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <regex>
#include <set>

#include "base/core/files.h"
#include "base/core/text.h"
#include "schema/database/change_listener.h"
#include "schema/database/schema.h"
#include "tests/property/row_writer.h"
#include "tests/system/test_database.h"
#include "tests/unit/compiler/small_compile.h"

namespace mirror {
namespace {

using ::testing::HasSubstr;
using ::testing::IsSubsetOf;

// A row in each table that the compiler reads.
DatabaseRows a_row_everywhere() {
  auto rows = simple_rows();
  rows.countries = {{1, "DE"}};
  rows.host_netblocks = {{1, 1, "192.0.2.0/24"}};
  rows.host_peer_asns = {{1, 1, 64500}};
  rows.host_countries_allowed = {{1, 1, "DE"}};
  rows.host_countries = {{1, 1, 1}};
  rows.host_category_dirs = {{1, 1, 1}};
  rows.repository_redirects = {{1, "old", "new"}};
  rows.country_continent_redirects = {{1, "DE", "EU"}};
  rows.netblock_countries = {{1, "192.0.2.0/24", "DE"}};
  FileDetailRow file;
  file.id = 1;
  file.directory_id = 3;
  file.filename = "repomd.xml";
  rows.file_details = {file};
  return rows;
}

std::vector<std::string> columns_of(std::string_view list) {
  std::vector<std::string> columns;
  for (const auto column : split(list, ',')) columns.emplace_back(trim(column));
  return columns;
}

class ChangeMarksTest : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    if (test_database_ == nullptr) return;
    auto opened = test_database_->open(OpenMode::kCreate);
    ASSERT_TRUE(opened) << opened.error().message;
    writer_ = std::move(*opened);
    ASSERT_TRUE(create_schema(*writer_));
    change([](Transaction& transaction) {
      return write_database_rows(transaction, a_row_everywhere(), {{2, 2, 2}});
    });
    change([](Transaction& transaction) { return install_change_marks(transaction, GetParam()); });
    reader_ = std::move(*test_database_->open(OpenMode::kRead));
  }

  // One committed transaction.
  template <typename Work>
  void change(Work work) {
    const auto transaction = writer_->begin(TransactionMode::kWrite);
    ASSERT_TRUE(transaction) << transaction.error().message;
    const Result<void> done = work(**transaction);
    ASSERT_TRUE(done) << done.error().message;
    const auto committed = (*transaction)->commit();
    ASSERT_TRUE(committed) << committed.error().message;
  }
  void run(std::string_view script) {
    SCOPED_TRACE(script);
    change([script](Transaction& transaction) { return transaction.execute_script(script); });
  }

  ChangeMarks marks() {
    const auto transaction = reader_->begin(TransactionMode::kRead);
    EXPECT_TRUE(transaction) << transaction.error().message;
    return marks(**transaction);
  }
  static ChangeMarks marks(Transaction& transaction) {
    auto read = read_change_marks(transaction, GetParam());
    EXPECT_TRUE(read) << read.error().message;
    return read ? *read : ChangeMarks{};
  }
  std::string token() {
    const auto now = marks();
    EXPECT_EQ(now.kind, ChangeMarksKind::kWhole) << now.problem;
    return now.token;
  }
  bool counts(std::string_view script) {
    const auto before = token();
    run(script);
    return token() != before;
  }

  std::unique_ptr<Database> writer_, reader_;
};

INSTANTIATE_TEST_SUITE_P(Engines, ChangeMarksTest,
                         ::testing::Values(Engine::kSqlite, Engine::kPostgresql), engine_test_name);

TEST(MarkedTables, AreWhatTheStatementsOfTheCompilerRead) {
  const char* source = std::getenv("MIRROR_SOURCE");
  ASSERT_NE(source, nullptr) << "run by ctest";
  const auto text = read_file(std::string(source) + "/schema/sql/compiler.sql", 1'000'000);
  ASSERT_TRUE(text) << text.error().message;
  std::map<std::string, std::string> marked;
  for (const auto& table : marked_tables()) marked[std::string(table.name)] = table.columns;
  std::set<std::string> read;
  const std::regex statement(R"(SELECT\s+([a-z0-9_", \n]+?)\s+FROM\s+(\w+))");
  for (std::sregex_iterator at(text->begin(), text->end(), statement), end; at != end; ++at) {
    const std::string table = (*at)[2];
    if (table.starts_with("mw_")) continue;
    read.insert(table);
    EXPECT_THAT(columns_of((*at)[1].str()), IsSubsetOf(columns_of(marked[table]))) << table;
  }
  EXPECT_EQ(read.size(), marked.size());
}

TEST_P(ChangeMarksTest, EachTableAndColumnCounts) {
  for (const auto& table : marked_tables()) {
    for (const auto& column : columns_of(table.columns)) {
      // SQLite looks at the rows of the largest table.
      if (GetParam() == Engine::kSqlite && table.name == "host_category_dir") continue;
      EXPECT_TRUE(counts(fmt::format("UPDATE {0} SET {1} = {1}", table.name, column)));
    }
  }
  EXPECT_TRUE(counts("DELETE FROM category_directory"));
  EXPECT_TRUE(counts("INSERT INTO country (id, code) VALUES (2, 'SE')"));
  EXPECT_TRUE(counts("DELETE FROM host_category WHERE id = 1"));
}

TEST_P(ChangeMarksTest, TheLargeTable) {
  EXPECT_TRUE(counts("UPDATE host_category_dir SET up2date = FALSE WHERE id = 1"));
  EXPECT_TRUE(counts("UPDATE host_category_dir SET up2date = TRUE WHERE id = 1"));
  EXPECT_TRUE(counts("UPDATE host_category_dir SET directory_id = 3 WHERE id = 1"));
  EXPECT_TRUE(counts("UPDATE host_category_dir SET host_category_id = 2 WHERE id = 1"));
  EXPECT_TRUE(counts("UPDATE host_category_dir SET id = 7 WHERE id = 1"));
  EXPECT_TRUE(
      counts("INSERT INTO host_category_dir (id, host_category_id, path, up2date, directory_id)"
             " VALUES (9, 1, 'x', TRUE, 2)"));
  EXPECT_TRUE(counts("DELETE FROM host_category_dir WHERE id = 9"));
  if (GetParam() != Engine::kSqlite) return;
  EXPECT_FALSE(counts("UPDATE host_category_dir SET directory_id = 3 WHERE id = 2"));
  EXPECT_FALSE(counts("UPDATE host_category_dir SET up2date = up2date"));
  EXPECT_FALSE(counts("DELETE FROM host_category_dir WHERE id = 2"));
  // It takes the row 7 away, which counted, and no trigger for DELETE fires.
  EXPECT_TRUE(
      counts("INSERT OR REPLACE INTO host_category_dir (id, host_category_id, path, up2date)"
             " VALUES (7, 1, 'y', FALSE)"));
}

TEST_P(ChangeMarksTest, WhatIsNotReadDoesNotCount) {
  EXPECT_FALSE(counts("UPDATE host SET comment = 'x', last_crawl_duration = 5"));
  EXPECT_FALSE(counts("UPDATE directory SET readable = TRUE, ctime = 5"));
  EXPECT_FALSE(counts(
      "INSERT INTO mw_netblock_name (name, addresses, resolved_at) VALUES ('a', '192.0.2.1', 1)"));
}

TEST_P(ChangeMarksTest, WhatIsRolledBackDoesNotCount) {
  EXPECT_FALSE(counts("SAVEPOINT a; UPDATE site SET name = 'x'; ROLLBACK TO SAVEPOINT a"));
  // The mark went with the savepoint, so that the second write needs one of its own.
  EXPECT_TRUE(
      counts("SAVEPOINT a; UPDATE site SET name = 'x'; ROLLBACK TO SAVEPOINT a; UPDATE site SET "
             "name = 'y'"));
}

// A compile reads its token with its rows: a writer that began before and commits after is news for
// the next check, and so is one that began and ended meanwhile.
TEST_P(ChangeMarksTest, WritersBesideAReader) {
  const auto before = token();
  {
    const auto writing = writer_->begin(TransactionMode::kWrite);
    ASSERT_TRUE((*writing)->execute_script("UPDATE site SET name = 'from before'"));
    const auto reading = reader_->begin(TransactionMode::kRead);
    EXPECT_EQ(marks(**reading).token, before);
    ASSERT_TRUE((*writing)->commit());
    EXPECT_EQ(marks(**reading).token, before);
  }
  const auto between = token();
  EXPECT_NE(between, before);
  {
    const auto reading = reader_->begin(TransactionMode::kRead);
    EXPECT_EQ(marks(**reading).token, between);
    run("UPDATE site SET name = 'meanwhile'");
    EXPECT_EQ(marks(**reading).token, between);
  }
  EXPECT_NE(token(), between);
}

TEST_P(ChangeMarksTest, TwoWritersDoNotWaitForEachOther) {
  if (GetParam() == Engine::kSqlite) GTEST_SKIP() << "SQLite has one writer at a time";
  DatabaseLimits limits;
  limits.busy_timeout_ms = 1000;
  const auto other = *test_database_->open(OpenMode::kWrite, limits);
  const auto before = token();
  const auto first = writer_->begin(TransactionMode::kWrite);
  ASSERT_TRUE((*first)->execute_script("UPDATE site SET name = 'x'"));
  const auto second = other->begin(TransactionMode::kWrite);
  ASSERT_TRUE((*second)->execute_script("UPDATE category SET name = 'y'"));
  // The one that began later commits first.
  ASSERT_TRUE((*second)->commit());
  const auto between = token();
  EXPECT_NE(between, before);
  ASSERT_TRUE((*first)->commit());
  EXPECT_NE(token(), between);
}

TEST_P(ChangeMarksTest, CompactingKeepsTheToken) {
  for (int i = 0; i < 20; ++i) run("UPDATE site SET name = name");
  const auto before = marks();
  const auto reading = reader_->begin(TransactionMode::kRead);
  ASSERT_EQ(marks(**reading).token, before.token);
  change([](Transaction& transaction) { return compact_change_marks(transaction, GetParam()); });
  EXPECT_EQ(marks(**reading).token, before.token);
  const auto third = *test_database_->open(OpenMode::kRead);
  const auto after = marks(**third->begin(TransactionMode::kRead));
  EXPECT_EQ(after.token, before.token);
  EXPECT_EQ(after.rows, 1);
}

TEST_P(ChangeMarksTest, OneTriggerLessIsNotReliedOn) {
  const bool sqlite = GetParam() == Engine::kSqlite;
  const auto before = token();
  run(sqlite ? "DROP TRIGGER mw_change_1_site_delete" : "DROP TRIGGER mw_change_1 ON site");
  const auto broken = marks();
  EXPECT_EQ(broken.kind, ChangeMarksKind::kBroken);
  EXPECT_THAT(broken.problem, HasSubstr("table site lacks the trigger mw_change_1"));
  EXPECT_THAT(broken.problem, HasSubstr("mirrorctl database triggers install"));
  change([](Transaction& transaction) { return install_change_marks(transaction, GetParam()); });
  EXPECT_NE(token(), before);
  change([](Transaction& transaction) -> Result<void> {
    MIRROR_TRY(const bool any, remove_change_marks(transaction, GetParam()));
    EXPECT_TRUE(any);
    return {};
  });
  EXPECT_EQ(marks().kind, ChangeMarksKind::kAbsent);
  run("UPDATE site SET name = 'x'");
}

TEST_P(ChangeMarksTest, WhereRowsChangePastTriggersTheyAreNotReliedOn) {
  if (GetParam() == Engine::kSqlite) GTEST_SKIP() << "SQLite's triggers miss nothing of it";
  run("CREATE TABLE site_heir () INHERITS (site)");
  EXPECT_EQ(marks().kind, ChangeMarksKind::kBroken);
  EXPECT_THAT(marks().problem, HasSubstr("table site is in parts"));
  EXPECT_THAT(marks().problem, HasSubstr("mirrorctl database triggers remove"));
  run("DROP TABLE site_heir");
  // Its heirs' catalogue rows go with it.
  EXPECT_EQ(marks().kind, ChangeMarksKind::kWhole);
  run("CREATE FUNCTION rename_it() RETURNS trigger LANGUAGE plpgsql AS "
      "$$ BEGIN NEW.name := NEW.name || '!'; RETURN NEW; END $$;"
      "CREATE TRIGGER later BEFORE INSERT ON host FOR EACH ROW EXECUTE FUNCTION rename_it()");
  EXPECT_EQ(marks().kind, ChangeMarksKind::kWhole);
  run("CREATE TRIGGER rename_it BEFORE UPDATE ON host FOR EACH ROW EXECUTE FUNCTION rename_it()");
  EXPECT_THAT(marks().problem, HasSubstr("table host has a trigger before each row of an update"));
}

TEST_P(ChangeMarksTest, TriggersMadeAnewByHandAreNews) {
  const auto before = token();
  if (GetParam() == Engine::kSqlite) {
    run("DROP TRIGGER mw_change_1_arch_delete; CREATE TRIGGER mw_change_1_arch_delete AFTER DELETE "
        "ON arch BEGIN UPDATE mw_change SET token = random(); END");
  } else {
    run("ALTER TABLE arch DISABLE TRIGGER mw_change_1");
    EXPECT_THAT(marks().problem, HasSubstr("switched off"));
    run("ALTER TABLE arch ENABLE TRIGGER mw_change_1");  // as pg_restore does
    EXPECT_EQ(marks().kind, ChangeMarksKind::kBroken);
    run("ALTER TABLE arch ENABLE ALWAYS TRIGGER mw_change_1");
  }
  EXPECT_NE(token(), before);
}

TEST_P(ChangeMarksTest, WithoutItsTableNoWriteFails) {
  if (GetParam() == Engine::kSqlite) {
    run("DELETE FROM mw_change");
    EXPECT_THAT(marks().problem, HasSubstr("0 rows"));
  } else {
    run("DROP TABLE mw_change");
    EXPECT_THAT(marks().problem, HasSubstr("no table mw_change"));
  }
  run("UPDATE site SET name = 'x'");
}

TEST_P(ChangeMarksTest, AnyRoleAndSearchPath) {
  if (GetParam() == Engine::kSqlite) GTEST_SKIP() << "SQLite has no roles";
  const auto before = token();
  const auto other = *test_database_->open(OpenMode::kWrite);
  const auto again = other->begin(TransactionMode::kWrite);
  ASSERT_TRUE((*again)->execute_script(
      "CREATE ROLE mw_test_stranger; GRANT UPDATE, SELECT ON site TO mw_test_stranger;"
      "SET LOCAL ROLE mw_test_stranger; SET LOCAL search_path = pg_catalog;"
      "UPDATE public.site SET name = 'x'; RESET ROLE; RESET search_path"));
  EXPECT_NE(marks(**again).token, before);
  ASSERT_TRUE((*again)->execute_script("SET LOCAL ROLE mw_test_stranger"));
  EXPECT_EQ(marks(**again).kind, ChangeMarksKind::kWhole);
  ASSERT_TRUE(
      (*again)->execute_script("RESET ROLE; REVOKE SELECT ON mw_change FROM PUBLIC;"
                               "SET LOCAL ROLE mw_test_stranger"));
  EXPECT_THAT(marks(**again).problem, HasSubstr("may not read mw_change"));
}

TEST_P(ChangeMarksTest, ATransactionLeavesOneMark) {
  if (GetParam() == Engine::kSqlite) GTEST_SKIP() << "SQLite has one mark";
  const auto before = marks().rows;
  run("UPDATE site SET name = 'x'; UPDATE site SET name = 'y'; UPDATE category SET name = 'z'");
  EXPECT_EQ(marks().rows, before + 1);
  run("UPDATE site SET name = 'z'");
  EXPECT_EQ(marks().rows, before + 2);
}

TEST_P(ChangeMarksTest, ReplicationIsMarkedToo) {
  if (GetParam() == Engine::kSqlite) GTEST_SKIP() << "SQLite has no such setting";
  EXPECT_TRUE(counts("SET LOCAL session_replication_role = replica; UPDATE site SET name = 'x'"));
}

TEST_P(ChangeMarksTest, AListenerHears) {
  const auto url = *DatabaseUrl::parse(test_database_->url());
  const auto listener = ChangeListener::open(url);
  ASSERT_TRUE(listener) << listener.error().message;
  for (int i = 0; i < 2; ++i) {
    run("UPDATE site SET name = 'x'");
    const auto heard = (*listener)->wait();
    ASSERT_TRUE(heard) << heard.error().message;
  }
  change([](Transaction& transaction) -> Result<void> {
    MIRROR_TRY(const bool any, remove_change_marks(transaction, GetParam()));
    EXPECT_TRUE(any);
    return {};
  });
  const auto none = ChangeListener::open(url);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::kNotFound);
}

TEST_P(ChangeMarksTest, AListenerHearsThatItsServerHasGone) {
  if (GetParam() == Engine::kSqlite) GTEST_SKIP() << "SQLite has no server";
  const auto listener = ChangeListener::open(*DatabaseUrl::parse(test_database_->url()));
  ASSERT_TRUE(listener) << listener.error().message;
  run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'LISTEN mirror_change'"
      " AND datname = current_database()");
  const auto heard = (*listener)->wait();
  ASSERT_FALSE(heard);
  EXPECT_THAT(heard.error().message, HasSubstr("connection was lost"));
}

}  // namespace
}  // namespace mirror
