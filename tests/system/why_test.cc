// mirrorctl why on both engines: each condition in turn as the only reason, random worlds against
// whole compiles, and what the statements may touch.
#include "ops/mirrorctl/why.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <set>

#include "base/core/assert.h"
#include "base/core/text.h"
#include "ops/mirrorctl/command_group.h"
#include "schema/database/schema.h"
#include "schema/snapshot/snapshot_directory.h"
#include "sql/why.h"
#include "tests/property/compile_world.h"
#include "tests/property/row_writer.h"
#include "tests/system/command_outcome.h"
#include "tests/system/test_database.h"
#include "tests/unit/compiler/small_compile.h"

namespace mirror {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

void fill(TestDatabase& test_database, const DatabaseRows& rows,
          const std::vector<HostCategoryDirRow>& stale) {
  const auto database = test_database.open(OpenMode::kWrite);
  ASSERT_TRUE(database) << database.error().message;
  const auto transaction = (*database)->begin(TransactionMode::kWrite);
  ASSERT_TRUE(transaction) << transaction.error().message;
  const auto written = write_database_rows(**transaction, rows, stale);
  ASSERT_TRUE(written) << written.error().message;
  ASSERT_TRUE((*transaction)->commit());
}

void create_tables(TestDatabase& test_database) {
  const auto database = test_database.open(OpenMode::kCreate);
  ASSERT_TRUE(database) << database.error().message;
  const auto created = create_schema(**database);
  ASSERT_TRUE(created) << created.error().message;
}

// The conditions that are not met, in their order.
std::vector<std::string> unmet(const WhyFacts& host, const WhyFacts& target) {
  std::vector<std::string> codes;
  for (size_t i = 0; i < kWhyConditions; ++i) {
    if (!host[i].met.value_or(true) || !target[i].met.value_or(true))
      codes.emplace_back(code_of(static_cast<WhyCondition>(i)));
  }
  return codes;
}

class WhyTest : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    if (test_database_ == nullptr) return;
    folder_ = (std::filesystem::temp_directory_path() / "why_test.XXXXXX").string();
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
    create_tables(*test_database_);
    rows_ = simple_rows();
    add_repomd(rows_);
    for (auto& host_category : rows_.host_categories) host_category.always_up2date = false;
    int64_t id = 0;
    for (const int64_t host : {1, 2}) {
      for (const auto& directory : rows_.directories)
        rows_.host_category_dirs.push_back({++id, host, directory.id});
    }
    write();
    publish();
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  void write() { fill(*test_database_, rows_, stale_); }
  // What a compile of the rows publishes.
  void publish() {
    const auto snapshot = compile_rows(rows_);
    SnapshotDirectory directory(folder_);
    auto writer = directory.lock();
    ASSERT_TRUE(writer) << writer.error().message;
    const auto current =
        writer->add({reinterpret_cast<const char*>(snapshot.bytes.data()), snapshot.bytes.size()});
    ASSERT_TRUE(current) << current.error().message;
    ASSERT_TRUE(writer->publish(*current));
  }
  WhyAnswer ask_database(const WhyQuestion& question) {
    const auto database = test_database_->open(OpenMode::kRead);
    MIRROR_ASSERT(database);
    const auto transaction = (*database)->begin(TransactionMode::kRead);
    MIRROR_ASSERT(transaction);
    auto answer = why_by_database(**transaction, question);
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? std::move(*answer) : WhyAnswer{};
  }
  // The command as main() runs it.
  Outcome why(std::vector<std::string> arguments, bool database = true, bool snapshots = true) {
    arguments.insert(arguments.begin(), "why");
    if (database) arguments.insert(arguments.end(), {"--database", test_database_->url()});
    if (snapshots) arguments.insert(arguments.end(), {"--snapshots", folder_});
    return run_command([](CommandLine& line) { return make_why_command(line); }, arguments);
  }

