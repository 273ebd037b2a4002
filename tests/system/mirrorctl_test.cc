// mirrorctl database and mirrors on both engines, run in this process as main() runs them.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdio_ext.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/core/files.h"
#include "ops/mirrorctl/command_group.h"
#include "ops/mirrorctl/mirrors_database.h"
#include "sql/mirrors.h"
#include "tests/system/command_outcome.h"
#include "tests/system/test_database.h"

namespace mirror {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// `stdout_descriptor` takes what is printed instead of the outcome's `out`.
Outcome mirrorctl(const std::vector<std::string>& arguments,
                  std::optional<int> stdout_descriptor = std::nullopt) {
  CommandLine line("mirrorctl", "test");
  std::vector<std::unique_ptr<CommandGroup>> groups;
  groups.push_back(make_database_commands(line));
  groups.push_back(make_mirrors_commands(line));
  std::vector<const char*> argv{"mirrorctl"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  Outcome outcome;
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  const int captured = ::dup(STDOUT_FILENO);
  if (stdout_descriptor) ::dup2(*stdout_descriptor, STDOUT_FILENO);
  if (const auto code = line.parse(static_cast<int>(argv.size()), argv.data()))
    outcome.code = *code;
  const Log log("mirrorctl", LogLevel::kInfo);
  for (const auto& group : groups) {
    if (outcome.code < 0 && group->chosen()) outcome.code = group->run(log);
  }
  if (stdout_descriptor) __fpurge(stdout);
  ::dup2(captured, STDOUT_FILENO);
  ::close(captured);
  outcome.out = ::testing::internal::GetCapturedStdout();
  outcome.err = ::testing::internal::GetCapturedStderr();
  return outcome;
}

constexpr const char* kFile = R"toml(
products = ["Fedora"]
architectures = ["x86_64"]
[[category]]
name = "Linux"
product = "Fedora"
top_directory = "pub/fedora"
[[site]]
name = "One"
[[site.host]]
name = "a.example.org"
country = "de"
netblocks = ["192.0.2.0/24"]
countries_allowed = ["DE", "AT"]
peer_asns = [64500]
[[site.host.category]]
name = "Linux"
urls = ["https://a.example.org/fedora", "rsync://a.example.org/fedora"]
private_urls = ["rsync://a.example.org/all"]
[[site]]
name = "Two"
[[site.host]]
name = "b.example.org"
country = "FR"
)toml";

class MirrorctlTest : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    if (test_database_ == nullptr) return;
    folder_ = (std::filesystem::temp_directory_path() / "mirrorctl_test.XXXXXX").string();
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
    const Outcome init = run({"database", "init"});
    ASSERT_EQ(init.code, 0) << init.err;
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  Outcome run(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--database", test_database_->url()});
    return mirrorctl(arguments);
  }
  std::string file(std::string_view text, const std::string& name = "m.toml") {
    std::ofstream(folder_ + "/" + name) << text;
    return folder_ + "/" + name;
  }
  Outcome apply(std::string_view text, const std::vector<std::string>& options = {}) {
    std::vector<std::string> arguments{"mirrors", "apply", file(text)};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return run(arguments);
  }
  // The rows of a query, columns separated by blanks, NULL as "-".
  std::vector<std::string> rows(std::string_view sql, int columns) {
    std::vector<std::string> result;
    const auto database = test_database_->open(OpenMode::kRead);
    const auto transaction = (*database)->begin(TransactionMode::kRead);
    const auto done = (*transaction)->query(sql, {}, [&](const Row& row) -> Result<void> {
      std::string line;
      for (int i = 0; i < columns; ++i) {
        if (i > 0) line += ' ';
        line += row.is_null(i) ? "-" : row.text(i);
      }
      result.push_back(line);
      return {};
    });
    EXPECT_TRUE(done) << done.error().message;
    return result;
  }
  void write(const std::string& script) {
    const auto database = test_database_->open(OpenMode::kWrite);
    const auto transaction = (*database)->begin(TransactionMode::kWrite);
    const auto done = (*transaction)->execute_script(script);
    ASSERT_TRUE(done) << done.error().message;
    ASSERT_TRUE((*transaction)->commit());
  }

