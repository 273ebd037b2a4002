#include "compiler/gates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiler/comparison.h"
#include "compiler/snapshot_diff.h"
#include "tests/unit/compiler/small_compile.h"

namespace mirror {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// Active hosts first .. last in country DE, each with `urls` URLs, besides those of simple_rows().
void add_hosts(DatabaseRows& rows, int64_t first, int64_t last, int urls = 1) {
  for (int64_t id = first; id <= last; ++id) {
    HostRow row = rows.hosts.front();
    row.id = id;
    row.name = fmt::format("host{}.example", id);
    rows.hosts.push_back(row);
    rows.host_categories.push_back({id, id, 1, true});
    for (int url = 0; url < urls; ++url) {
      const auto text = fmt::format("http://host{}.example/{}", id, url);
      rows.host_category_urls.push_back({id * 100 + url, id, text, false});
    }
  }
}
DatabaseRows hosts(int64_t first, int64_t last, int urls = 1) {
  auto rows = simple_rows();
  add_hosts(rows, first, last, urls);
  return rows;
}

Losses losses(const DatabaseRows& before, const DatabaseRows& after) {
  return find_losses(compile_rows(before).view, compile_rows(after).view);
}
const Loss& of(const Losses& losses, Kind kind) { return losses[static_cast<size_t>(kind)]; }

std::vector<std::string> objections(const DatabaseRows& before, const DatabaseRows& after,
                                    const LossLimits& limits = {}) {
  return limits.objections(losses(before, after));
}

void expect_loss(const Losses& found, Kind kind, const Loss& expected) {
  const Loss& loss = of(found, kind);
  const auto name = kKindNames[static_cast<size_t>(kind)];
  EXPECT_EQ(loss.before, expected.before) << name;
  EXPECT_EQ(loss.after, expected.after) << name;
  EXPECT_EQ(loss.lost, expected.lost) << name;
  EXPECT_EQ(loss.examples, expected.examples) << name;
}

TEST(Losses, NothingIsLostOfItself) {
  for (const auto& rows : {simple_rows(), odd_rows(), hosts(10, 30, 3)}) {
    for (const auto& loss : losses(rows, rows)) {
      EXPECT_EQ(loss.lost, 0u);
      EXPECT_EQ(loss.before, loss.after);
      EXPECT_THAT(loss.examples, IsEmpty());
    }
  }
}

TEST(Losses, AreFoundByIdentity) {
  const auto found = losses(hosts(10, 59), hosts(60, 109));
  expect_loss(
      found, Kind::kHosts,
      {52,
       52,
       50,
       {"\"host10.example\" (id 10)", "\"host11.example\" (id 11)", "\"host12.example\" (id 12)",
        "\"host13.example\" (id 13)", "\"host14.example\" (id 14)"}});
  EXPECT_EQ(of(found, Kind::kUrls).lost, 50u);
  EXPECT_EQ(of(found, Kind::kListings).lost, 150u);
  EXPECT_EQ(of(found, Kind::kDirectories).lost, 0u);
}

TEST(Losses, AUrlThatIsReplacedIsNotLost) {
  const auto before = hosts(10, 11, 3);
  auto after = before;
  for (auto& row : after.host_category_urls) row.url = *row.url + "/moved";
  expect_loss(losses(before, after), Kind::kUrls, {8, 8, 0, {}});
  after.host_category_urls.pop_back();
  after.host_category_urls.push_back({9999, 1, "https://one.example/linux", false});
  expect_loss(losses(before, after), Kind::kUrls,
              {8, 8, 1, {"1 of 3 of \"host11.example\" (id 11)"}});
}

TEST(Losses, AHostWithoutUrlsIsLostAndItsCountry) {
  auto after = simple_rows();
  after.host_category_urls.pop_back();
  const auto found = losses(simple_rows(), after);
  expect_loss(found, Kind::kHosts, {2, 1, 1, {"\"two.example\" (id 2)"}});
  expect_loss(found, Kind::kCountries, {2, 1, 1, {"\"SE\""}});
  expect_loss(found, Kind::kListings,
              {6,
               3,
               3,
               {"1 of 2 mirrors of \"pub/linux\"", "1 of 2 mirrors of \"pub/linux/os\"",
                "1 of 2 mirrors of \"pub/linux/os/repodata\""}});
}

TEST(Losses, ADirectoryWithoutMirrorsIsLostAndItsRepository) {
  auto after = simple_rows();
  for (auto& row : after.host_categories) row.always_up2date = false;
  const auto found = losses(simple_rows(), after);
  expect_loss(found, Kind::kDirectories,
              {3,
               3,
               3,
               {"\"pub/linux\" has no mirror any more", "\"pub/linux/os\" has no mirror any more",
                "\"pub/linux/os/repodata\" has no mirror any more"}});
  expect_loss(found, Kind::kRepositories,
              {1, 1, 1, {"\"os+x86_64\"'s list has no mirror any more"}});
  // What has had none before has not lost any.
  expect_loss(losses(after, after), Kind::kDirectories, {3, 3, 0, {}});
}

// Directories that had one set of mirrors in common need not have it any more.
TEST(Losses, ListingsAreCountedForEachDirectory) {
  auto after = simple_rows();
  after.host_categories[1].always_up2date = false;
  after.host_category_dirs = {{1, 2, 2}};
  expect_loss(losses(simple_rows(), after), Kind::kListings,
              {6,
               4,
               2,
               {"1 of 2 mirrors of \"pub/linux\"", "1 of 2 mirrors of \"pub/linux/os/repodata\""}});
}

TEST(Losses, DirectoriesAndRepositoriesByName) {
  auto after = simple_rows();
  after.directories[1].name = "pub/linux/OS";
  after.repositories[0].prefix = "OS";
  const auto found = losses(simple_rows(), after);
  expect_loss(found, Kind::kDirectories, {3, 3, 1, {"\"pub/linux/os\""}});
  expect_loss(found, Kind::kRepositories, {1, 1, 1, {"\"os+x86_64\""}});
}

// Mirrors that only some clients are shown cannot stand for those that everybody had.
TEST(Losses, AMirrorThatIsNotForEverybodyAnyMore) {
  auto hidden = simple_rows();
  hidden.sites[0].is_private = true;
  auto restricted = simple_rows();
  for (int64_t host = 1; host <= 2; ++host)
    restricted.host_countries_allowed.push_back({host, host, "AQ"});
  for (const auto& after : {hidden, restricted}) {
    const auto found = losses(simple_rows(), after);
    for (const auto kind :
         {Kind::kDirectories, Kind::kRepositories, Kind::kListings, Kind::kCountries}) {
      EXPECT_GT(of(found, kind).lost, 0u) << kKindNames[static_cast<size_t>(kind)];
      EXPECT_EQ(of(found, kind).lost, of(found, kind).before);
    }
    // What never was for everybody is not lost.
    for (const auto& loss : losses(after, after)) EXPECT_EQ(loss.lost, 0u);
  }
}

// As clients ask for it: by its prefix, through redirects, with the checksums of its metadata.
TEST(Losses, ARepositoryThatIsThereAndNotAnswered) {
  auto before = simple_rows();
  FileDetailRow& detail = add_repomd(before);
  detail.timestamp = 1'700'000'000;
  detail.size = 1;
  detail.sha256 = std::string(64, 'a');
  const auto lost = [&before](const DatabaseRows& after) {
    return of(losses(before, after), Kind::kRepositories).examples;
  };
  EXPECT_THAT(lost(before), IsEmpty());
  auto disabled = before;
  disabled.repositories[0].disabled = true;
  EXPECT_THAT(lost(disabled), ElementsAre(HasSubstr("\"os+x86_64\"")));
  auto redirected = before;
  redirected.repository_redirects.push_back({1, "os", "nowhere"});
  EXPECT_THAT(lost(redirected), ElementsAre("\"os+x86_64\"'s list is not to be had any more"));
  auto unknown = before;
  unknown.file_details.clear();
  EXPECT_THAT(lost(unknown), ElementsAre("\"os+x86_64\"'s metalink is not to be had any more"));
}

// Who was a mirror for some clients only is missed by them.
TEST(Losses, MirrorsThatNotEverybodyIsShownCountToo) {
  auto before = simple_rows();
  before.sites[0].is_private = true;
  auto after = before;
  for (auto& row : after.host_categories) row.always_up2date = false;
  const auto found = losses(before, after);
  for (const auto kind :
       {Kind::kDirectories, Kind::kRepositories, Kind::kListings, Kind::kRepositoryListings}) {
    EXPECT_GT(of(found, kind).lost, 0u) << kKindNames[static_cast<size_t>(kind)];
    EXPECT_EQ(of(found, kind).lost, of(found, kind).before);
  }
}

TEST(Losses, AUrlThatNoListShowsIsNoUrl) {
  auto after = simple_rows();
  for (auto& row : after.host_category_urls) row.url = "x" + *row.url;
  auto found = losses(simple_rows(), after);
  for (const auto kind : {Kind::kHosts, Kind::kUrls, Kind::kDirectories, Kind::kRepositories,
                          Kind::kListings, Kind::kRepositoryListings}) {
    EXPECT_GT(of(found, kind).lost, 0u) << kKindNames[static_cast<size_t>(kind)];
    EXPECT_EQ(of(found, kind).lost, of(found, kind).before);
  }
}

TEST(Losses, UrlsOfOtherServersAreNoReplacementForMany) {
  const auto moved = [](int64_t count) {
    const auto before = hosts(10, 30);
    auto after = before;
    for (auto& row : after.host_category_urls) {
      if (count-- > 0) row.url = "https://new." + row.url->substr(row.url->find("://") + 3);
    }
    const auto found = losses(before, after);
    EXPECT_EQ(of(found, Kind::kHosts).lost, 0u);
    return of(found, Kind::kUrls);
  };
  EXPECT_EQ(moved(10).lost, 0u);
  const auto many = moved(11);
  EXPECT_EQ(many.lost, 11u);
  EXPECT_THAT(many.examples[0],
              HasSubstr("1 of 1 of \"one.example\" (id 1) are of another server"));
}

TEST(Losses, ARepositoryThatLeadsToAnothersPlace) {
  auto before = simple_rows();
  auto other = before.repositories[0];
  other.id = 2;
  other.prefix = "other";
  other.directory_id = 1;
  before.repositories.push_back(other);
  auto after = before;
  after.repositories[0].directory_id = 1;
  EXPECT_THAT(of(losses(before, after), Kind::kRepositories).examples,
              ElementsAre("\"os+x86_64\"'s list leads to \"pub/linux\", which was another's"));
  // A place of its own: it has moved.
  after = before;
  after.repositories[0].directory_id = 3;
  EXPECT_THAT(of(losses(before, after), Kind::kRepositories).examples, IsEmpty());
}

TEST(Losses, AMetalinkWithoutAChecksumIsNone) {
  auto before = simple_rows();
  FileDetailRow& detail = add_repomd(before);
  detail.sha256 = std::string(64, 'a');
  auto after = before;
  after.file_details.back().sha256.reset();
  EXPECT_THAT(of(losses(before, after), Kind::kRepositories).examples,
              ElementsAre("\"os+x86_64\"'s metalink is not to be had any more"));
}

TEST(Losses, CountriesOnAnotherContinentAndAsNumbers) {
  auto rows = simple_rows();
  rows.hosts[0].asn = 64496;
  rows.hosts[0].asn_clients = true;
  SmallInputs had, has;
  had.netblocks = "192.0.2.0/24 64496\n";
  has.netblocks = "192.0.2.0/24 64497\n";
  has.country_continent = "DE,EU\nSE,AS\nJP,AS\n";
  const auto before = compile_rows(rows, had);
  const auto after = compile_rows(rows, has);
  const auto found = find_losses(before.view, after.view);
  EXPECT_THAT(render_diff(before.view, after.view, {}, {}),
              ::testing::AllOf(HasSubstr("AS numbers: 1 -> 0: 1 gone\n  gone     AS64496\n"),
                               HasSubstr("\"SE\": continent \"EU\" -> \"AS\"\n")));
  expect_loss(found, Kind::kAsns, {1, 0, 1, {"AS64496"}});
  expect_loss(found, Kind::kCountries, {2, 2, 1, {"\"SE\" is on another continent"}});
}

TEST(Diff, NamesWhatLostItsChecksumsAndWhatMoved) {
  auto before = simple_rows();
  add_repomd(before);
  const auto diff = [&before](const DatabaseRows& after, size_t shown_max) {
    return render_diff(compile_rows(before).view, compile_rows(after).view, {}, {shown_max});
  };
  auto after = before;
  after.file_details.clear();
  EXPECT_THAT(diff(after, 10), HasSubstr("\"pub/linux/os/repodata\": no checksums any more of "
                                         "\"repomd.xml\"\n"));
  after = before;
  after.file_details.back().sha256 = std::string(64, 'b');
  EXPECT_THAT(diff(after, 10), ::testing::Not(HasSubstr("repodata")));
  EXPECT_THAT(diff(after, DiffOptions::kAll),
              HasSubstr("\"pub/linux/os/repodata\": other checksums\n"));
  after = before;
  auto other = after.categories.front();
  other.id = 2;
  other.name = "Other";
  after.categories.push_back(other);
  for (auto& row : after.category_directories) {
    if (row.directory_id == 3) row.category_id = 2;
  }
  EXPECT_THAT(diff(after, 10), ::testing::AllOf(HasSubstr("1 to other categories"),
                                                HasSubstr("1 from other categories"),
                                                HasSubstr("; was in category \"Linux\"")));
}

TEST(Losses, NetblocksByHostAndPrefix) {
  auto before = simple_rows();
  // Two halves of one prefix with one host, which lie in one range of the file; a prefix within
  // another; the same one of two hosts; the last addresses of both families.
  const char* texts[] = {"10.0.0.0/9",         "10.128.0.0/9",  "10.1.0.0/16",
                         "192.0.2.0/24",       "2001:db8::/33", "2001:db8:8000::/33",
                         "255.255.255.255/32", "ffff::/16"};
  int64_t id = 0;
  for (const char* text : texts) before.host_netblocks.push_back({++id, 1, text});
  before.host_netblocks.push_back({++id, 2, "192.0.2.0/24"});
  const auto compiled = compile_rows(before);
  std::vector<std::string> found;
  for (const auto& netblock : netblocks_of(compiled.view))
    found.push_back(fmt::format("{} {}", netblock.prefix.to_string(), netblock.host));
  EXPECT_THAT(found,
              UnorderedElementsAre("10.0.0.0/9 1", "10.128.0.0/9 1", "10.1.0.0/16 1",
                                   "192.0.2.0/24 1", "192.0.2.0/24 2", "2001:db8::/33 1",
                                   "2001:db8:8000::/33 1", "255.255.255.255/32 1", "ffff::/16 1"));
  auto after = before;
  after.host_netblocks[1].netblock = "11.0.0.0/9";
  after.host_netblocks.pop_back();
  expect_loss(losses(before, after), Kind::kNetblocks,
              {9, 8, 2, {"10.128.0.0/9 of host 1", "192.0.2.0/24 of host 2"}});
}

TEST(Limits, ThePercentageAndSmallLosses) {
  const LossLimits limits;
  const auto allowed = [&limits](uint64_t before) {
    return limits.part_allowed(Kind::kHosts, before);
  };
  // At most half, up to ten, and from a hundred on ten percent.
  const std::pair<uint64_t, uint64_t> cases[] = {
      {0, 0},   {1, 0},   {2, 1},    {3, 1},    {5, 2},    {20, 10},
      {21, 10}, {99, 10}, {109, 10}, {110, 11}, {700, 70}, {1'000'000, 100'000}};
  for (const auto& [before, expected] : cases) EXPECT_EQ(allowed(before), expected) << before;
  EXPECT_EQ(limits.part_allowed(Kind::kDirectories, 120'000), 30'000u);
}

// The rule that this one replaced: more than half of anything must remain.
TEST(Limits, AreAtLeastAsStrictAsHalf) {
  const LossLimits limits;
  for (size_t kind = 0; kind < kKinds; ++kind) {
    for (uint64_t before = 0; before < 500; ++before)
      EXPECT_LE(limits.part_allowed(static_cast<Kind>(kind), before) * 2, before);
  }
}

TEST(Limits, SmallWorldsMayLoseHalf) {
  EXPECT_THAT(objections(hosts(10, 11), simple_rows()), IsEmpty());  // 4 -> 2
  EXPECT_THAT(objections(hosts(10, 12), simple_rows()),              // 5 -> 2
              ElementsAre("hosts: 5 before, 2 now, 3 lost, but --max-lost hosts=10% allows 2: "
                          "\"host10.example\" (id 10), \"host11.example\" (id 11), "
                          "\"host12.example\" (id 12)",
                          HasSubstr("urls: 5 before, 2 now, 3 lost"),
                          HasSubstr("listings: 15 before, 6 now, 9 lost"),
                          HasSubstr("repository-listings: 5 before, 2 now, 3 lost")));
}

TEST(Limits, LargeWorldsMayNot) {
  EXPECT_THAT(objections(hosts(101, 298), hosts(121, 298)), IsEmpty());  // 20 of 200
  const auto found = objections(hosts(101, 298), hosts(122, 298));
  EXPECT_THAT(found, ElementsAre(HasSubstr("hosts: 200 before, 179 now, 21 lost, but --max-lost "
                                           "hosts=10% allows 20: \"host101.example\" (id 101), "),
                                 HasSubstr("urls: 200 before")));
  EXPECT_THAT(found[0], ::testing::EndsWith("\"host105.example\" (id 105), ..."));
}

TEST(Limits, AnAbsoluteOneHoldsBesides) {
  LossLimits limits;
  ASSERT_TRUE(limits.set_max_lost("hosts=1"));
  EXPECT_THAT(objections(hosts(10, 11), hosts(11, 11), limits), IsEmpty());
  EXPECT_THAT(objections(hosts(10, 11), simple_rows(), limits),
              ElementsAre(HasSubstr("hosts: 4 before, 2 now, 2 lost, but --max-lost hosts=1 allows "
                                    "1: ")));
  ASSERT_TRUE(limits.set_max_lost("hosts=0"));
  EXPECT_THAT(objections(hosts(10, 11), hosts(11, 11), limits), ElementsAre(HasSubstr("hosts=0")));
  // The last one counts; 100% switches the percentage off.
  ASSERT_TRUE(limits.set_max_lost("hosts=99"));
  ASSERT_TRUE(limits.set_max_lost("hosts=100%"));
  ASSERT_TRUE(limits.set_max_lost("urls=100%"));
  ASSERT_TRUE(limits.set_max_lost("listings=100%"));
  ASSERT_TRUE(limits.set_max_lost("repository-listings=100%"));
  EXPECT_THAT(objections(hosts(10, 60), simple_rows(), limits), IsEmpty());
}

TEST(Limits, AtLeast) {
  LossLimits limits;
  ASSERT_TRUE(limits.set_at_least("hosts=2"));
  EXPECT_THAT(objections(simple_rows(), simple_rows(), limits), IsEmpty());
  ASSERT_TRUE(limits.set_at_least("hosts=3"));
  ASSERT_TRUE(limits.set_at_least("directories=4"));
  EXPECT_THAT(objections(simple_rows(), simple_rows(), limits),
              ElementsAre("hosts: 2 are fewer than --at-least hosts=3",
                          "directories: 3 are fewer than --at-least directories=4"));
}

TEST(Limits, EveryKindHasItsName) {
  for (const auto name : kKindNames) {
    LossLimits limits;
    EXPECT_TRUE(limits.set_at_least(fmt::format("{}=1000000", name)));
    EXPECT_THAT(objections(odd_rows(), odd_rows(), limits),
                ElementsAre(HasSubstr(fmt::format("--at-least {}=1000000", name))));
  }
}

TEST(Limits, PercentagesMayHaveAFraction) {
  LossLimits limits;
  ASSERT_TRUE(limits.set_max_lost("directories=0.5%"));
  EXPECT_EQ(limits.part_allowed(Kind::kDirectories, 100'000), 500u);
  ASSERT_TRUE(limits.set_max_lost("directories=12.25%"));
  EXPECT_EQ(limits.part_allowed(Kind::kDirectories, 100'000), 12'250u);
  ASSERT_TRUE(limits.set_max_lost("hosts=0%"));
  EXPECT_EQ(limits.part_allowed(Kind::kHosts, 100'000), kSmallLoss);
}

TEST(Limits, WrongOnesAreRefused) {
  LossLimits limits;
  for (const char* text : {"",
                           "hosts",
                           "=1",
                           "hosts=",
                           "hosts=-1",
                           "hosts=%",
                           "hosts=101%",
                           "hosts=100.01%",
                           "hosts=1.%",
                           "hosts=.5%",
                           "hosts=1.234%",
                           "hosts=1e2%",
                           "hosts= 1",
                           "hosts=1 ",
                           "Hosts=1",
                           "mirrors=1",
                           "hosts=99999999999999999999",
                           "hosts=-5%",
                           "hosts=1.-5%",
                           "\x01=1"}) {
    const auto set = limits.set_max_lost(text);
    ASSERT_FALSE(set) << text;
    EXPECT_FALSE(set.error().message.empty());
  }
  for (const char* text : {"", "hosts", "hosts=", "hosts=5%", "hosts=-1", "host=1"})
    EXPECT_FALSE(limits.set_at_least(text)) << text;
  EXPECT_THAT(limits.set_max_lost("mirrors=1").error().message,
              HasSubstr("hosts, urls, countries, directories, repositories, netblocks, asns, "
                        "listings, repository-listings"));
}

}  // namespace
}  // namespace mirror