  std::string folder_;
  DatabaseRows rows_;
  std::vector<HostCategoryDirRow> stale_;
};
INSTANTIATE_TEST_SUITE_P(Engines, WhyTest, ::testing::Values(Engine::kSqlite, Engine::kPostgresql),
                         engine_test_name);

const WhyQuestion kRepository{"two.example", "os", "x86_64", ""};
const WhyQuestion kDirectory{"2", "", "", "pub/linux/os"};

struct OneReason {
  std::string name;
  std::function<void(DatabaseRows&, std::vector<HostCategoryDirRow>&)> change;
  WhyQuestion question;
  std::vector<std::string> unmet;
  WhyVerdict verdict = WhyVerdict::kNobody;
  std::string row;  // the row that decides, as the text shows it
};

using Rows = DatabaseRows;
using Stale = std::vector<HostCategoryDirRow>;

std::vector<OneReason> switched_off() {
  return {
      {"site",
       [](Rows& rows, Stale&) { rows.hosts[1].site_id = std::nullopt; },
       kDirectory,
       {"site"},
       WhyVerdict::kNobody,
       "host 2: site_id is NULL"},
      {"host_active_by_admin",
       [](Rows& rows, Stale&) { rows.hosts[1].admin_active = false; },
       kDirectory,
       {"host_active_by_admin"},
       WhyVerdict::kNobody,
       "host 2: admin_active is false"},
      {"host_active_by_user",
       [](Rows& rows, Stale&) { rows.hosts[1].user_active = false; },
       kRepository,
       {"host_active_by_user"},
       WhyVerdict::kNobody,
       "host 2: user_active is false"},
      {"site_active_by_admin",
       [](Rows& rows, Stale&) { rows.sites[0].admin_active = false; },
       kDirectory,
       {"site_active_by_admin"},
       WhyVerdict::kNobody,
       "site 1: admin_active is false"},
      {"site_active_by_user",
       [](Rows& rows, Stale&) { rows.sites[0].user_active = false; },
       kDirectory,
       {"site_active_by_user"},
       WhyVerdict::kNobody,
       "site 1: user_active is false"},
  };
}

std::vector<OneReason> private_ones() {
  const auto make_private = [](Rows& rows) { rows.hosts[1].is_private = true; };
  return {
      {"host_public",
       [=](Rows& rows, Stale&) {
         make_private(rows);
         rows.host_netblocks = {{5, 2, "192.0.2.0/24"}};
       },
       kDirectory,
       {"host_public"},
       WhyVerdict::kNetworks,
       "host 2: private is true"},
      {"site_public",
       [](Rows& rows, Stale&) {
         rows.sites[0].is_private = true;
         rows.host_netblocks = {{5, 2, "192.0.2.0/24"}};
       },
       kDirectory,
       {"site_public"},
       WhyVerdict::kNetworks,
       "site 1: private is true"},
      {"networks",
       [=](Rows& rows, Stale&) { make_private(rows); },
       kDirectory,
       {"host_public", "networks"},
       WhyVerdict::kNobody,
       "host_netblock: no row of host 2, and no AS number"},
      {"networks_with_a_fault",
       [=](Rows& rows, Stale&) {
         make_private(rows);
         rows.host_netblocks = {{5, 2, "0.0.0.0/0"}};
       },
       kDirectory,
       {"host_public", "networks"},
       WhyVerdict::kNobody,
       "host_netblock 5: \"0.0.0.0/0\": holds all addresses"},
  };
}

