// The tables that init makes, and databases that MirrorManager2 and the years made: recognised,
// upgraded, read.
#include "schema/database/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <latch>
#include <thread>

#include "base/core/files.h"
#include "base/core/text.h"
#include "schema/database/catalogue.h"
#include "schema/database/row_readers.h"
#include "schema/database/schema_check.h"
#include "schema/database/up_to_date_reader.h"
#include "tests/system/test_database.h"

namespace mirror {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string fixture(const std::string& name) {
  const char* source = std::getenv("MIRROR_SOURCE");
  const auto text = read_file(
      std::string(source == nullptr ? "." : source) + "/tests/fixtures/mirrormanager2/" + name,
      uint64_t{1} << 20);
  EXPECT_TRUE(text) << text.error().message;
  return *text;
}

class SchemaTest : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    if (test_database_ == nullptr) return;
    auto opened = test_database_->open(OpenMode::kCreate);
    ASSERT_TRUE(opened) << opened.error().message;
    database_ = std::move(*opened);
  }

  void run(const std::string& script) {
    auto transaction = database_->begin(TransactionMode::kWrite);
    ASSERT_TRUE(transaction);
    const auto done = (*transaction)->execute_script(script);
    ASSERT_TRUE(done) << done.error().message;
    ASSERT_TRUE((*transaction)->commit());
  }
  // A database of MirrorManager2: "model", "migrations" or "drift".
  void make(std::string_view kind) {
    const std::string engine = GetParam() == Engine::kSqlite ? "sqlite" : "postgresql";
    run(fixture("model." + engine + ".sql"));
    if (kind == "model") return;
    run(fixture("migrations.sql"));
    if (kind == "migrations") return;
    run(fixture("drift." + engine + ".sql"));
    run(fixture("drift_rows.sql"));
  }
  std::unique_ptr<Transaction> begin(TransactionMode mode) {
    auto transaction = database_->begin(mode);
    EXPECT_TRUE(transaction) << transaction.error().message;
    return std::move(*transaction);
  }
  std::vector<std::string> lines(std::string_view sql) {
    std::vector<std::string> result;
    const auto done =
        begin(TransactionMode::kRead)->query(sql, {}, [&](const Row& row) -> Result<void> {
          result.emplace_back(row.text(0));
          return {};
        });
    EXPECT_TRUE(done) << done.error().message;
    return result;
  }
  SchemaReport check() {
    const auto report = check_schema(*begin(TransactionMode::kRead), GetParam());
    EXPECT_TRUE(report) << report.error().message;
    return *report;
  }
  Catalogue catalogue() {
    const auto read = read_catalogue(*begin(TransactionMode::kRead), GetParam());
    EXPECT_TRUE(read) << read.error().message;
    return *read;
  }
  void upgrade() {
    auto transaction = begin(TransactionMode::kWrite);
    const auto applied = apply_migrations(*transaction, GetParam());
    ASSERT_TRUE(applied) << applied.error().message;
    ASSERT_TRUE(transaction->commit());
  }

  std::unique_ptr<Database> database_;
};

INSTANTIATE_TEST_SUITE_P(Engines, SchemaTest,
                         ::testing::Values(Engine::kSqlite, Engine::kPostgresql), engine_test_name);

constexpr std::string_view kCatalogueLines = R"sql(
SELECT 'column|' || c.relname || '|' || a.attname || '|' || format_type(a.atttypid, a.atttypmod) || '|'
    || CASE WHEN a.attnotnull THEN 'not null' ELSE 'null' END || '|' || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
UNION ALL
SELECT 'constraint|' || c.relname || '|' || k.conname || '|' || pg_get_constraintdef(k.oid)
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE k.connamespace = 'public'::regnamespace
UNION ALL
SELECT 'index|' || c.relname || '|' || x.relname || '|' || replace(pg_get_indexdef(x.oid), ' ON public.', ' ON ')
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
WHERE c.relnamespace = 'public'::regnamespace
  AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u'))
UNION ALL
SELECT 'sequence|' || t.relname || '|' || s.relname
FROM pg_class s JOIN pg_depend d ON d.objid = s.oid AND d.deptype = 'a' JOIN pg_class t ON t.oid = d.refobjid
WHERE s.relkind = 'S' AND s.relnamespace = 'public'::regnamespace
)sql";

