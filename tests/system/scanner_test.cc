// Whole scans of trees in a temporary folder into real databases of both engines.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "scanner/category_scan.h"
#include "scanner/file_digests.h"
#include "schema/database/schema.h"
#include "tests/system/test_database.h"

namespace mirror {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Hours ahead, so that no scan waits for files that are a second old to settle (settle.h). The
// tests that change a tree between two scans wait for the next second instead.
class ShiftedClock final : public Clock {
 public:
  explicit ShiftedClock(int64_t shift_s) : shift_s_(shift_s) {}
  int64_t unix_seconds() const override { return system_.unix_seconds() + shift_s_; }
  int64_t monotonic_ns() const override { return system_.monotonic_ns(); }

 private:
  int64_t shift_s_;
  SystemClock system_;
};

// Runs something between the scan and its transaction that writes.
class InterruptedDatabase final : public Database {
 public:
  InterruptedDatabase(Database* inner, std::function<void()> interrupt)
      : inner_(inner), interrupt_(std::move(interrupt)) {}
  Engine engine() const override { return inner_->engine(); }
  const DatabaseUrl& url() const override { return inner_->url(); }
  Result<std::unique_ptr<Transaction>> begin(TransactionMode mode) override {
    if (mode == TransactionMode::kWrite) interrupt_();
    return inner_->begin(mode);
  }
  Result<std::unique_ptr<Transaction>> begin_at(std::string_view exported_snapshot) override {
    return inner_->begin_at(exported_snapshot);
  }
  Result<void> let_readers_and_writer_overlap() override {
    return inner_->let_readers_and_writer_overlap();
  }

 private:
  Database* inner_;
  std::function<void()> interrupt_;
};

std::string repomd(int64_t timestamp, const std::string& padding = "") {
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<repomd "
      "xmlns=\"http://linux.duke.edu/metadata/repo\">"
      "<data type=\"primary\"><timestamp>{}</timestamp></data><!--{}--></repomd>\n",
      timestamp, padding);
}

constexpr std::string_view kRules = R"(
  [[category]]
  name = "Distribution"
  source = "directory"
  path = "@TREE@"
  excludes = ['(^|/)secret(/|$)']
  [[repository]]
  path = '^releases/'
  prefix = "distribution"
)";

// product 1, category 1 "Distribution" at pub/distribution (directory 1), architecture x86_64.
constexpr std::string_view kContent = R"(
  INSERT INTO product (name, publiclist) VALUES ('Distribution', true);
  INSERT INTO arch (name, publiclist, primary_arch) VALUES ('x86_64', true, true);
  INSERT INTO directory (name, files, readable, ctime) VALUES ('pub/distribution', NULL, true, NULL);
  INSERT INTO category (name, publiclist, admin_only, product_id, topdir_id)
    VALUES ('Distribution', true, false, 1, 1);
)";