std::vector<OneReason> places_not_offered() {
  return {
      {"enabled",
       [](Rows& rows, Stale&) { rows.repositories[0].disabled = true; },
       kRepository,
       {"enabled"},
       WhyVerdict::kNobody,
       "repository 1: disabled is true"},
      {"repository",
       [](Rows& rows, Stale&) { rows.repositories[0].version_id = std::nullopt; },
       kRepository,
       {"repository"},
       WhyVerdict::kNobody,
       "repository 1: has no directory, version or architecture"},
      {"directory",
       [](Rows&, Stale&) {},
       {"2", "", "", "pub/none"},
       {"directory"},
       WhyVerdict::kNobody,
       "directory: no row with the name \"pub/none\""},
      {"offered_without_category",
       [](Rows& rows, Stale&) {
         std::erase_if(rows.category_directories,
                       [](const auto& row) { return row.directory_id == 2; });
       },
       kDirectory,
       {"offered"},
       WhyVerdict::kNobody,
       "category_directory: no row of directory 2"},
      {"offered_outside_of_the_top_directory",
       [](Rows& rows, Stale&) { rows.categories[0].topdir_id = 3; },
       kDirectory,
       {"offered"},
       WhyVerdict::kNobody,
       "its top directory is \"pub/linux/os/repodata\""},
      {"category",
       [](Rows& rows, Stale&) {
         rows.host_categories.pop_back();
         rows.host_category_urls.pop_back();
         std::erase_if(rows.host_category_dirs,
                       [](const auto& row) { return row.host_category_id == 2; });
       },
       kDirectory,
       {"category"},
       WhyVerdict::kNobody,
       "host_category: no row of host 2 and category 1 \"Linux\""},
  };
}

std::vector<OneReason> not_carried() {
  return {
      {"url_private",
       [](Rows& rows, Stale&) { rows.host_category_urls[1].is_private = true; },
       kDirectory,
       {"url"},
       WhyVerdict::kNobody,
       "host_category_url 2: \"http://two.example/linux\": private"},
      {"url_with_a_fault",
       [](Rows& rows, Stale&) { rows.host_category_urls[1].url = "http://two.example/ linux"; },
       kDirectory,
       {"url"},
       WhyVerdict::kNobody,
       "host_category_url 2: \"http://two.example/ linux\": left out: such URLs hold blanks"},
      {"url_none",
       [](Rows& rows, Stale&) { rows.host_category_urls.pop_back(); },
       kDirectory,
       {"url"},
       WhyVerdict::kNobody,
       "host_category_url: no row of host_category 2"},
      {"listable_url",
       [](Rows& rows, Stale&) { rows.host_category_urls[1].url = "rsync://two.example/linux"; },
       kRepository,
       {"listable_url"},
       WhyVerdict::kNobody,
       "host_category_url 2: \"rsync://two.example/linux\": accepted"},
      {"up_to_date_no_row",
       [](Rows& rows, Stale&) {
         std::erase_if(rows.host_category_dirs, [](const auto& row) {
           return row.host_category_id == 2 && row.directory_id == 2;
         });
       },
       kDirectory,
       {"up_to_date"},
       WhyVerdict::kNobody,
       "host_category_dir: no row of host_category 2 and directory 2"},
      {"up_to_date_false",
       [](Rows& rows, Stale& stale) {
         std::erase_if(rows.host_category_dirs, [&](const auto& row) {
           const bool chosen = row.host_category_id == 2 && row.directory_id == 2;
           if (chosen) stale.push_back(row);
           return chosen;
         });
       },
       kRepository,
       {"up_to_date"},
       WhyVerdict::kNobody,
       "host_category_dir 5: up2date is false"},
  };
}

std::vector<OneReason> all_reasons() {
  std::vector<OneReason> all;
  for (auto part : {switched_off(), private_ones(), places_not_offered(), not_carried()})
    std::ranges::move(part, std::back_inserter(all));
  return all;
}

TEST_P(WhyTest, NothingIsWrongWithGoodRows) {
  for (const auto& question : {kRepository, kDirectory}) {
    const auto answer = ask_database(question);
    for (const auto& target : answer.targets) {
      EXPECT_THAT(unmet(answer.facts, target.facts), IsEmpty());
      EXPECT_EQ(target.verdict, WhyVerdict::kEverybody);
    }
  }
  const auto outcome = why({"two.example", "os", "x86_64"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("host        \"two.example\" (site \"Site One\", id 2)\n"),
                    HasSubstr("host_category_dir 5: up2date is true"),
                    HasSubstr("lists, by \"pub/linux/os\": the database and generation 1 of"),
                    HasSubstr("metalinks, by \"pub/linux/os/repodata\": the database and"),
                    Not(HasSubstr("no  ")), HasSubstr("both say yes\n")));
}

