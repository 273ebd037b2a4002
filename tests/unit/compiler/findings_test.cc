// One test a kind of finding: rows in which nothing is suspicious, and one change to them.
#include "compiler/findings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/core/assert.h"
#include "compiler/report.h"
#include "tests/unit/compiler/small_compile.h"

namespace mirror {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

class FindingsTest : public ::testing::Test {
 protected:
  FindingsTest() : rows_(simple_rows()) {
    for (auto& host_category : rows_.host_categories) host_category.always_up2date = false;
    int64_t id = 0;
    for (const int64_t host : {1, 2}) {
      for (const auto& directory : rows_.directories)
        rows_.host_category_dirs.push_back({++id, host, directory.id});
    }
    rows_.file_details = {{1, 3, "repomd.xml", 1, 1, {}, {}, "aa", {}}};
  }

  [[nodiscard]] World world() const {
    MemoryRowSource source{MemoryRowReader(rows_)};
    Diagnostics diagnostics;
    auto catalog = read_catalog(source, diagnostics, [](uint64_t) {});
    MIRROR_ASSERT(catalog);
    return std::move(catalog->world);
  }
  [[nodiscard]] static CountryContinents continents() {
    return {{"DE", "EU"}, {"SE", "EU"}, {"US", "NA"}};
  }
  [[nodiscard]] std::vector<Finding> find(size_t examples_max = 5) const {
    return find_suspicious(world(), continents(), examples_max);
  }
  // "code" of each, in order.
  [[nodiscard]] std::vector<std::string> codes() const {
    std::vector<std::string> result;
    for (const auto& finding : find()) result.push_back(finding.code);
    return result;
  }
  // The examples of a finding that must be there.
  [[nodiscard]] std::vector<std::string> examples(std::string_view code) const {
    for (const auto& finding : find()) {
      if (finding.code != code) continue;
      EXPECT_EQ(finding.count, finding.examples.size());
      EXPECT_FALSE(finding.what.empty() || finding.remedy.empty());
      return finding.examples;
    }
    ADD_FAILURE() << "no finding " << code;
    return {};
  }
  void forget_up2date(int64_t host_category, std::optional<int64_t> directory = std::nullopt) {
    std::erase_if(rows_.host_category_dirs, [&](const HostCategoryDirRow& row) {
      return row.host_category_id == host_category && (!directory || row.directory_id == directory);
    });
  }