class ScannerTest : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    if (test_database_ == nullptr) return;
    database_ = open(OpenMode::kCreate);
    expect_ok(create_schema(*database_));
    run_script(kContent);
    std::string folder = (std::filesystem::temp_directory_path() / "mirror_tree.XXXXXX").string();
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    ::chmod(folder.c_str(), 0755);
    folder_ = folder;
    tree_ = folder_ / "tree";
    std::filesystem::create_directory(tree_);
    set_rules(kRules);
  }
  void TearDown() override {
    if (folder_.empty()) return;
    database_.reset();
    for (const auto& entry : std::filesystem::recursive_directory_iterator(
             folder_, std::filesystem::directory_options::skip_permission_denied)) {
      if (entry.is_directory() && !entry.is_symlink()) ::chmod(entry.path().c_str(), 0755);
    }
    std::filesystem::remove_all(folder_);
  }

  std::unique_ptr<Database> open(OpenMode mode) {
    auto opened = test_database_->open(mode);
    EXPECT_TRUE(opened) << opened.error().message;
    return std::move(*opened);
  }
  template <typename T>
  static void expect_ok(const Result<T>& result) {
    EXPECT_TRUE(result) << result.error().message;
  }
  void run_script(std::string_view sql) {
    const auto connection = open(OpenMode::kWrite);
    auto transaction = connection->begin(TransactionMode::kWrite);
    ASSERT_TRUE(transaction) << transaction.error().message;
    expect_ok((*transaction)->execute_script(sql));
    expect_ok((*transaction)->commit());
  }
  // The rows of a query, columns separated by |.
  std::vector<std::string> rows(const std::string& sql, int columns) {
    std::vector<std::string> result;
    auto transaction = database_->begin(TransactionMode::kRead);
    EXPECT_TRUE(transaction) << transaction.error().message;
    expect_ok((*transaction)->query(sql, {}, [&](const Row& row) -> Result<void> {
      std::string line;
      for (int i = 0; i < columns; ++i) {
        line += (i == 0 ? "" : "|") + (row.is_null(i) ? "NULL" : std::string(row.text(i)));
      }
      result.push_back(std::move(line));
      return {};
    }));
    return result;
  }
  std::string value(const std::string& sql) {
    const auto found = rows(sql, 1);
    return found.size() == 1 ? found[0] : fmt::format("{} rows", found.size());
  }
  std::string files_of(const std::string& name) {
    std::string files;
    auto transaction = database_->begin(TransactionMode::kRead);
    expect_ok((*transaction)
                  ->query("SELECT files FROM directory WHERE name = ?1",
                          {Value(std::string_view(name))}, [&](const Row& row) -> Result<void> {
                            files = row.bytes(0);
                            return {};
                          }));
    return files;
  }
  // Everything that a scan may write.
  std::map<std::string, std::vector<std::string>> dump() {
    return {
        {"directory",
         rows("SELECT id, name, readable, ctime, length(files) FROM directory ORDER BY id", 5)},
        {"link", rows("SELECT category_id, directory_id FROM category_directory ORDER BY 1, 2", 2)},
        {"version", rows("SELECT id, name, is_test, display FROM version ORDER BY id", 4)},
        {"repository", rows("SELECT id, name, prefix, version_id, arch_id, directory_id FROM "
                            "repository ORDER BY id",
                            6)},
        {"detail", rows("SELECT id, directory_id, filename, timestamp, size, sha256 FROM "
                        "file_detail ORDER BY id",
                        6)},
    };
  }

  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((tree_ / path).parent_path());
    std::ofstream(tree_ / path, std::ios::binary) << text;
  }
  // As the tools do it.
  void replace(const std::string& path, const std::string& text) {
    write(path + ".new", text);
    std::filesystem::rename(tree_ / (path + ".new"), tree_ / path);
  }
  // A release of two repositories, images with checksums, and a directory of packages.
  void make_tree() {
    write("releases/42/x86_64/os/repodata/repomd.xml", repomd(1000));
    write("releases/43/x86_64/os/repodata/repomd.xml", repomd(2000));
    for (int i = 0; i < 12; ++i)
      write(fmt::format("releases/42/x86_64/os/Packages/p{:02}.rpm", i), "package");
    write("images/a.iso", "image");
    write("images/SHA256SUM", compute_sums("image")->sha256 + "  a.iso\n");
    for (int i = 0; i < 30; ++i)
      std::filesystem::create_directories(tree_ / fmt::format("filler/{}", i));
  }
  void next_second() {
    const int64_t begin = clock_.unix_seconds();
    while (clock_.unix_seconds() == begin)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    // The kernel stamps files with a clock that lags by up to a tick.
    std::this_thread::sleep_for(std::chrono::milliseconds(15));
  }

  void set_rules(std::string_view text) {
    std::string filled(text);
    for (size_t at; (at = filled.find("@TREE@")) != std::string::npos;)
      filled.replace(at, 6, tree_.string());
    auto rules = ScanRules::parse(filled, "rules.toml");
    ASSERT_TRUE(rules) << rules.error().message;
    rules_ = *rules;
  }
  Result<ScanOutcome> scan(ScanOptions options = {}) { return scan(database_.get(), options); }
  Result<ScanOutcome> scan(Database* database, ScanOptions options, size_t category = 0) {
    options.quiet = true;
    return scan_category(database, rules_, rules_.categories[category], options, clock_);
  }
  ScanOutcome scan_at(const Clock& clock) {
    ScanOptions options;
    options.quiet = true;
    auto outcome = scan_category(database_.get(), rules_, rules_.categories[0], options, clock);
    EXPECT_TRUE(outcome) << outcome.error().message;
    return outcome ? std::move(*outcome) : ScanOutcome{};
  }
  ScanOutcome scan_well(ScanOptions options = {}) {
    auto outcome = scan(options);
    EXPECT_TRUE(outcome) << outcome.error().message;
    return outcome ? std::move(*outcome) : ScanOutcome{};
  }

  std::unique_ptr<Database> database_;
  std::filesystem::path folder_, tree_;
  ScanRules rules_;
  ShiftedClock clock_{3600};
};