// Each condition of the derivation alone: the database says so at once and the snapshot after the
// next compile; in between the two differ.
TEST_P(WhyTest, EachConditionAloneIsTheReason) {
  const auto good = rows_;
  for (const auto& reason : all_reasons()) {
    SCOPED_TRACE(reason.name);
    rows_ = good;
    stale_.clear();
    write();
    publish();
    reason.change(rows_, stale_);
    write();
    const auto answer = ask_database(reason.question);
    ASSERT_FALSE(answer.targets.empty());
    EXPECT_EQ(unmet(answer.facts, answer.targets[0].facts), reason.unmet);
    EXPECT_EQ(answer.targets[0].verdict, reason.verdict);

    std::vector<std::string> arguments{reason.question.host};
    for (const auto& argument :
         {reason.question.repository, reason.question.arch, reason.question.directory}) {
      if (!argument.empty()) arguments.push_back(argument);
    }
    const auto before = why(arguments);
    EXPECT_EQ(before.code, 0) << before.err;
    EXPECT_THAT(before.out, HasSubstr(reason.row));
    const auto codes = fmt::format(" ({})", fmt::join(reason.unmet, ", "));
    EXPECT_THAT(before.out, HasSubstr(codes));
    if (reason.name != "directory") {
      EXPECT_THAT(before.out,
                  AllOf(HasSubstr("the database says "), HasSubstr(codes + ", generation "),
                        HasSubstr(reason.verdict == WhyVerdict::kNetworks
                                      ? " says yes: the next compile restricts it to its networks"
                                      : " says yes: the next compile takes it away")));
    }
    publish();
    EXPECT_THAT(why(arguments).out, AllOf(HasSubstr("both say "), Not(HasSubstr("next compile"))));
    // And back: what the database has now, the snapshot lacks.
    rows_ = good;
    stale_.clear();
    write();
    if (reason.name != "directory") {
      EXPECT_THAT(why(arguments).out, HasSubstr(reason.verdict == WhyVerdict::kNetworks
                                                    ? ": the next compile opens it to everybody"
                                                    : ": the next compile brings it"));
    }
  }
}

TEST_P(WhyTest, EveryConditionHasACase) {
  // Those have tests of their own.
  std::set<std::string> covered{"known", "checksums"};
  for (const auto& reason : all_reasons()) covered.insert(reason.unmet.begin(), reason.unmet.end());
  for (size_t i = 0; i < kWhyConditions; ++i)
    EXPECT_TRUE(covered.contains(std::string(code_of(static_cast<WhyCondition>(i)))))
        << code_of(static_cast<WhyCondition>(i));
}

TEST_P(WhyTest, AMetalinkNeedsChecksums) {
  rows_.file_details.clear();
  write();
  const auto before = why({"two.example", "os", "x86_64"});
  EXPECT_THAT(before.out,
              AllOf(HasSubstr("file_detail: no row of directory 3 and \"repomd.xml\""),
                    HasSubstr("lists, by \"pub/linux/os\": the database and generation 1 of"),
                    HasSubstr("the database says no (checksums), generation 1 of"),
                    HasSubstr("says yes: the next compile takes it away")));
  publish();
  const auto after = why({"two.example", "os", "x86_64"});
  EXPECT_THAT(after.out, HasSubstr("both say no (checksums)"));
}