TEST_P(SchemaTest, InitMakesTheCatalogueOfMirrorManager2) {
  if (GetParam() == Engine::kSqlite) GTEST_SKIP() << "the fixture is PostgreSQL's catalogue";
  ASSERT_TRUE(create_schema(*database_));
  std::vector<std::string> present;
  for (const std::string& line : lines(kCatalogueLines)) {
    if (line.find("|mw_") == std::string::npos &&
        line.find("|alembic_version|") == std::string::npos) {
      present.push_back(line);
    }
  }
  std::vector<std::string> expected;
  const std::string text = fixture("catalogue.txt");
  for (const auto line : split(trim(text), '\n')) expected.emplace_back(line);
  std::ranges::sort(present);
  std::ranges::sort(expected);
  EXPECT_EQ(present, expected);
}

TEST_P(SchemaTest, InitLeavesEveryTableEmptyAndStampsTheRevision) {
  ASSERT_TRUE(create_schema(*database_));
  int tables = 0;
  for (const auto& [name, table] : catalogue()) {
    if (name == "alembic_version" || name.starts_with("mw_")) continue;
    ++tables;
    EXPECT_THAT(lines("SELECT count(*) FROM " + name), ElementsAre("0")) << name;
  }
  EXPECT_EQ(tables, 38);
  EXPECT_THAT(lines("SELECT version_num FROM alembic_version"),
              ElementsAre(std::string(kAlembicHead)));
  const SchemaReport report = check();
  EXPECT_EQ(report.kind, SchemaKind::kOurs);
  EXPECT_THAT(report.notes, IsEmpty());
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_THAT(report.missing_migrations, IsEmpty());
}

TEST_P(SchemaTest, InitRefusesADatabaseThatHoldsAnything) {
  run("CREATE TABLE precious (id INTEGER); INSERT INTO precious VALUES (1)");
  const auto created = create_schema(*database_);
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().kind, ErrorKind::kRefused);
  EXPECT_THAT(created.error().message, HasSubstr("precious"));
  EXPECT_EQ(catalogue().size(), 1U);
  EXPECT_EQ(check().kind, SchemaKind::kForeign);
}

TEST_P(SchemaTest, InitIsAllOrNothing) {
  if (GetParam() == Engine::kSqlite)
    GTEST_SKIP() << "needs an obstacle that init does not look for";
  run("CREATE TYPE netblock_country AS (a INTEGER)");  // a table of that name is the 31st to be
                                                       // created
  EXPECT_FALSE(create_schema(*database_));
  EXPECT_THAT(catalogue(), IsEmpty());
}

TEST_P(SchemaTest, AnEmptyDatabaseIsSeenAsEmpty) { EXPECT_EQ(check().kind, SchemaKind::kEmpty); }

TEST_P(SchemaTest, ADatabaseOfTheModelIsRecognisedAndUpgraded) {
  make("model");
  SchemaReport report = check();
  EXPECT_EQ(report.kind, SchemaKind::kModel);
  EXPECT_THAT(report.notes, IsEmpty());
  EXPECT_EQ(report.missing_migrations.size(), 2U);
  upgrade();
  report = check();
  EXPECT_EQ(report.kind, SchemaKind::kOurs);
  EXPECT_THAT(report.missing_migrations, IsEmpty());
  upgrade();  // a second time changes nothing
}

TEST_P(SchemaTest, ADatabaseOfTheMigrationsIsRecognised) {
  make("migrations");
  const SchemaReport report = check();
  EXPECT_EQ(report.kind, SchemaKind::kMigrations);
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_THAT(
      report.notes,
      ::testing::UnorderedElementsAre(
          "column host.crawl_failures may be NULL", "column propagation_stat.same_day may be NULL",
          "column propagation_stat.one_day may be NULL",
          "column propagation_stat.two_day may be NULL",
          "column propagation_stat.older may be NULL",
          "column propagation_stat.no_info may be NULL",
          "index ix_propagation_stat_datetime is called ix_propagation_stat_date"));
}

TEST_P(SchemaTest, DriftIsListedAndHarmless) {
  make("drift");
  const SchemaReport report = check();
  EXPECT_EQ(report.kind, SchemaKind::kDrifted);
  EXPECT_THAT(report.problems, IsEmpty());
  for (const char* note : {"table host_country_allowed lacks UNIQUE (country)",
                           "table host_category_url lacks UNIQUE (host_category_id,url)",
                           "index t_hostcategory_host_id_idx is called t_host_category_host_id_idx",
                           "table repository lacks the index t_repository_arch_id_idx",
                           "column category_directory.ctime is one more than expected",
                           "table tg_user is a left-over of MirrorManager 1",
                           "column host.crawl_failures may be NULL"}) {
    EXPECT_THAT(report.notes, Contains(note));
  }
}