  DatabaseRows rows_;
};

constexpr const char* kOne = "\"one.example\" (site \"Site One\", id 1)";
constexpr const char* kTwo = "\"two.example\" (site \"Site One\", id 2)";

TEST_F(FindingsTest, NothingIsSuspiciousInGoodRows) { EXPECT_THAT(codes(), IsEmpty()); }

TEST_F(FindingsTest, AnEmptyDatabaseListsNothing) {
  rows_ = {};
  EXPECT_THAT(codes(), ElementsAre("nothing_listed"));
  EXPECT_EQ(find()[0].severity, Severity::kError);
}

TEST_F(FindingsTest, AHostThatIsUpToDateNowhere) {
  forget_up2date(2);
  EXPECT_THAT(codes(), ElementsAre("host_listed_for_nothing", "repository_with_one_mirror"));
  EXPECT_THAT(examples("host_listed_for_nothing"), ElementsAre(kTwo));
  EXPECT_THAT(examples("repository_with_one_mirror"),
              ElementsAre(AllOf(HasSubstr("\"os+x86_64\""), HasSubstr(kOne))));
}

TEST_F(FindingsTest, AHostThatIsUpToDateInOneCategoryOnly) {
  rows_.directories.push_back({4, "pub/other"});
  rows_.categories.push_back({2, "Other", 1, 4});
  rows_.category_directories.push_back({2, 4});
  rows_.host_categories.push_back({3, 1, 2, false});
  rows_.host_categories.push_back({4, 2, 2, false});
  rows_.host_category_urls.push_back({3, 3, "http://one.example/other", false});
  rows_.host_category_urls.push_back({4, 4, "http://two.example/other", false});
  rows_.host_category_dirs.push_back({100, 4, 4});
  EXPECT_THAT(codes(), ElementsAre("host_not_up_to_date_in_category"));
  EXPECT_THAT(examples("host_not_up_to_date_in_category"),
              ElementsAre(std::string(kOne) + " in \"Other\""));
}

TEST_F(FindingsTest, AHostWithoutCategory) {
  rows_.hosts.push_back(rows_.hosts[0]);
  rows_.hosts.back().id = 3;
  EXPECT_THAT(codes(), ElementsAre("host_without_category"));
  rows_.hosts.back().user_active = false;  // who is switched off needs none
  EXPECT_THAT(codes(), ElementsAre("host_inactive_by_user"));
}

TEST_F(FindingsTest, AHostWithoutUrl) {
  rows_.host_category_urls[1].is_private = true;
  EXPECT_THAT(codes(), ElementsAre("host_without_url", "repository_with_one_mirror"));
  EXPECT_THAT(examples("host_without_url"), ElementsAre(std::string(kTwo) + " in \"Linux\""));
}

TEST_F(FindingsTest, AHostWithUrlsThatNoListShows) {
  rows_.host_category_urls[1].url = "rsync://two.example/linux";
  EXPECT_THAT(codes(), ElementsAre("host_without_listable_url", "repository_with_one_mirror"));
}

TEST_F(FindingsTest, APrivateHostWithoutNetwork) {
  rows_.hosts[1].is_private = true;
  EXPECT_THAT(codes(), ElementsAre("private_host_without_network", "repository_with_one_mirror"));
  rows_.host_netblocks = {{1, 2, "192.0.2.0/24"}};
  EXPECT_THAT(codes(), ElementsAre("repository_with_one_mirror"));
  rows_.host_netblocks.clear();
  rows_.host_peer_asns = {{1, 2, 64500}};
  EXPECT_THAT(codes(), ElementsAre("repository_with_one_mirror"));
}

TEST_F(FindingsTest, AUrlOfTwoHostsOrTwiceOfOne) {
  rows_.host_category_urls[1].url = "http://One.Example/linux/";
  EXPECT_THAT(codes(), ElementsAre("url_repeated"));
  EXPECT_THAT(examples("url_repeated"), ElementsAre(AllOf(HasSubstr(kOne), HasSubstr(kTwo))));
  rows_.host_category_urls[1].url = "http://one.example/Linux";  // paths tell case apart
  EXPECT_THAT(codes(), IsEmpty());
  rows_.host_category_urls.push_back({3, 1, "http://one.example/linux/", false});
  EXPECT_THAT(codes(), ElementsAre("url_repeated"));
  rows_.host_category_urls.back().url = "https://one.example/linux";
  EXPECT_THAT(codes(), IsEmpty());
}

TEST_F(FindingsTest, ANetblockThatCapturesTooMuch) {
  rows_.host_netblocks = {{1, 1, "8.0.0.0/11"}, {2, 2, "2001::/23"}};
  EXPECT_THAT(codes(), ElementsAre("netblock_very_large"));
  EXPECT_THAT(examples("netblock_very_large"), ElementsAre(std::string("8.0.0.0/11 of ") + kOne,
                                                           std::string("2001::/23 of ") + kTwo));
  rows_.host_netblocks = {
      {1, 1, "8.0.0.0/12"}, {2, 2, "2001::/24"}, {3, 1, "10.0.0.0/8"}, {4, 1, "fd00::/8"}};
  EXPECT_THAT(codes(), IsEmpty());
  rows_.host_netblocks = {{1, 1, "10.0.0.0/7"}};
  EXPECT_THAT(codes(), ElementsAre("netblock_very_large"));
}

TEST_F(FindingsTest, CountriesThatNobodyComesFrom) {
  rows_.hosts[0].country = "uk";
  EXPECT_THAT(codes(), ElementsAre("country_unknown"));
  EXPECT_THAT(examples("country_unknown"), ElementsAre(std::string("\"UK\" of ") + kOne));
  rows_.country_continent_redirects = {{1, "UK", "EU"}};
  EXPECT_THAT(codes(), IsEmpty());
  rows_.country_continent_redirects = {{1, "UK", "Europe"}};
  EXPECT_THAT(codes(), ElementsAre("continent_unknown"));
  rows_.country_continent_redirects.clear();
  rows_.hosts[0].country = "";
  EXPECT_THAT(codes(), ElementsAre("host_without_country"));
  rows_.hosts[0].country = "DE";
  rows_.host_countries_allowed = {{1, 1, "DE"}, {2, 1, "UK"}};
  EXPECT_THAT(codes(), ElementsAre("allowed_country_unknown"));
  rows_.host_countries_allowed.clear();
  rows_.netblock_countries = {{1, "192.0.2.0/24", "UK"}};
  EXPECT_THAT(codes(), ElementsAre("netblock_country_unknown"));
}

TEST_F(FindingsTest, ARepositoryWhoseDirectoryNobodyHas) {
  forget_up2date(1, 2);
  forget_up2date(2, 2);
  EXPECT_THAT(codes(), ElementsAre("repository_without_mirrors", "directory_without_mirrors"));
  EXPECT_EQ(find()[0].severity, Severity::kError);
  EXPECT_THAT(examples("repository_without_mirrors"),
              ElementsAre("\"os+x86_64\" in \"pub/linux/os\""));
  rows_.repositories[0].disabled = true;
  EXPECT_THAT(codes(), ElementsAre("repository_disabled", "directory_without_mirrors"));
}

TEST_F(FindingsTest, ARepositoryWhoseMetadataNobodyHas) {
  forget_up2date(1, 3);
  forget_up2date(2, 3);
  EXPECT_THAT(codes(), ElementsAre("repository_without_mirrors", "directory_without_mirrors"));
  EXPECT_THAT(examples("repository_without_mirrors"),
              ElementsAre("\"os+x86_64\" in \"pub/linux/os/repodata\""));
}

TEST_F(FindingsTest, PrivateMirrorsAreNamedWhereTheyAreTheOnlyOnes) {
  for (auto& host : rows_.hosts) host.is_private = true;
  rows_.host_peer_asns = {{1, 1, 64500}, {2, 2, 64500}};
  EXPECT_THAT(examples("repository_without_mirrors"),
              ElementsAre(HasSubstr("private mirrors have it")));
}

TEST_F(FindingsTest, ARepositoryWhoseDirectoryIsNotOffered) {
  std::erase_if(rows_.category_directories,
                [](const CategoryDirectoryRow& row) { return row.directory_id == 2; });
  EXPECT_THAT(codes(), ElementsAre("repository_directory_unknown"));
}

TEST_F(FindingsTest, ARepositoryWithoutMetalink) {
  rows_.file_details[0].filename = "other.xml";
  EXPECT_THAT(codes(), ElementsAre("repository_without_metalink"));
  rows_.file_details.clear();
  EXPECT_THAT(codes(), ElementsAre("repository_without_metalink"));
}

TEST_F(FindingsTest, Redirects) {
  rows_.repository_redirects = {{1, "latest", "os"}};
  EXPECT_THAT(codes(), IsEmpty());
  rows_.repository_redirects = {{1, "latest", "so"}};
  EXPECT_THAT(codes(), ElementsAre("redirect_without_target"));
  rows_.repository_redirects = {{1, "latest", "next"}, {2, "next", "os"}};
  EXPECT_THAT(examples("redirect_without_target"), ElementsAre("\"latest\" -> \"next\""));
  rows_.repository_redirects = {{1, "os", "os"}};
  EXPECT_THAT(codes(), ElementsAre("redirect_hides_repository"));
}

TEST_F(FindingsTest, CategoriesWithoutHostsOrDirectories) {
  rows_.categories.push_back({2, "Other", 1, 1});
  EXPECT_THAT(codes(), ElementsAre("category_without_hosts", "category_without_directories"));
  EXPECT_THAT(examples("category_without_hosts"), ElementsAre("\"Other\" (id 2)"));
}

TEST_F(FindingsTest, WhoIsSwitchedOffAndByWhom) {
  rows_.hosts[0].admin_active = false;
  rows_.hosts[1].user_active = false;
  EXPECT_THAT(codes(), AllOf(Contains("host_inactive_by_admin"), Contains("host_inactive_by_user"),
                             Contains("nothing_listed")));
  EXPECT_THAT(examples("host_inactive_by_admin"), ElementsAre(kOne));
  EXPECT_THAT(examples("host_inactive_by_user"), ElementsAre(kTwo));
  rows_.sites[0].admin_active = false;
  rows_.sites[0].user_active = false;
  EXPECT_THAT(examples("site_inactive_by_admin"), SizeIs(2));
  EXPECT_THAT(examples("site_inactive_by_user"), SizeIs(2));
}

TEST_F(FindingsTest, AlwaysUpToDateAndLeastWeight) {
  rows_.host_categories[0].always_up2date = true;
  rows_.hosts[1].bandwidth = 0;
  EXPECT_THAT(codes(), ElementsAre("host_of_least_weight", "always_up_to_date"));
}

TEST_F(FindingsTest, ExamplesAreBoundedAndCountsAreNot) {
  for (int64_t id = 3; id < 30; ++id) {
    rows_.hosts.push_back(rows_.hosts[0]);
    rows_.hosts.back().id = id;
  }
  const auto found = find(2);
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].count, 27u);
  EXPECT_THAT(found[0].examples, SizeIs(2));
}