TEST_P(ScannerTest, RecordsATree) {
  make_tree();
  const auto outcome = scan_well();
  EXPECT_THAT(outcome.diagnostics.warnings(), IsEmpty());
  EXPECT_EQ(outcome.directories, 43U);
  EXPECT_EQ(outcome.repositories, 2U);
  EXPECT_EQ(value("SELECT count(*) FROM directory WHERE readable"), "43");
  EXPECT_EQ(value("SELECT count(*) FROM category_directory WHERE category_id = 1"), "43");
  EXPECT_EQ(value("SELECT count(*) FROM directory WHERE ctime > 1000000000"), "43");
  EXPECT_THAT(rows("SELECT name FROM directory WHERE name LIKE '%42%' ORDER BY name", 1),
              ElementsAre("pub/distribution/releases/42", "pub/distribution/releases/42/x86_64",
                          "pub/distribution/releases/42/x86_64/os",
                          "pub/distribution/releases/42/x86_64/os/Packages",
                          "pub/distribution/releases/42/x86_64/os/repodata"));
  EXPECT_EQ(files_of("pub/distribution"), "[]");
  EXPECT_THAT(files_of("pub/distribution/releases/42/x86_64/os/Packages"),
              AllOf(HasSubstr("p09.rpm"), HasSubstr("p10.rpm"), HasSubstr("p11.rpm"),
                    Not(HasSubstr("p08.rpm"))));
  EXPECT_THAT(rows("SELECT r.name, r.prefix, v.name, a.name, d.name, r.disabled, r.category_id "
                   "FROM repository r "
                   "JOIN version v ON v.id = r.version_id JOIN arch a ON a.id = r.arch_id "
                   "JOIN directory d ON d.id = r.directory_id ORDER BY r.name",
                   5),
              ElementsAre("pub/distribution/releases/42/x86_64/os|distribution-42|42|x86_64|"
                          "pub/distribution/releases/42/x86_64/os",
                          "pub/distribution/releases/43/x86_64/os|distribution-43|43|x86_64|"
                          "pub/distribution/releases/43/x86_64/os"));
  const FileSums sums = *compute_sums(repomd(1000));
  EXPECT_THAT(rows("SELECT f.filename, f.timestamp, f.size, f.md5, f.sha1, f.sha256, f.sha512 FROM "
                   "file_detail f "
                   "JOIN directory d ON d.id = f.directory_id WHERE d.name LIKE '%42%'",
                   7),
              ElementsAre(fmt::format("repomd.xml|1000|{}|{}|{}|{}|{}", repomd(1000).size(),
                                      sums.md5, sums.sha1, sums.sha256, sums.sha512)));
  EXPECT_THAT(rows("SELECT filename, size, md5, sha1, sha256, sha512 FROM file_detail WHERE "
                   "filename = 'a.iso'",
                   6),
              ElementsAre("a.iso|5|NULL|NULL|" + compute_sums("image")->sha256 + "|NULL"));
}

TEST_P(ScannerTest, ASecondScanWritesNothing) {
  make_tree();
  scan_well();
  const auto before = dump();
  const auto outcome = scan_well();
  EXPECT_TRUE(outcome.plan.is_empty());
  EXPECT_EQ(outcome.listed_directories, 0U);
  EXPECT_EQ(outcome.read_directories, 0U);
  EXPECT_EQ(outcome.directories, 43U);
  EXPECT_EQ(outcome.repositories, 2U);
  EXPECT_EQ(dump(), before);
}

TEST_P(ScannerTest, OnlyWhatChangedIsListedAgain) {
  make_tree();
  scan_well();
  next_second();
  replace("releases/42/x86_64/os/repodata/repomd.xml", repomd(1500));
  std::filesystem::create_directories(tree_ / "filler/0/new");
  std::filesystem::remove(tree_ / "images/SHA256SUM");
  const auto outcome = scan_well();
  EXPECT_EQ(outcome.listed_directories, 4U);  // repodata, images, filler/0, filler/0/new
  EXPECT_EQ(outcome.plan.new_directories.size(), 1U);
  EXPECT_THAT(
      rows("SELECT f.timestamp FROM file_detail f JOIN directory d ON d.id = f.directory_id "
           "WHERE d.name LIKE '%42%' ORDER BY f.id",
           1),
      ElementsAre("1000", "1500"));
  EXPECT_TRUE(scan_well().plan.is_empty());
}