TEST_P(SchemaTest, AnUpgradeLeavesTheTablesOfMirrorManager2AsTheyAre) {
  make("drift");
  const Catalogue before = catalogue();
  upgrade();
  Catalogue after = catalogue();
  EXPECT_TRUE(after.contains("mw_migration"));
  EXPECT_TRUE(after.contains("mw_netblock_name"));
  std::erase_if(after, [](const auto& table) { return table.first.starts_with("mw_"); });
  for (auto& [name, table] : after) {
    std::erase_if(table.indexes, [](const auto& index) { return index.first.starts_with("mw_"); });
  }
  EXPECT_TRUE(before == after);
  EXPECT_THAT(check().missing_migrations, IsEmpty());
}

TEST_P(SchemaTest, AMissingTableOrColumnIsAProblem) {
  make("model");
  run("DROP TABLE repository_redirect; DROP TABLE mm_user_visit; ALTER TABLE category DROP COLUMN "
      "admin_only;"
      "UPDATE alembic_version SET version_num = '24681dabe5fa'");
  const SchemaReport report = check();
  EXPECT_THAT(report.problems, ElementsAre(HasSubstr("column category.admin_only is missing"),
                                           HasSubstr("table repository_redirect is missing")));
  EXPECT_THAT(report.notes, Contains(HasSubstr("24681dabe5fa")));
  EXPECT_THAT(report.notes, Contains(HasSubstr("table mm_user_visit is missing")));
}

TEST_P(SchemaTest, RowsWithNullsAreRead) {
  make("drift");
  const auto read = read_database_rows(*begin(TransactionMode::kRead));
  ASSERT_TRUE(read) << read.error().message;
  const DatabaseRows& rows = *read;
  ASSERT_EQ(rows.hosts.size(), 2U);
  EXPECT_EQ(rows.hosts[0].site_id, std::nullopt);
  EXPECT_EQ(rows.hosts[1].bandwidth, std::nullopt);
  EXPECT_EQ(rows.hosts[1].country, "us");
  EXPECT_EQ(rows.hosts[1].asn, 64500);
  EXPECT_EQ(rows.hosts[1].asn_clients, true);
  ASSERT_EQ(rows.host_netblocks.size(), 3U);
  EXPECT_EQ(rows.host_netblocks[0].netblock, std::nullopt);
  EXPECT_EQ(rows.host_netblocks[1].host_id, std::nullopt);
  EXPECT_EQ(rows.host_countries_allowed.size(), 3U);
  ASSERT_EQ(rows.categories.size(), 2U);
  EXPECT_EQ(rows.categories[1].topdir_id, std::nullopt);
  EXPECT_EQ(rows.categories[1].product_id, std::nullopt);
  EXPECT_EQ(rows.host_categories[1].host_id, std::nullopt);
  EXPECT_EQ(rows.host_categories[2].category_id, std::nullopt);
  EXPECT_EQ(rows.repositories[0].prefix, std::nullopt);
  ASSERT_EQ(rows.file_details.size(), 1U);
  EXPECT_EQ(rows.file_details[0].timestamp, std::nullopt);
  EXPECT_EQ(rows.file_details[0].sha1, std::nullopt);  // an empty text
  EXPECT_EQ(rows.file_details[0].sha512, std::nullopt);
  EXPECT_EQ(rows.file_details[0].sha256, "ab");
  ASSERT_EQ(rows.host_category_dirs.size(), 3U);  // without the one that is not up to date
  EXPECT_EQ(rows.host_category_dirs[0].id, 1001);
  EXPECT_EQ(rows.host_category_dirs[2].directory_id, std::nullopt);
  EXPECT_EQ(rows.category_directories.size(), 2U);
  EXPECT_EQ(rows.host_category_urls[1].is_private, true);
}

using Pairs = std::vector<std::pair<int64_t, int64_t>>;