  std::string folder_;
};
INSTANTIATE_TEST_SUITE_P(Engines, MirrorctlTest,
                         ::testing::Values(Engine::kSqlite, Engine::kPostgresql), engine_test_name);

TEST_P(MirrorctlTest, ApplyMakesTheRowsAndASecondTimeNothing) {
  const Outcome first = apply(kFile);
  EXPECT_EQ(first.code, 0) << first.err;
  EXPECT_THAT(first.out, AllOf(HasSubstr("+ product \"Fedora\"\n"), HasSubstr("+ site \"One\"\n"),
                               HasSubstr("+ country \"AT\"\n"), HasSubstr("changes made in")));
  EXPECT_THAT(rows("SELECT count(*) FROM country", 1), testing::ElementsAre("3"));
  EXPECT_THAT(rows("SELECT c.name, p.name, d.name, d.ctime FROM category c JOIN product p ON p.id "
                   "= c.product_id"
                   " JOIN directory d ON d.id = c.topdir_id JOIN category_directory x ON "
                   "x.directory_id = d.id",
                   4),
              testing::ElementsAre("Linux Fedora pub/fedora 0"));
  EXPECT_THAT(
      rows("SELECT h.name, h.country, h.bandwidth_int, h.asn, h.max_connections, h.crawl_failures"
           " FROM host h ORDER BY h.id",
           6),
      testing::ElementsAre("a.example.org DE 100 - 1 0", "b.example.org FR 100 - 1 0"));
  EXPECT_THAT(rows("SELECT count(*) FROM host WHERE admin_active AND user_active AND asn_clients "
                   "AND NOT private"
                   " AND NOT internet2 AND NOT internet2_clients",
                   1),
              testing::ElementsAre("2"));
  EXPECT_THAT(rows("SELECT h.name, c.code FROM host_country x JOIN host h ON h.id = x.host_id"
                   " JOIN country c ON c.id = x.country_id ORDER BY c.code",
                   2),
              testing::ElementsAre("a.example.org AT", "a.example.org DE"));
  EXPECT_THAT(rows("SELECT url FROM host_category_url WHERE private", 1),
              testing::ElementsAre("rsync://a.example.org/all"));
  EXPECT_THAT(rows("SELECT count(*) FROM site WHERE created_by = 'mirrorctl'", 1),
              testing::ElementsAre("2"));

  const Outcome second = apply(kFile);
  EXPECT_EQ(second.code, 0) << second.err;
  EXPECT_THAT(second.out, StartsWith("nothing to do"));
}

TEST_P(MirrorctlTest, TheExampleAppliesAndItsExportIsTheSame) {
  const std::string example =
      std::string(std::getenv("MIRROR_SOURCE")) + "/ops/mirrors.example.toml";
  const Outcome applied = run({"mirrors", "apply", example});
  ASSERT_EQ(applied.code, 0) << applied.err;
  const Outcome exported = run({"mirrors", "export"});
  ASSERT_EQ(exported.code, 0) << exported.err;
  EXPECT_THAT(apply(exported.out, {"--prune"}).out, StartsWith("nothing to do"));
  // Into another database, and out again.
  const auto other = TestDatabase::create(GetParam());
  ASSERT_TRUE(other);
  ASSERT_EQ(mirrorctl({"database", "init", "--database", (*other)->url()}).code, 0);
  const std::string path = file(exported.out, "exported.toml");
  const Outcome moved = mirrorctl({"mirrors", "apply", path, "--database", (*other)->url()});
  ASSERT_EQ(moved.code, 0) << moved.err;
  const std::string again = folder_ + "/again.toml";
  EXPECT_EQ(mirrorctl({"mirrors", "export", again, "--database", (*other)->url()}).code, 0);
  EXPECT_EQ(*read_file(again, 1 << 20), exported.out);
}