TEST_P(ScannerTest, ARepomdThatIsRewrittenInPlaceIsSeen) {
  make_tree();
  scan_well();
  next_second();
  write("releases/42/x86_64/os/repodata/repomd.xml", repomd(1777));
  EXPECT_EQ(scan_well().read_directories, 1U);
  EXPECT_EQ(value("SELECT timestamp FROM file_detail WHERE timestamp = 1777"), "1777");
  EXPECT_TRUE(scan_well().plan.is_empty());
}

TEST_P(ScannerTest, ABrokenRepomdIsTriedAgainUntilItIsMended) {
  make_tree();
  const std::string path = "releases/42/x86_64/os/repodata/repomd.xml";
  write(path, repomd(1000).substr(0, 100));
  const auto first = scan_well();
  ASSERT_EQ(first.diagnostics.warning_count(), 1U);
  EXPECT_THAT(first.diagnostics.warnings()[0], HasSubstr(path));
  EXPECT_EQ(value("SELECT ctime FROM directory WHERE name LIKE '%42%repodata'"), "0");
  EXPECT_EQ(value("SELECT count(*) FROM file_detail WHERE filename = 'repomd.xml'"), "1");
  const auto second = scan_well();
  EXPECT_EQ(second.diagnostics.warning_count(), 1U);
  EXPECT_TRUE(second.plan.is_empty());
  write(path, repomd(1000));  // the directory does not change
  const auto third = scan_well();
  EXPECT_EQ(third.diagnostics.warning_count(), 0U);
  EXPECT_EQ(value("SELECT count(*) FROM file_detail WHERE timestamp = 1000"), "1");
  EXPECT_NE(value("SELECT ctime FROM directory WHERE name LIKE '%42%repodata'"), "0");
  EXPECT_TRUE(scan_well().plan.is_empty());
}

TEST_P(ScannerTest, LostChecksumsAreReadAgain) {
  make_tree();
  scan_well();
  run_script("DELETE FROM file_detail WHERE timestamp = 1000");
  EXPECT_EQ(scan_well().read_directories, 1U);
  EXPECT_EQ(value("SELECT count(*) FROM file_detail WHERE timestamp = 1000"), "1");
}

TEST_P(ScannerTest, AForgottenDirectoryIsFoundAgain) {
  make_tree();
  scan_well();
  run_script(
      "DELETE FROM category_directory WHERE directory_id = (SELECT id FROM directory WHERE name "
      "LIKE '%filler/7');"
      "DELETE FROM directory WHERE name LIKE '%filler/7'");
  const auto outcome = scan_well();  // by the link count of filler, whose ctime is as stored
  EXPECT_EQ(outcome.plan.new_directories.size(), 1U);
  EXPECT_EQ(value("SELECT count(*) FROM directory"), "43");
}

TEST_P(ScannerTest, RowsOfOlderProgramsAreMended) {
  make_tree();
  scan_well();
  const auto before = dump();
  run_script(GetParam() == Engine::kSqlite
                 ? "UPDATE directory SET files = X'80027D7100' WHERE name LIKE '%images'"
                 : "UPDATE directory SET files = '\\x80027d7100' WHERE name LIKE '%images'");
  run_script("UPDATE directory SET ctime = NULL, files = NULL WHERE name LIKE '%filler/3'");
  run_script("UPDATE file_detail SET md5 = '', sha1 = '' WHERE filename = 'a.iso'");
  EXPECT_EQ(scan_well().plan.changed_directories.size(), 2U);
  EXPECT_EQ(dump(), before);
}

TEST_P(ScannerTest, AnEmptyOrMissingTreeChangesNothing) {
  make_tree();
  scan_well();
  const auto before = dump();
  std::filesystem::rename(tree_, folder_ / "aside");
  const auto missing = scan();
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, AllOf(HasSubstr(tree_.string()), HasSubstr("mounted")));
  std::filesystem::create_directory(tree_);
  const auto empty = scan();
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().kind, ErrorKind::kRefused);
  EXPECT_EQ(exit_code(empty.error()), kExitRefused);
  EXPECT_EQ(dump(), before);
}

TEST_P(ScannerTest, AHalfGoneTreeChangesNothingUnlessForced) {
  make_tree();
  scan_well();
  const auto before = dump();
  std::filesystem::remove_all(tree_ / "releases");
  const auto refused = scan();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kRefused);
  EXPECT_THAT(refused.error().message, HasSubstr("10 of its 43 directories"));
  EXPECT_EQ(dump(), before);
  ScanOptions force;
  force.force = true;
  scan_well(force);
  EXPECT_EQ(value("SELECT count(*) FROM directory"), "33");
  EXPECT_EQ(value("SELECT count(*) FROM repository"), "0");
}