// What read_up_to_date() gives, sorted. Several readers may be held until each has rows, as
// otherwise the first ones can have read everything before the last one is there.
Pairs read_pairs(Database& database, Transaction& transaction, size_t readers, bool hold = false) {
  std::vector<Pairs> seen(readers);
  std::latch all_have_rows(static_cast<std::ptrdiff_t>(readers));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  const auto done =
      read_up_to_date(database, transaction, readers,
                      [&](size_t reader, std::span<const UpToDateRow> rows) -> Result<void> {
                        if (hold && seen[reader].empty() && !rows.empty()) {
                          all_have_rows.count_down();
                          while (!all_have_rows.try_wait()) {
                            if (std::chrono::steady_clock::now() > deadline)
                              return fail(ErrorKind::kLimit, "a reader got no rows");
                            std::this_thread::yield();
                          }
                        }
                        for (const auto& row : rows)
                          seen[reader].emplace_back(row.host_category_id, row.directory_id);
                        return {};
                      });
  EXPECT_TRUE(done) << done.error().message;
  Pairs all;
  for (const auto& pairs : seen) all.insert(all.end(), pairs.begin(), pairs.end());
  std::ranges::sort(all);
  return all;
}

const char* const kFewRows = R"sql(
INSERT INTO directory (id, name, readable) VALUES (1, 'a', TRUE), (2, 'b', TRUE), (3, 'c', TRUE);
INSERT INTO host_category (id, always_up2date) VALUES (1, FALSE), (2, FALSE);
INSERT INTO host_category_dir (id, host_category_id, path, up2date, directory_id)
VALUES (1, 2, 'c', TRUE, 3), (2, 2, 'a', TRUE, 1), (3, 1, 'c', TRUE, NULL), (4, 1, 'a', TRUE, 1), (5, 1, 'b', FALSE, 2))sql";

TEST_P(SchemaTest, WhatIsUpToDateComesOnce) {
  ASSERT_TRUE(create_schema(*database_));
  run(kFewRows);
  for (const size_t readers : {1, 2, 7}) {
    EXPECT_THAT(
        read_pairs(*database_, *begin(TransactionMode::kRead), readers),
        ElementsAre(std::pair(1, kNullNumber), std::pair(1, 1), std::pair(2, 1), std::pair(2, 3)));
  }
}

TEST_P(SchemaTest, AnErrorOfAReaderEndsTheReading) {
  ASSERT_TRUE(create_schema(*database_));
  run(kFewRows);
  const auto transaction = begin(TransactionMode::kRead);
  const auto done = read_up_to_date(*database_, *transaction, 2,
                                    [](size_t, std::span<const UpToDateRow>) -> Result<void> {
                                      return fail(ErrorKind::kInvalid, "enough");
                                    });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message, "enough");
}

// More blocks than one part has, so that the table is shared; a writer changes all of it between
// the beginning of the transaction and the reading.
TEST(UpToDateReaderTest, SeveralReadersSeeOneState) {
  if (!TestDatabase::available(Engine::kPostgresql))
    GTEST_SKIP() << "no PostgreSQL: run by tests/system/with_postgresql";
  auto created = TestDatabase::create(Engine::kPostgresql);
  ASSERT_TRUE(created) << created.error().message;
  auto database = (*created)->open(OpenMode::kCreate);
  ASSERT_TRUE(database) << database.error().message;
  ASSERT_TRUE(create_schema(**database));
  const auto write = [&](std::string_view sql) {
    auto writer = (*created)->open(OpenMode::kWrite);
    ASSERT_TRUE(writer) << writer.error().message;
    auto transaction = (*writer)->begin(TransactionMode::kWrite);
    ASSERT_TRUE(transaction);
    const auto done = (*transaction)->execute_script(sql);
    ASSERT_TRUE(done) << done.error().message;
    ASSERT_TRUE((*transaction)->commit());
  };
  write(R"sql(
INSERT INTO host_category (id, always_up2date) VALUES (1, FALSE), (2, FALSE);
INSERT INTO directory (id, name, readable) SELECT n, 'd' || n, TRUE FROM generate_series(1, 30) AS n;
INSERT INTO host_category_dir (id, host_category_id, path, up2date, directory_id)
SELECT n, 1 + n % 2, repeat('x', 600) || n, n % 3 <> 0, 1 + n % 30 FROM generate_series(1, 60000) AS n)sql");
  auto transaction = (*database)->begin(TransactionMode::kRead);
  ASSERT_TRUE(transaction) << transaction.error().message;
  write(
      "UPDATE host_category_dir SET up2date = NOT up2date; DELETE FROM host_category_dir WHERE id "
      "% 2 = 0");
  Pairs expected;
  for (int64_t n = 1; n <= 60000; ++n) {
    if (n % 3 != 0) expected.emplace_back(1 + n % 2, 1 + n % 30);
  }
  std::ranges::sort(expected);
  for (const size_t readers : {1, 3}) {
    EXPECT_TRUE(read_pairs(**database, **transaction, readers, true) == expected) << readers;
  }
}

}  // namespace
}  // namespace mirror