TEST_P(MirrorctlTest, ADryRunPrintsTheSameAndChangesNothing) {
  const Outcome tried = apply(kFile, {"--dry-run"});
  EXPECT_EQ(tried.code, 0) << tried.err;
  EXPECT_THAT(tried.out, AllOf(HasSubstr("+ site \"One\""), HasSubstr("none made (--dry-run)")));
  EXPECT_THAT(rows("SELECT count(*) FROM site", 1), testing::ElementsAre("0"));
  EXPECT_THAT(rows("SELECT count(*) FROM country", 1), testing::ElementsAre("0"));
}

TEST_P(MirrorctlTest, ChangesAreMadeAndWhatIsNotSaidStays) {
  ASSERT_EQ(apply(kFile).code, 0);
  write("UPDATE host SET user_active = FALSE, comment = 'kept' WHERE name = 'a.example.org'");
  const Outcome changed = apply(R"toml(
[[site]]
name = "One"
private = true
[[site.host]]
name = "a.example.org"
bandwidth = 1000
asn = 64511
netblocks = ["198.51.100.0/24"]
countries_allowed = ["CH"]
[[site.host.category]]
name = "Linux"
always_up_to_date = true
urls = ["rsync://a.example.org/all", "https://a.example.org/fedora"]
)toml");
  ASSERT_EQ(changed.code, 0) << changed.err;
  for (const char* line :
       {"~ site \"One\": private false -> true\n", "bandwidth 100 -> 1000, asn none -> 64511\n",
        "- host \"One\" / \"a.example.org\": netblock \"192.0.2.0/24\"\n",
        "+ host \"One\" / \"a.example.org\": netblock \"198.51.100.0/24\"\n",
        "- host \"One\" / \"a.example.org\": country allowed \"AT\"\n", "+ country \"CH\"\n",
        "always_up_to_date false -> true\n",
        "~ host \"One\" / \"a.example.org\": category \"Linux\": url "
        "\"rsync://a.example.org/all\": private true -> false\n",
        "- host \"One\" / \"a.example.org\": category \"Linux\": url "
        "\"rsync://a.example.org/fedora\"\n"}) {
    EXPECT_THAT(changed.out, HasSubstr(line));
  }
  EXPECT_THAT(rows("SELECT user_active, comment, country, bandwidth_int, asn FROM host WHERE name "
                   "= 'a.example.org'"
                   " AND NOT user_active",
                   5)
                  .size(),
              1U);
  EXPECT_THAT(rows("SELECT comment, country, bandwidth_int, asn FROM host ORDER BY id", 4),
              testing::ElementsAre("kept DE 1000 64511", "- FR 100 -"));
  EXPECT_THAT(rows("SELECT url FROM host_category_url WHERE NOT private ORDER BY url", 1),
              testing::ElementsAre("https://a.example.org/fedora", "rsync://a.example.org/all"));
  EXPECT_THAT(rows("SELECT c.code FROM host_country x JOIN country c ON c.id = x.country_id", 1),
              testing::ElementsAre("CH"));
  EXPECT_THAT(rows("SELECT asn FROM host_peer_asn", 1), testing::ElementsAre("64500"));
}

TEST_P(MirrorctlTest, AnAsnOfZeroTakesItAway) {
  ASSERT_EQ(apply(kFile).code, 0);
  const std::string host = "[[site]]\nname = \"One\"\n[[site.host]]\nname = \"a.example.org\"\n";
  EXPECT_THAT(apply(host + "asn = 0").out, StartsWith("nothing to do"));
  EXPECT_THAT(apply(host + "asn = 64500").out, HasSubstr("asn none -> 64500"));
  EXPECT_THAT(apply(host + "asn = 0").out, HasSubstr("asn 64500 -> none"));
  EXPECT_THAT(rows("SELECT count(*) FROM host WHERE asn IS NULL", 1), testing::ElementsAre("2"));
}