TEST_P(ScannerTest, AGoneDirectoryTakesWithItWhatRefersToIt) {
  make_tree();
  scan_well();
  run_script(R"(
    INSERT INTO site (name, private, admin_active, user_active, created_at, created_by, all_sites_can_pull_from_me,
                      email_on_drop, email_on_add)
      VALUES ('s', false, true, true, '2026-01-01 00:00:00', 'x', false, false, false);
    INSERT INTO host (name, site_id, admin_active, user_active, country, private, internet2, internet2_clients,
                      asn_clients, max_connections, crawl_failures)
      VALUES ('h', 1, true, true, 'US', false, false, false, true, 1, 0);
    INSERT INTO host_category (host_id, category_id, always_up2date) VALUES (1, 1, false);
    INSERT INTO host_category_dir (host_category_id, path, up2date, directory_id)
      SELECT 1, name, true, id FROM directory;
    INSERT INTO directory_exclusive_host (directory_id, host_id) SELECT id, 1 FROM directory;
    INSERT INTO file_group (name) VALUES ('g');
    INSERT INTO file_detail_file_group (file_detail_id, file_group_id) SELECT id, 1 FROM file_detail;
    INSERT INTO propagation_stat (repository_id, datetime, same_day, one_day, two_day, older, no_info)
      SELECT id, '2026-01-01 00:00:00', 1, 1, 1, 1, 1 FROM repository;
  )");
  next_second();
  std::filesystem::remove_all(tree_ / "releases/43/x86_64");
  const auto outcome = scan_well();
  EXPECT_EQ(outcome.plan.deleted_directories.size(), 3U);
  EXPECT_EQ(value("SELECT count(*) FROM directory"), "40");
  EXPECT_EQ(value("SELECT count(*) FROM category_directory"), "40");
  EXPECT_EQ(value("SELECT count(*) FROM host_category_dir"), "40");
  EXPECT_EQ(value("SELECT count(*) FROM directory_exclusive_host"), "40");
  EXPECT_EQ(value("SELECT count(*) FROM repository"), "1");
  EXPECT_EQ(value("SELECT count(*) FROM propagation_stat"), "1");
  EXPECT_EQ(value("SELECT count(*) FROM file_detail"), "2");
  EXPECT_EQ(value("SELECT count(*) FROM file_detail_file_group"), "2");
}

TEST_P(ScannerTest, DirectoriesOfOtherCategoriesStay) {
  make_tree();
  scan_well();
  // Another category begins at filler/0, shares filler/1 and has a directory of its own elsewhere.
  run_script(R"(
    INSERT INTO category (name, publiclist, product_id, topdir_id)
      SELECT 'Other', true, 1, id FROM directory WHERE name = 'pub/distribution/filler/0';
    INSERT INTO category_directory (category_id, directory_id)
      SELECT 2, id FROM directory WHERE name = 'pub/distribution/filler/1';
    INSERT INTO directory (name, files, readable, ctime) VALUES ('pub/other', NULL, true, 5);
    INSERT INTO category_directory (category_id, directory_id) SELECT 2, id FROM directory WHERE name = 'pub/other';
  )");
  std::filesystem::remove(tree_ / "filler/0");
  std::filesystem::remove(tree_ / "filler/1");
  std::filesystem::remove(tree_ / "filler/2");
  const auto outcome = scan_well();
  EXPECT_EQ(outcome.plan.deleted_directories.size(), 1U);
  EXPECT_EQ(outcome.plan.unlinked_directories.size(), 2U);
  EXPECT_THAT(
      rows("SELECT name FROM directory WHERE name LIKE '%filler/0' OR name LIKE '%filler/1' "
           "OR name LIKE '%filler/2' OR name = 'pub/other' ORDER BY name",
           1),
      ElementsAre("pub/distribution/filler/0", "pub/distribution/filler/1", "pub/other"));
  EXPECT_EQ(value("SELECT count(*) FROM category_directory WHERE category_id = 2"), "2");
  EXPECT_TRUE(scan_well().plan.is_empty());
}