TEST_P(WhyTest, AHostThatIsGone) {
  rows_.hosts.pop_back();
  rows_.host_categories.pop_back();
  rows_.host_category_urls.pop_back();
  std::erase_if(rows_.host_category_dirs,
                [](const auto& row) { return row.host_category_id == 2; });
  write();
  const auto gone = why({"two.example", "pub/linux/os"});
  EXPECT_EQ(gone.code, 0) << gone.err;
  EXPECT_THAT(gone.out, AllOf(HasSubstr("host: no row with the name or id \"two.example\""),
                              HasSubstr("says no (known)"), HasSubstr("takes it away")));
  const auto unknown = why({"three.example"});
  EXPECT_EQ(unknown.code, 1);
  EXPECT_THAT(unknown.err, HasSubstr("\"three.example\": no host has this name or id"));
}

TEST_P(WhyTest, MetadataMayBeStaleAlone) {
  std::erase_if(rows_.host_category_dirs,
                [](const auto& row) { return row.host_category_id == 2 && row.directory_id == 3; });
  write();
  const auto answer = ask_database(kRepository);
  ASSERT_EQ(answer.targets.size(), 2u);
  EXPECT_EQ(answer.targets[0].verdict, WhyVerdict::kEverybody);
  EXPECT_EQ(answer.targets[1].verdict, WhyVerdict::kNobody);
  EXPECT_THAT(unmet(answer.facts, answer.targets[1].facts), ElementsAre("up_to_date"));
}

TEST_P(WhyTest, AlwaysUpToDateNeedsNoRow) {
  rows_.host_category_dirs.clear();
  rows_.host_categories[1].always_up2date = true;
  write();
  const auto answer = ask_database(kDirectory);
  EXPECT_EQ(answer.targets[0].verdict, WhyVerdict::kEverybody);
  EXPECT_THAT(why({"2", "pub/linux/os"}).out, HasSubstr("host_category 2: always_up2date is true"));
}

TEST_P(WhyTest, RedirectsAndSourcesAreFollowed) {
  rows_.repository_redirects = {{3, "latest", "os"}};
  rows_.arches[0].name = "source";
  rows_.repositories.push_back({2, "os-source", 1, 1, 1, 2, false});
  write();
  const auto redirected = why({"2", "latest", "x86_64"}, true, false);
  EXPECT_THAT(redirected.out, AllOf(HasSubstr("repository_redirect 3: \"latest\" leads to \"os\""),
                                    HasSubstr("repository 1: leads to directory 2"),
                                    HasSubstr("the database says yes")));
  EXPECT_THAT(why({"2", "os-source", "x86_64"}, true, false).out,
              HasSubstr("repository 2: leads to directory 2"));
}

TEST_P(WhyTest, ARepositoryIsFoundByItsKeyWhereverThePlusIs) {
  rows_.arches[1].name = "b+c";
  rows_.arches.push_back({3, "c"});
  rows_.repositories = {{1, "a", 1, 1, 2, 3, false}, {2, "a+b", 1, 1, 3, 2, false}};
  write();
  publish();
  for (const auto& [prefix, arch] : {std::pair("a", "b+c"), std::pair("a+b", "c")}) {
    EXPECT_THAT(why({"2", prefix, arch}).out,
                AllOf(HasSubstr("repository 2: leads to directory 2"), HasSubstr("both say yes")));
  }
}

TEST_P(WhyTest, AnAsNumberMayOrMayNotLeadToAPrivateHost) {
  rows_.hosts[1].is_private = true;
  rows_.host_peer_asns = {{4, 2, 64500}};
  write();
  publish();
  EXPECT_THAT(why({"2", "pub/linux/os"}).out,
              AllOf(HasSubstr("host_peer_asn 4: AS 64500, if --netblocks knows its prefixes"),
                    HasSubstr("it knows no prefix of its AS numbers")));
}