TEST_F(FindingsTest, HostileNamesAreQuoted) {
  rows_.hosts[1].name = "two\"\xc2\x9b.example";
  forget_up2date(2);
  EXPECT_THAT(examples("host_listed_for_nothing"),
              ElementsAre(StartsWith("\"two\\x22\\xc2\\x9b.example\"")));
}

// What a cache file gives: no categories, no flags, no names.
TEST(FindingsOfACacheTest, AreTheSameAsFarAsItSays) {
  World world;
  world.hosts.resize(4);
  for (size_t i = 0; i < world.hosts.size(); ++i) {
    auto& host = world.hosts[i];
    host.id = static_cast<int64_t>(i) + 7;
    host.flags = kHostAdminActive | kHostUserActive | kSiteAdminActive | kSiteUserActive;
    host.weight = 100;
    host.country = "DE";
  }
  const uint32_t url = world.urls.intern(std::string_view("http://a.example/x"));
  const uint32_t other = world.urls.intern(std::string_view("rsync://b.example/x"));
  world.url_lists = {{url}, {other, url}};
  WorldCarrierSet set;
  set.global = {0, 1, 2};
  set.urls = {{0, 0}, {1, 1}};
  std::vector<uint32_t> run;
  set.encode(run);
  auto& directory = world.directories.emplace_back();
  directory.name = "pub/x";
  directory.carrier_set = world.carrier_sets.intern(run);
  const auto found = find_suspicious(world, {{"DE", "EU"}}, 5);
  std::vector<std::string> codes;
  for (const auto& finding : found) codes.push_back(finding.code);
  EXPECT_THAT(codes, ElementsAre("host_without_url", "url_repeated", "host_in_no_list"));
  EXPECT_THAT(found[0].examples, ElementsAre("host 9"));
  EXPECT_THAT(found[1].examples, ElementsAre(AllOf(HasSubstr("host 7"), HasSubstr("host 8"))));
  EXPECT_THAT(found[2].examples, ElementsAre("host 10"));
}