TEST_P(MirrorctlTest, ACountryAllowedMayStandInEitherTable) {
  ASSERT_EQ(apply(kFile).code, 0);
  write("INSERT INTO host_country_allowed (country, host_id) SELECT 'us', min(id) FROM host");
  const std::string allowed =
      "[[site]]\nname = \"One\"\n[[site.host]]\nname = \"a.example.org\"\ncountries_allowed = ";
  EXPECT_THAT(apply(allowed + "[\"AT\", \"DE\", \"US\"]").out,
              HasSubstr("+ country \"US\""));  // only the code
  EXPECT_THAT(apply(allowed + "[\"AT\"]").out,
              AllOf(HasSubstr("- host \"One\" / \"a.example.org\": country allowed \"DE\""),
                    HasSubstr("- host \"One\" / \"a.example.org\": country allowed \"US\"")));
  EXPECT_THAT(rows("SELECT count(*) FROM host_country_allowed", 1), testing::ElementsAre("0"));
  EXPECT_THAT(apply(allowed + "[\"AT\"]").out, StartsWith("nothing to do"));
}

TEST_P(MirrorctlTest, PruneRemovesWhatTheFileDoesNotMentionWithAllThatHangsOnIt) {
  ASSERT_EQ(apply(kFile).code, 0);
  write(
      "INSERT INTO site_admin (username, site_id) SELECT 'x', id FROM site;"
      "INSERT INTO host_acl_ip (ip, host_id) SELECT '192.0.2.1', min(id) FROM host;"
      "INSERT INTO host_category_dir (host_category_id, path, up2date, directory_id)"
      " SELECT min(hc.id), 'x', TRUE, min(d.id) FROM host_category hc, directory d");
  const std::string without = "[[site]]\nname = \"Two\"\n[[site.host]]\nname = \"b.example.org\"\n";
  EXPECT_THAT(apply(without).out, StartsWith("nothing to do"));
  const Outcome pruned = apply(without, {"--prune"});
  ASSERT_EQ(pruned.code, 0) << pruned.err;
  EXPECT_THAT(pruned.out,
              AllOf(HasSubstr("- site \"One\"\n"),
                    HasSubstr("- host \"One\" / \"a.example.org\"\n"), Not(HasSubstr("Two"))));
  for (const char* table : {"host_category", "host_category_url", "host_category_dir",
                            "host_netblock", "host_peer_asn", "host_country", "host_acl_ip"}) {
    EXPECT_THAT(rows("SELECT count(*) FROM " + std::string(table), 1), testing::ElementsAre("0"))
        << table;
  }
  EXPECT_THAT(rows("SELECT name FROM host", 1), testing::ElementsAre("b.example.org"));
  EXPECT_THAT(rows("SELECT count(*) FROM site_admin", 1), testing::ElementsAre("1"));
  EXPECT_THAT(rows("SELECT name FROM category", 1), testing::ElementsAre("Linux"));
}

TEST_P(MirrorctlTest, PruneRemovesCategoriesOfAHost) {
  ASSERT_EQ(apply(kFile).code, 0);
  const Outcome pruned = apply(
      "[[site]]\nname = \"One\"\n[[site.host]]\nname = \"a.example.org\"\n[[site]]\nname = "
      "\"Two\"\n",
      {"--prune"});
  ASSERT_EQ(pruned.code, 0) << pruned.err;
  EXPECT_THAT(rows("SELECT count(*) FROM host_category", 1), testing::ElementsAre("0"));
  EXPECT_THAT(rows("SELECT name FROM host", 1), testing::ElementsAre("a.example.org"));
}

TEST_P(MirrorctlTest, AUrlMayMoveFromOneHostToAnother) {
  ASSERT_EQ(apply(kFile).code, 0);
  const std::string b =
      "[[site]]\nname = \"Two\"\n[[site.host]]\nname = \"b.example.org\"\n[[site.host.category]]\n"
      "name = \"Linux\"\nurls = [\"https://a.example.org/fedora\"]\n";
  const Outcome taken = apply(b);
  EXPECT_EQ(taken.code, 1);
  EXPECT_THAT(taken.err, AllOf(HasSubstr("m.toml:7: site.host.category.urls:"),
                               HasSubstr("belongs to \"One\"")));
  const std::string a =
      "[[site]]\nname = \"One\"\n[[site.host]]\nname = \"a.example.org\"\n[[site.host.category]]\n"
      "name = \"Linux\"\nurls = []\n";
  const Outcome moved = apply(b + a);
  EXPECT_EQ(moved.code, 0) << moved.err;
  EXPECT_THAT(rows("SELECT count(*) FROM host_category_url", 1), testing::ElementsAre("1"));
}