TEST_P(WhyTest, WhoSwitchedItOffAndWhomItServes) {
  rows_.hosts[1].user_active = false;
  rows_.host_countries_allowed = {{1, 2, " de"}};
  write();
  const auto database = test_database_->open(OpenMode::kWrite);
  const auto transaction = (*database)->begin(TransactionMode::kWrite);
  const auto done =
      (*transaction)
          ->execute_script(
              "UPDATE host SET disable_reason = 'failed \noften', crawl_failures = 4 WHERE id = 2");
  ASSERT_TRUE(done) << done.error().message;
  ASSERT_TRUE((*transaction)->commit());
  EXPECT_THAT(why({"2"}).out, AllOf(HasSubstr("disable_reason is \"failed \\x0aoften\""),
                                    HasSubstr("crawl_failures is 4")));
  EXPECT_THAT(why({"2"}).out, HasSubstr("only clients in \"DE\" get it"));
}

TEST_P(WhyTest, InGeneralCategoriesAreCounted) {
  std::erase_if(rows_.host_category_dirs,
                [](const auto& row) { return row.host_category_id == 2 && row.directory_id == 3; });
  stale_.push_back({100, 2, 3});
  write();
  const auto outcome = why({"two.example"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("\"Linux\" (id 1): has a public URL, up to date in 2 of 3 "
                              "directories, 1 rows say no\n"),
                    HasSubstr("host_category 2: always_up2date is false"),
                    HasSubstr("\"Linux\" (id 1): has a public URL, up to date in 3 of 3 "
                              "directories\n"),
                    HasSubstr("listed for anything: the database and generation 1")));
  rows_.host_category_dirs.clear();
  write();
  EXPECT_THAT(why({"two.example"}).out,
              AllOf(HasSubstr("the database says no (up to date with a URL in none of its"),
                    HasSubstr("says yes: the next compile takes it away")));
}

TEST_P(WhyTest, DirectoriesOutsideOfTheCategoryDoNotCount) {
  rows_.category_directories.clear();
  write();
  publish();
  const auto outcome = why({"two.example"});
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("up to date in 0 of 0 directories"),
                                 HasSubstr("both say no"), Not(HasSubstr("next compile"))));
}