TEST_P(ScannerTest, ACategoryInsideAnotherSharesItsDirectories) {
  make_tree();
  run_script(R"(
    INSERT INTO directory (name, files, readable, ctime) VALUES ('pub', NULL, true, NULL);
    INSERT INTO category (name, publiclist, product_id, topdir_id) VALUES ('All', true, 1, 2);
  )");
  std::filesystem::create_directory(folder_ / "pub");
  std::filesystem::rename(tree_, folder_ / "pub/distribution");
  tree_ = folder_ / "pub/distribution";
  set_rules(std::string(kRules) +
            fmt::format("[[category]]\nname = \"All\"\nsource = \"directory\"\npath = \"{}\"\n",
                        (folder_ / "pub").string()));
  scan_well();
  const auto all = scan(database_.get(), {}, 1);
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ(value("SELECT count(*) FROM directory"), "44");
  EXPECT_EQ(value("SELECT count(*) FROM category_directory WHERE category_id = 1"), "43");
  EXPECT_EQ(value("SELECT count(*) FROM category_directory WHERE category_id = 2"), "44");
  EXPECT_EQ(value("SELECT count(*) FROM repository"), "2");
  EXPECT_TRUE(scan(database_.get(), {}, 0)->plan.is_empty());
  EXPECT_TRUE(scan(database_.get(), {}, 1)->plan.is_empty());
}

TEST_P(ScannerTest, ATopDirectoryWithoutNameHoldsTheWholeTree) {
  run_script("UPDATE directory SET name = '' WHERE id = 1");
  make_tree();
  scan_well();
  EXPECT_EQ(value("SELECT count(*) FROM directory WHERE name LIKE '/%' OR name LIKE '%/'"), "0");
  EXPECT_EQ(value("SELECT name FROM repository WHERE prefix = 'distribution-42'"),
            "releases/42/x86_64/os");
  EXPECT_TRUE(scan_well().plan.is_empty());
}

TEST_P(ScannerTest, UnreadableDirectoriesFailTheScan) {
  make_tree();
  scan_well();
  const auto before = dump();
  next_second();
  write("filler/5/new", "");
  ::chmod((tree_ / "filler/5").c_str(), 0700);
  // root may read everything, so that the test becomes nobody for a moment.
  const bool is_root = ::geteuid() == 0;
  ASSERT_EQ(is_root ? ::seteuid(65534) : 0, 0);
  if (!is_root) ::chmod((tree_ / "filler/5").c_str(), 0);
  const auto outcome = scan();
  ASSERT_EQ(is_root ? ::seteuid(0) : 0, 0);
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().message,
              AllOf(HasSubstr("filler/5"), HasSubstr("Permission denied")));
  EXPECT_EQ(dump(), before);
}

TEST_P(ScannerTest, ReadableMeansForEverybodyThroughEveryParent) {
  make_tree();
  ::chmod((tree_ / "releases/43").c_str(), 0750);
  ::chmod((tree_ / "images").c_str(), 0711);
  scan_well();
  EXPECT_EQ(value("SELECT count(*) FROM directory WHERE NOT readable"), "5");
  EXPECT_EQ(value("SELECT count(*) FROM directory WHERE NOT readable AND name LIKE '%/43%'"), "4");
  ::chmod((tree_ / "releases/43").c_str(), 0755);  // published: nothing below changes
  scan_well();
  EXPECT_EQ(value("SELECT count(*) FROM directory WHERE NOT readable"), "1");
}

TEST_P(ScannerTest, LinksBadNamesAndExcludesAreLeftOut) {
  make_tree();
  std::filesystem::create_directory_symlink("releases", tree_ / "latest");
  std::filesystem::create_directory_symlink("..", tree_ / "images/loop");
  std::filesystem::create_symlink("a.iso", tree_ / "images/link.iso");
  std::filesystem::create_directory(tree_ / "bad\xff");
  std::filesystem::create_directory(tree_ / "new\nline");
  std::filesystem::create_directories(tree_ / "secret/inside");
  write(".snapshot/x", "");
  write("images/bad\x01.iso", "");
  ASSERT_EQ(::mkfifo((tree_ / "images/SHA512SUM").c_str(), 0644), 0);
  std::string deep = "deep";
  for (int i = 0; i < 80; ++i) deep += "/d";
  write(deep + "/file", "");
  const auto outcome = scan_well();
  EXPECT_EQ(outcome.diagnostics.warning_count(), 4U);
  EXPECT_THAT(outcome.diagnostics.warnings(), Contains(HasSubstr("new\\x0a")));
  EXPECT_EQ(outcome.directories, 43U + 64U);
  EXPECT_EQ(
      value("SELECT count(*) FROM directory WHERE name LIKE '%secret%' OR name LIKE '%latest%' "
            "OR name LIKE '%loop%' OR name LIKE '%snapshot%'"),
      "0");
  EXPECT_THAT(files_of("pub/distribution/images"),
              AllOf(HasSubstr("a.iso"), Not(HasSubstr("link.iso")), Not(HasSubstr("bad"))));
  EXPECT_TRUE(scan_well().plan.is_empty());
}