TEST_P(MirrorctlTest, ABadFileChangesNothing) {
  ASSERT_EQ(apply(kFile).code, 0);
  const std::string before = run({"mirrors", "export"}).out;
  const auto expect_refused = [&](std::string_view text, const std::string& message) {
    const Outcome bad = apply(text);
    EXPECT_EQ(bad.code, 1) << text;
    EXPECT_THAT(bad.err, HasSubstr(message));
    EXPECT_EQ(bad.out, "");
    EXPECT_EQ(run({"mirrors", "export"}).out, before);
  };
  expect_refused("products = [\"New\"]\nnonsense = 1", "m.toml:2: \"nonsense\": unknown key");
  expect_refused("[[category]]\nname = \"N\"\nproduct = \"None\"\ntop_directory = \"n\"",
                 "m.toml:1: category.product: there is no product \"None\"");
  expect_refused("[[category]]\nname = \"N\"\nproduct = \"Fedora\"",
                 "m.toml:1: category.top_directory: is missing");
  expect_refused("products = [\"New\"]\n[[site]]\nname = \"New\"\n[[site.host]]\nname = \"n\"",
                 "m.toml:4: site.host.country: is missing");
  expect_refused(
      "[[site]]\nname = \"One\"\n[[site.host]]\nname = "
      "\"a.example.org\"\n[[site.host.category]]\nname = \"X\"",
      "m.toml:5: site.host.category.name: there is no category \"X\"");
  EXPECT_EQ(run({"mirrors", "apply", folder_ + "/absent.toml"}).code, 1);
}

TEST_P(MirrorctlTest, AFailureInTheMiddleChangesNothing) {
  ASSERT_EQ(apply(kFile).code, 0);
  // A row that nothing deletes stands in the way of removing host b, after host a and its site have
  // gone.
  write("INSERT INTO host_stats (timestamp, host_id) SELECT CURRENT_TIMESTAMP, max(id) FROM host");
  const Outcome failed = apply("products = []", {"--prune"});
  EXPECT_EQ(failed.code, 1);
  EXPECT_THAT(failed.err, HasSubstr("- host \"Two\" / \"b.example.org\""));
  EXPECT_THAT(rows("SELECT count(*) FROM host", 1), testing::ElementsAre("2"));
  EXPECT_THAT(rows("SELECT count(*) FROM host_category_url", 1), testing::ElementsAre("3"));
}

TEST_P(MirrorctlTest, ExportSaysWhatItLeavesOut) {
  ASSERT_EQ(apply(kFile).code, 0);
  write(
      "INSERT INTO host_netblock (netblock, host_id) SELECT '10.0.0.0/33', min(id) FROM host;"
      "UPDATE host SET site_id = NULL WHERE name = 'b.example.org'");
  const Outcome exported = run({"mirrors", "export"});
  EXPECT_EQ(exported.code, 4);
  EXPECT_THAT(exported.err, AllOf(HasSubstr("10.0.0.0/33"), HasSubstr("b.example.org")));
}

TEST_P(MirrorctlTest, CheckAndUpgradeEndWithTheCodesThatTheyName) {
  EXPECT_EQ(run({"database", "check"}).code, 0);
  EXPECT_THAT(run({"database", "upgrade"}).out, StartsWith("nothing to do"));
  EXPECT_EQ(run({"database", "init"}).code, 3);
  write("DROP TABLE mw_netblock_name; DELETE FROM mw_migration WHERE number = 2");
  const Outcome missing = run({"database", "check"});
  EXPECT_EQ(missing.code, 4);
  EXPECT_THAT(missing.out,
              HasSubstr("missing: table mw_netblock_name; run mirrorctl database upgrade"));
  EXPECT_THAT(run({"database", "upgrade", "--dry-run"}).out, HasSubstr("+ table mw_netblock_name"));
  EXPECT_EQ(run({"database", "check"}).code, 4);
  EXPECT_EQ(run({"database", "upgrade"}).code, 0);
  EXPECT_EQ(run({"database", "check"}).code, 0);
  write("DROP TABLE repository_redirect");
  EXPECT_EQ(run({"database", "check"}).code, 1);
  EXPECT_EQ(run({"database", "upgrade"}).code, 1);
}