TEST_P(WhyTest, TwoHostsOfOneNameAreAskedFor) {
  rows_.sites.push_back({2, "Site Two", false, true, true});
  rows_.hosts[1].site_id = 2;
  rows_.hosts[1].name = "one.example";
  write();
  const auto outcome = why({"one.example"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err,
              HasSubstr("2 hosts have the name \"one.example\": say which by its id: 1, 2"));
  EXPECT_EQ(why({"1"}).code, 0);
}

TEST_P(WhyTest, EitherSourceAlone) {
  EXPECT_THAT(
      why({"two.example", "/pub/linux/os/"}, true, false).out,
      AllOf(HasSubstr("\"pub/linux/os\": the database says yes\n"), Not(HasSubstr("snapshot"))));
  EXPECT_THAT(why({"two.example", "pub/linux/os"}, false, true).out,
              AllOf(HasSubstr("\"pub/linux/os\": generation 1 of "), HasSubstr("says yes\n"),
                    Not(HasSubstr("database"))));
  EXPECT_EQ(why({"two.example"}, false, false).code, 2);
  EXPECT_EQ(why({"two.example", "a", "b", "c"}).code, 2);
  EXPECT_EQ(why({"99999999999"}).code, 1);  // no int4
}

TEST_P(WhyTest, TheDatabaseAnswersWithoutASnapshot) {
  std::filesystem::remove(folder_ + "/CURRENT");
  const auto outcome = why({"two.example", "pub/linux/os"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("\"pub/linux/os\": the database says yes\n"));
  EXPECT_THAT(outcome.err, HasSubstr("the snapshot was not looked at"));
  EXPECT_EQ(why({"two.example", "pub/linux/os"}, false).code, 1);
}

TEST_P(WhyTest, JsonHasTheSame) {
  rows_.hosts[1].admin_active = false;
  write();
  const auto outcome = why({"2", "pub/linux/os", "--json"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(
      outcome.out,
      AllOf(HasSubstr("\"listed_for\": \"nobody\""), HasSubstr("\"listed_for\": \"everybody\""),
            HasSubstr("\"code\": \"host_active_by_admin\""), HasSubstr("\"met\": false"),
            HasSubstr("\"says\": \"admin_active is false\""), HasSubstr("\"conclusions\"")));
}

TEST_P(WhyTest, AHoldIsToldOf) {
  SnapshotDirectory directory(folder_);
  {
    auto writer = directory.lock();
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->set_hold({"me", 1, "test"}));
  }
  rows_.hosts[1].admin_active = false;
  write();
  EXPECT_THAT(why({"2", "pub/linux/os"}).out, HasSubstr("once HOLD is released"));
}

// No statement may read all of host_category_dir.
TEST_P(WhyTest, StatementsReachTheLargeTableByAnIndex) {
  if (GetParam() != Engine::kSqlite) GTEST_SKIP() << "PostgreSQL scans small tables anyway";
  const auto database = test_database_->open(OpenMode::kRead);
  const auto transaction = (*database)->begin(TransactionMode::kRead);
  for (const auto& [sql, parameters] : {std::pair(sql::why_host_directory_counts, 1),
                                        std::pair(sql::why_host_category_directories, 2)}) {
    const std::vector<Value> values(static_cast<size_t>(parameters), Value(int64_t{1}));
    std::string plan;
    const auto explained = (*transaction)
                               ->query("EXPLAIN QUERY PLAN " + std::string(sql), values,
                                       [&](const Row& row) -> Result<void> {
                                         plan += std::string(row.text(3)) + "\n";
                                         return {};
                                       });
    ASSERT_TRUE(explained) << explained.error().message;
    EXPECT_THAT(plan, AllOf(HasSubstr("SEARCH x USING"), Not(HasSubstr("SCAN x")))) << sql;
  }
}

// For every host and directory, and every repository, of random worlds with all odd rows: what the
// few statements say is what a compile of everything does.
class WhyPropertyTest : public ::testing::Test {};

WhyVerdict listed_for(const SnapshotView& view, int64_t host, uint32_t directory, bool lists) {
  if (directory == kNone) return WhyVerdict::kNobody;
  const auto& set = view.carrier_sets[view.directories[directory].carrier_set()];
  const auto carriers = SnapshotView::part(view.carriers, set.carriers());
  for (size_t i = 0; i < carriers.size(); ++i) {
    if (view.host_infos[carriers[i].host()].id() != host) continue;
    const uint32_t urls = carriers[i].url_set();
    if (urls == kNone || (lists && view.url_sets[urls].first_listable() == kNone))
      return WhyVerdict::kNobody;
    return i < set.global_count() ? WhyVerdict::kEverybody : WhyVerdict::kNetworks;
  }
  return WhyVerdict::kNobody;
}

bool is_reached(const SnapshotView& view, int64_t host) {
  const auto is_it = [&](uint32_t place) { return view.host_infos[place].id() == host; };
  return std::ranges::any_of(view.asn_hosts, is_it) ||
         std::ranges::any_of(view.netblock_matches,
                             [&](const auto& match) { return is_it(match.host()); });
}

void expect_same(const SnapshotView& view, int64_t host, const WhyAnswer& answer,
                 const WhyTarget& target, uint32_t directory) {
  auto expected = listed_for(view, host, directory, !target.is_metalink);
  if (target.is_metalink && directory != kNone &&
      view.find_file(view.directories[directory], "repomd.xml") == kNone)
    expected = WhyVerdict::kNobody;
  if (!target.facts[static_cast<size_t>(WhyCondition::kEnabled)].met.value_or(true))
    expected = WhyVerdict::kNobody;
  const auto& networks = answer.facts[static_cast<size_t>(WhyCondition::kNetworks)].met;
  // A private host without networks has its URLs in a snapshot all the same.
  if (expected == WhyVerdict::kNetworks && !networks.value_or(true)) {
    EXPECT_FALSE(is_reached(view, host)) << host;
    expected = WhyVerdict::kNobody;
  }
  EXPECT_EQ(code_of(target.verdict), code_of(expected))
      << "host " << host << ", " << target.directory;
}

TEST_F(WhyPropertyTest, AgreesWithWholeCompiles) {
  const char* given = std::getenv("MIRROR_SEED");
  const uint64_t first = given == nullptr ? 1 : std::strtoull(given, nullptr, 10);
  const uint64_t last = given == nullptr ? first + 59 : first;
  uint64_t listed = 0;
  uint64_t unlisted = 0;
  for (uint64_t seed = first; seed <= last && !HasFailure(); ++seed) {
    SCOPED_TRACE(fmt::format("MIRROR_SEED={}", seed));
    const auto world = make_random_world(seed);
    const auto test_database = TestDatabase::create(Engine::kSqlite);
    ASSERT_TRUE(test_database);
    create_tables(**test_database);
    fill(**test_database, world.rows, world.stale_dirs);
    const auto database = (*test_database)->open(OpenMode::kRead);
    const auto transaction = (*database)->begin(TransactionMode::kRead);
    DatabaseRowSource source{DatabaseRowReader(**database, **transaction, 1, true)};
    const auto compiled = compile_world(source, world, 1'700'000'000);
    ASSERT_TRUE(compiled) << compiled.error().message;
    const auto view = compiled->model.view();
    for (const auto& host : world.rows.hosts) {
      WhyQuestion question{std::to_string(host.id), "", "", ""};
      for (const auto& directory : world.rows.directories) {
        if (directory.name.empty()) continue;
        question.directory = directory.name;
        const auto answer = why_by_database(**transaction, question);
        ASSERT_TRUE(answer) << answer.error().message;
        expect_same(view, host.id, *answer, answer->targets[0],
                    view.find_directory(directory.name));
        ++(answer->targets[0].verdict == WhyVerdict::kNobody ? unlisted : listed);
        // The snapshot's half says what the snapshot is.
        const auto told = why_by_snapshot(view, question, host.id);
        ASSERT_TRUE(told) << told.error().message;
        const auto expected = listed_for(view, host.id, view.find_directory(directory.name), true);
        if (expected != WhyVerdict::kNetworks) {
          EXPECT_EQ(told->targets[0].verdict, expected);
        }
      }
    }
    std::set<std::pair<std::string, std::string>> keys;
    for (const auto& row : world.rows.repositories) {
      for (const auto& arch : world.rows.arches) {
        if (row.prefix && !row.prefix->empty() && arch.name) keys.emplace(*row.prefix, *arch.name);
      }
    }
    for (const auto& row : world.rows.repository_redirects) {
      if (row.from_repo && !row.from_repo->empty()) keys.emplace(*row.from_repo, "x86_64");
    }
    for (const auto& [prefix, arch] : keys) {
      for (const auto& host : world.rows.hosts) {
        const WhyQuestion question{std::to_string(host.id), prefix, arch, ""};
        const auto answer = why_by_database(**transaction, question);
        ASSERT_TRUE(answer) << answer.error().message;
        const auto told = why_by_snapshot(view, question, host.id);
        ASSERT_TRUE(told);
        ASSERT_EQ(answer->targets.size(), told->targets.size());
        for (size_t i = 0; i < told->targets.size(); ++i) {
          SCOPED_TRACE(quote_for_message(prefix) + " " + quote_for_message(arch));
          const auto& name = told->targets[i].directory;
          expect_same(view, host.id, *answer, answer->targets[i],
                      name.empty() ? kNone : view.find_directory(name));
          const auto enabled = static_cast<size_t>(WhyCondition::kEnabled);
          EXPECT_EQ(answer->targets[i].facts[enabled].met, told->targets[i].facts[enabled].met);
        }
      }
    }
  }
  if (given == nullptr) {
    EXPECT_GT(listed, 200u);
    EXPECT_GT(unlisted, 500u);
  }
}

}  // namespace
}  // namespace mirror