TEST_P(ScannerTest, AnExcludeThatComesLaterDeletesNothing) {
  make_tree();
  scan_well();
  const auto before = dump();
  rules_.categories[0].excludes.push_back(*Pattern::compile("/filler(/|$)"));
  EXPECT_TRUE(scan_well().plan.is_empty());
  EXPECT_EQ(dump(), before);
}

TEST_P(ScannerTest, ARuleThatComesLaterNeedsNoChangeOfTheTree) {
  make_tree();
  rules_.repositories.clear();
  EXPECT_EQ(scan_well().diagnostics.note_count(), 2U);
  EXPECT_EQ(value("SELECT count(*) FROM repository"), "0");
  set_rules(kRules);
  const auto outcome = scan_well();
  EXPECT_EQ(outcome.listed_directories, 0U);
  EXPECT_EQ(value("SELECT count(*) FROM repository"), "2");
}

TEST_P(ScannerTest, ADryRunSaysTheSameAndChangesNothing) {
  make_tree();
  const auto before = dump();
  ScanOptions dry;
  dry.dry_run = true;
  const auto told = scan_well(dry);
  EXPECT_EQ(dump(), before);
  const auto done = scan_well();
  EXPECT_EQ(told.plan.new_directories.size(), done.plan.new_directories.size());
  EXPECT_EQ(told.plan.new_repositories.size(), done.plan.new_repositories.size());
  EXPECT_EQ(told.plan.new_details.size(), done.plan.new_details.size());
  EXPECT_NE(dump(), before);
}

TEST_P(ScannerTest, RowsThatChangeDuringTheScanStartItOver) {
  make_tree();
  int writes = 0;
  InterruptedDatabase once(database_.get(), [&] {
    if (++writes == 1) {
      run_script(
          "INSERT INTO version (name, is_test, display, ordered_mirrorlist, sortorder, product_id) "
          "VALUES ('42', false, true, true, 0, 1)");
    }
  });
  const auto outcome = scan(&once, {});
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(writes, 2);
  EXPECT_EQ(value("SELECT count(*) FROM version"), "2");  // 42 was not made a second time

  next_second();
  std::filesystem::create_directory(tree_ / "filler/new");
  const auto before = dump();
  InterruptedDatabase always(
      database_.get(), [&] { run_script("UPDATE directory SET ctime = ctime - 1 WHERE id = 1"); });
  const auto conflict = scan(&always, {});
  ASSERT_FALSE(conflict);
  EXPECT_EQ(conflict.error().kind, ErrorKind::kConflict);
  EXPECT_EQ(dump().at("repository"), before.at("repository"));
  EXPECT_EQ(dump().at("link"), before.at("link"));
}

TEST_P(ScannerTest, ARepomdThatIsReplacedDuringTheScanIsNeverMixed) {
  make_tree();
  const std::string path = "releases/42/x86_64/os/repodata/repomd.xml";
  std::map<int64_t, std::string> versions;  // timestamp -> content
  for (int64_t i = 0; i < 50; ++i)
    versions[10'000 + i] = repomd(10'000 + i, std::string(static_cast<size_t>(i) * 997, 'x'));
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    while (!stop) {
      for (const auto& [timestamp, content] : versions) replace(path, content);
    }
  });
  for (int i = 0; i < 10; ++i) {
    const auto outcome = scan();
    EXPECT_TRUE(outcome) << outcome.error().message;
    run_script("UPDATE directory SET ctime = 0 WHERE name LIKE '%42%repodata'");
  }
  stop = true;
  writer.join();
  scan_well();
  const auto details = rows(
      "SELECT timestamp, size, sha256 FROM file_detail WHERE filename = 'repomd.xml' AND timestamp "
      ">= 10000",
      3);
  EXPECT_FALSE(details.empty());
  for (const std::string& detail : details) {
    const auto version = versions.find(std::stoll(detail));
    ASSERT_NE(version, versions.end()) << detail;
    EXPECT_EQ(detail, fmt::format("{}|{}|{}", version->first, version->second.size(),
                                  compute_sums(version->second)->sha256));
  }
}