CompileReport some_report() {
  CompileReport report;
  report.created_at = 1'700'000'000;
  report.source = "sqlite:x.db";
  report.left_out[{"host", "hosts have no site; left out"}] = {7, {"3 \"c.example\"", "4"}};
  report.findings = {{"url_repeated", Severity::kWarning, "a URL", "delete", 1, {"\"x\""}}};
  return report;
}

TEST(ReportTest, ComesBackAsItWent) {
  const auto report = some_report();
  const auto json = render_report_json(report);
  const auto parsed = parse_report(json);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(render_report_json(*parsed), json);
  EXPECT_EQ(render_report_text(*parsed), render_report_text(report));
  EXPECT_EQ(
      render_report_text(report),
      "data        sqlite:x.db, read at 2023-11-14T22:13:20Z\n"
      "            rows left out or changed: 7; kinds of errors: 0, of warnings: 1, of notes: "
      "0\n\n"
      "rows left out or changed\n"
      "  host: hosts have no site; left out: 7\n"
      "    3 \"c.example\"\n    4\n    and 5 more\n\n"
      "warning url_repeated: 1\n  a URL\n    \"x\"\n  remedy: delete\n");
}

TEST(ReportTest, SeverityIsTheWorst) {
  CompileReport report;
  EXPECT_EQ(worst_of(report), Severity::kNote);
  report.left_out[{"host", "x"}] = {1, {}};
  EXPECT_EQ(worst_of(report), Severity::kWarning);
  report.findings = {{"x", Severity::kError, "", "", 1, {}}, {"y", Severity::kNote, "", "", 1, {}}};
  EXPECT_EQ(worst_of(report), Severity::kError);
}

TEST(ReportTest, HostileFilesAreRefused) {
  const auto json = render_report_json(some_report());
  for (size_t size = 0; size + 2 < json.size(); size += 7)
    EXPECT_FALSE(parse_report(std::string_view(json).substr(0, size))) << size;
  const auto refuse = [&](std::string_view what, std::string_view instead) {
    std::string spoilt = json;
    const size_t at = spoilt.find(what);
    ASSERT_NE(at, std::string::npos) << what;
    spoilt.replace(at, what.size(), instead);
    EXPECT_FALSE(parse_report(spoilt)) << instead;
  };
  refuse("\"format\": 1", "\"format\": 2");
  refuse("\"format\": 1", "\"format\": \"1\"");
  refuse("1700000000", "-1");
  refuse("sqlite:x.db", "\\u001b[2J");
  refuse("sqlite:x.db", "\\u009b2J");
  refuse("\"warning\",\n      \"what\"", "\"fatal\",\n      \"what\"");
  refuse("\"count\": 1", "\"count\": 1.5");
  refuse("[\n        \"\\\"x\\\"\"\n      ]", "[[]]");
  refuse("\"left_out\": [", "\"left_out\": [null,");
  EXPECT_FALSE(parse_report(std::string(1 << 20, '[')));
  EXPECT_FALSE(parse_report("[]"));
}

}  // namespace
}  // namespace mirror