TEST_P(MirrorctlTest, AnEmptyDatabaseIsNamedWithARemedy) {
  const auto empty = TestDatabase::create(GetParam());
  ASSERT_TRUE(empty);
  if (GetParam() == Engine::kSqlite) {
    ASSERT_TRUE((*empty)->open(OpenMode::kCreate));
  }
  const std::string path = file("products = [\"A\"]");
  for (const std::vector<std::string>& command : {std::vector<std::string>{"database", "check"},
                                                  {"database", "upgrade"},
                                                  {"mirrors", "apply", path},
                                                  {"mirrors", "export"}}) {
    std::vector<std::string> arguments = command;
    arguments.insert(arguments.end(), {"--database", (*empty)->url()});
    const Outcome outcome = mirrorctl(arguments);
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("init"));
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  }
}

TEST_P(MirrorctlTest, AStdoutThatTakesNothingEndsWithOne) {
  const std::string path = file(kFile);
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  const auto run_to_full = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--database", test_database_->url()});
    return mirrorctl(arguments, full);
  };
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"mirrors", "apply", path, "--dry-run"},
        {"mirrors", "apply", path},
        {"mirrors", "apply", path},
        {"mirrors", "export"},
        {"database", "check"},
        {"database", "upgrade"}}) {
    const Outcome outcome = run_to_full(command);
    EXPECT_EQ(outcome.code, 1) << fmt::format("{}", fmt::join(command, " "));
    EXPECT_THAT(outcome.err, HasSubstr("standard output: No space left"));
  }
  ::close(full);
  EXPECT_THAT(rows("SELECT count(*) FROM site", 1), testing::ElementsAre("2"));
}

TEST_P(MirrorctlTest, OfTwoAppliesAtOnceTheSecondSeesWhatTheFirstDid) {
  if (GetParam() == Engine::kSqlite) GTEST_SKIP() << "SQLite has one writer at a time";
  const std::string path = file(kFile);
  const auto database = test_database_->open(OpenMode::kWrite);
  ASSERT_TRUE(database);
  auto first = (*database)->begin(TransactionMode::kWrite);
  ASSERT_TRUE(first);
  ASSERT_TRUE(lock_mirrors(**first, GetParam()));
  ASSERT_TRUE((*first)->execute(sql::mirrors_insert_site, {"One", false, true, true}));
  std::atomic<bool> ended = false;
  Outcome second;
  std::thread thread([&] {
    second = mirrorctl({"mirrors", "apply", path, "--database", test_database_->url()});
    ended = true;
  });
  // The second one waits for a lock, or has ended too early.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(8);
  while (!ended && std::chrono::steady_clock::now() < deadline &&
         rows("SELECT count(*) FROM pg_locks WHERE NOT granted", 1).front() == "0") {
    std::this_thread::yield();
  }
  const auto committed = (*first)->commit();
  thread.join();
  ASSERT_TRUE(committed) << committed.error().message;
  EXPECT_EQ(second.code, 0) << second.err;
  EXPECT_THAT(rows("SELECT name FROM site ORDER BY name", 1), testing::ElementsAre("One", "Two"));
}

TEST_P(MirrorctlTest, WrongUseEndsWithTwo) {
  EXPECT_EQ(mirrorctl({"mirrors", "apply"}).code, 2);
  EXPECT_EQ(mirrorctl({"database", "init", "--nonsense"}).code, 2);
  EXPECT_EQ(mirrorctl({"database"}).code, 2);
  for (const std::vector<std::string>& command : {std::vector<std::string>{"database", "init"},
                                                  {"database", "check"},
                                                  {"mirrors", "export"},
                                                  {"mirrors", "apply", file(kFile)}}) {
    const Outcome outcome = mirrorctl(command);
    EXPECT_EQ(outcome.code, 2);
    EXPECT_THAT(outcome.err, HasSubstr("--database URL is needed"));
  }
}

}  // namespace
}  // namespace mirror