TEST_P(ScannerTest, NoChangeIsMissedHoweverSoonItComes) {
  make_tree();
  const SystemClock now;
  scan_at(now);
  for (int i = 0; i < 2; ++i) {
    replace("releases/42/x86_64/os/repodata/repomd.xml", repomd(3000 + i));
    write(fmt::format("images/{}", i), "");
    scan_at(now);
    EXPECT_EQ(value(fmt::format("SELECT count(*) FROM file_detail WHERE timestamp = {}", 3000 + i)),
              "1");
    EXPECT_THAT(files_of("pub/distribution/images"), HasSubstr(fmt::format("\"name\":\"{}\"", i)));
  }
  EXPECT_EQ(value("SELECT count(*) FROM directory WHERE ctime = 0"), "0");
}

TEST_P(ScannerTest, TimesOfTheFutureAreLookedAtAgain) {
  make_tree();
  const ShiftedClock behind(-3600);
  scan_at(behind);
  EXPECT_EQ(value("SELECT count(*) FROM directory WHERE ctime = 0"), "43");
  const auto outcome = scan_at(behind);
  EXPECT_EQ(outcome.listed_directories, 43U);
  EXPECT_TRUE(outcome.plan.is_empty());
}

TEST_P(ScannerTest, OldGenerationsOfChecksumsAgeOut) {
  make_tree();
  scan_well();
  // Of the time of the clock that the scans use.
  const int64_t now = clock_.unix_seconds();
  run_script("DELETE FROM file_detail WHERE filename = 'a.iso'");
  for (const int64_t days : {20, 10, 5, 1}) {
    run_script(
        fmt::format("INSERT INTO file_detail (directory_id, filename, timestamp, size) "
                    "SELECT id, 'old.iso', {}, 5 FROM directory WHERE name LIKE '%images'",
                    now - days * 86400));
  }
  EXPECT_EQ(scan_well().plan.aged_details.size(), 2U);  // superseded 10 and 5 days ago
  EXPECT_EQ(value("SELECT count(*) FROM file_detail WHERE filename = 'old.iso'"), "2");
  EXPECT_TRUE(scan_well().plan.is_empty());
}

TEST_P(ScannerTest, TheChecksumsOfAMasterThatWentBackStay) {
  const std::string path = "releases/42/x86_64/os/repodata/repomd.xml";
  const int64_t now = clock_.unix_seconds();
  const auto days_ago = [&](int64_t days) { return repomd(now - days * 86400); };
  for (const int64_t days : {40, 30, 20}) {
    write(path, days_ago(days));
    scan_well();
    next_second();
  }
  replace(path, days_ago(40));
  const auto outcome = scan_well();
  EXPECT_EQ(outcome.plan.replaced_details.size(), 1U);
  EXPECT_EQ(outcome.plan.aged_details.size(), 0U);
  EXPECT_TRUE(scan_well().plan.is_empty());
  const std::string current =
      fmt::format("{}|{}", now - 40 * 86400, compute_sums(days_ago(40))->sha256);
  EXPECT_THAT(rows("SELECT timestamp, sha256 FROM file_detail ORDER BY id", 2),
              ElementsAre(HasSubstr(fmt::format("{}|", now - 30 * 86400)),
                          HasSubstr(fmt::format("{}|", now - 20 * 86400)), current));
  EXPECT_TRUE(scan_at(ShiftedClock(3600 + 90 * 86400)).plan.is_empty());  // however long it stays
  run_script(fmt::format("DELETE FROM file_detail WHERE timestamp = {}", now - 40 * 86400));
  run_script("UPDATE file_detail SET size = size + 1");
  EXPECT_EQ(scan_well().plan.new_details.size(), 1U);  // the last row is not what is there
  EXPECT_EQ(rows("SELECT timestamp, sha256 FROM file_detail ORDER BY id", 2).back(), current);
}

TEST_P(ScannerTest, ACategoryMustBeWhole) {
  make_tree();
  run_script("UPDATE category SET product_id = NULL");
  auto outcome = scan();
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().message, HasSubstr("no product"));
  run_script("UPDATE category SET product_id = 1, topdir_id = NULL");
  outcome = scan();
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().message, HasSubstr("no top directory"));
  run_script("UPDATE category SET name = 'Else'");
  outcome = scan();
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().message, HasSubstr("no such category"));
}

INSTANTIATE_TEST_SUITE_P(Engines, ScannerTest,
                         ::testing::Values(Engine::kSqlite, Engine::kPostgresql),
                         [](const auto& engine) {
                           return engine.param == Engine::kSqlite ? "Sqlite" : "Postgresql";
                         });

}  // namespace
}  // namespace mirror
