// One test a rule; C-nn and Q-nn are the numbers of the register of today's quirks.
#include "compiler/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/compiler/small_compile.h"

namespace mirror {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

class OddRows : public ::testing::Test {
 protected:
  OddRows() {
    inputs.netblocks = "192.0.2.0/24 64500\n192.0.2.128/25 64999\n2001:db8::/32 64501\n";
    inputs.resolver.answers["mirror.example"] = {*IpAddress::parse("198.18.0.1"),
                                                 *IpAddress::parse("::ffff:198.18.0.2")};
    snapshot = compile_rows(odd_rows(), inputs);
  }
  std::string_view country_of(int64_t host) const {
    const uint32_t country = snapshot.view.hosts[snapshot.host_place(host)].country();
    return country == kNone ? "-" : snapshot.view.text(snapshot.view.countries[country].name());
  }
  uint32_t weight_of(int64_t host) const {
    return snapshot.view.hosts[snapshot.host_place(host)].weight();
  }
  SmallInputs inputs;
  SmallSnapshot snapshot;
};

TEST_F(OddRows, C17HostsWithoutSiteDoNotExist) {
  EXPECT_EQ(snapshot.host_place(3), kNone);
  EXPECT_EQ(snapshot.host_place(12), kNone);
  EXPECT_EQ(snapshot.count("host", "hosts have no site; left out"), 2u);
}

TEST_F(OddRows, PrivateHostsAreReachableButNotListed) {
  EXPECT_THAT(snapshot.global("pub/linux/os"), ElementsAre(1, 2, 8, 9, 10, 11));
  EXPECT_THAT(snapshot.others("pub/linux/os"), ElementsAre(4, 5));
}

TEST_F(OddRows, InactiveHostsAreKeptForPeopleOnly) {
  EXPECT_NE(snapshot.host_place(6), kNone);
  EXPECT_NE(snapshot.host_place(7), kNone);
  EXPECT_EQ(snapshot.view.categories[0].hosts().count(), 10u);
  EXPECT_THAT(snapshot.netblocks("172.16.0.1"), IsEmpty());
}

TEST_F(OddRows, BandwidthBecomesAWeight) {
  EXPECT_EQ(weight_of(1), 1000u);
  EXPECT_EQ(weight_of(4), 100u);  // NULL (C-05)
  EXPECT_EQ(weight_of(8), 1u);
  EXPECT_EQ(weight_of(9), 100'000u);
}

TEST_F(OddRows, CountriesAreTrimmedAndUpperCase) {
  EXPECT_EQ(country_of(8), "US");
  EXPECT_EQ(country_of(9), "");
  EXPECT_EQ(country_of(10), "-");
  EXPECT_THAT(
      snapshot.groups("pub/linux/os"),
      ElementsAre(Pair("", ElementsAre(9)), Pair("DE", ElementsAre(1)), Pair("JP", ElementsAre(11)),
                  Pair("SE", ElementsAre(2)), Pair("US", ElementsAre(8))));
}

TEST_F(OddRows, CountriesAllowedComeFromBothTables) {
  const auto& host = snapshot.view.hosts[snapshot.host_place(1)];
  std::vector<std::string> names;
  for (const uint32_t country :
       SnapshotView::part(snapshot.view.allowed_countries, host.allowed())) {
    names.emplace_back(snapshot.view.text(snapshot.view.countries[country].name()));
  }
  EXPECT_THAT(names, ElementsAre("DE", "FR"));
  EXPECT_EQ(host.restricted(), 1u);
  // An empty text is a country that nobody comes from.
  EXPECT_EQ(snapshot.view.hosts[snapshot.host_place(8)].restricted(), 1u);
  EXPECT_EQ(snapshot.view.hosts[snapshot.host_place(2)].restricted(), 0u);
  EXPECT_EQ(snapshot.count("host_country", "rows have no country; left out"), 2u);
}

TEST_F(OddRows, AsNumbersNeedConsentPeerOnesDoNot) {
  EXPECT_EQ(snapshot.asn("192.0.2.1"), 64500);
  EXPECT_EQ(snapshot.asn("192.0.2.200"), 0);  // shadowed by a prefix of somebody else
  EXPECT_EQ(snapshot.asn("2001:db8::1"), 64501);
  const auto hosts =
      SnapshotView::part(snapshot.view.asn_hosts, snapshot.view.asn_groups[0].hosts());
  EXPECT_THAT(std::vector(hosts.begin(), hosts.end()),
              ElementsAre(snapshot.host_place(10), snapshot.host_place(11)));
  EXPECT_EQ(snapshot.view.asn_groups.size(), 2u);
}

TEST_F(OddRows, NetblocksAreFlattened) {
  EXPECT_THAT(snapshot.netblocks("10.1.2.3"), ElementsAre("1/32", "1/16", "5/16", "1/8", "2/8"));
  EXPECT_THAT(snapshot.netblocks("10.1.9.9"), ElementsAre("1/16", "5/16", "1/8", "2/8"));
  EXPECT_THAT(snapshot.netblocks("10.2.0.0"), ElementsAre("2/16", "1/8", "2/8"));
  EXPECT_THAT(snapshot.netblocks("10.3.0.0"), ElementsAre("1/8", "2/8"));
  EXPECT_THAT(snapshot.netblocks("192.0.2.127"), ElementsAre("1/25"));
  EXPECT_THAT(snapshot.netblocks("192.0.2.128"), IsEmpty());
  EXPECT_THAT(snapshot.netblocks("2001:db8:ffff::"), ElementsAre("2/32"));
}

TEST_F(OddRows, C09TheWholeWorldIsNoNetblock) {
  EXPECT_THAT(snapshot.netblocks("203.0.113.9"), IsEmpty());
  EXPECT_EQ(snapshot.count("host_netblock", "netblocks hold all addresses; left out"), 1u);
  EXPECT_THAT(snapshot.netblocks("5.0.0.1"), ElementsAre("2/7"));
  EXPECT_EQ(snapshot.count("host_netblock", "netblocks are very large"), 1u);
}

TEST_F(OddRows, C12NamesAreResolvedTogether) {
  EXPECT_THAT(inputs.resolver.asked, ElementsAre("dead.example", "mirror.example"));
  EXPECT_THAT(snapshot.netblocks("198.18.0.1"), ElementsAre("2/32"));
  EXPECT_THAT(snapshot.netblocks("198.18.0.2"), ElementsAre("2/32"));
  EXPECT_EQ(snapshot.count("host_netblock", "names could not be resolved and never were; left out"),
            1u);
  ASSERT_EQ(snapshot.new_names.size(), 1u);
  EXPECT_EQ(join_addresses(snapshot.new_names.at("mirror.example").addresses),
            "198.18.0.1,::ffff:198.18.0.2");
}

TEST_F(OddRows, C12ADeadResolverTakesNothingAway) {
  inputs.resolver.answers.clear();
  inputs.remembered["dead.example"] = {split_addresses("203.0.113.5, 2001:db8::5,junk"), 1};
  const auto again = compile_rows(odd_rows(), inputs);
  EXPECT_THAT(again.netblocks("203.0.113.5"), ElementsAre("2/32"));
  EXPECT_THAT(again.netblocks("2001:db8::5"), ElementsAre("2/128", "2/32"));
  EXPECT_EQ(
      again.count("host_netblock", "names could not be resolved; the last good answer is used"),
      1u);
  EXPECT_TRUE(again.new_names.empty());
}

TEST_F(OddRows, C12AnAnswerIsRememberedWhenItChangesOrGrowsOld) {
  const auto addresses = inputs.resolver.answers["mirror.example"];
  inputs.remembered["mirror.example"] = {addresses, inputs.now - 3600};
  EXPECT_TRUE(compile_rows(odd_rows(), inputs).new_names.empty());
  inputs.remembered["mirror.example"] = {addresses, inputs.now - 100'000};
  EXPECT_EQ(compile_rows(odd_rows(), inputs).new_names.size(), 1u);
}

TEST_F(OddRows, C22NetblockCountriesAreParsed) {
  EXPECT_EQ(snapshot.netblock_country("198.51.100.1"), "SE");   // the first of two equal prefixes
  EXPECT_EQ(snapshot.netblock_country("198.51.100.77"), "DE");  // the longest
  EXPECT_EQ(snapshot.netblock_country("203.0.113.1"), "-");
}

TEST_F(OddRows, C14TheLowestCategoryWins) {
  EXPECT_THAT(snapshot.global("pub/linux/both"), ElementsAre(1, 2, 8, 9, 10, 11));
  EXPECT_EQ(snapshot.view.text(snapshot.directory("pub/linux/both").subpath()), "both");
}

TEST_F(OddRows, C15ACategoryWithoutHostsGivesAnEmptyDirectory) {
  EXPECT_THAT(snapshot.global("pub/empty"), IsEmpty());
  EXPECT_EQ(snapshot.view.text(snapshot.directory("pub/empty").subpath()), "");
}

TEST_F(OddRows, C16DirectoriesLieBelowTheirTopDirectory) {
  EXPECT_EQ(snapshot.view.find_directory("pub/linux-secondary/x"), kNone);
  EXPECT_EQ(snapshot.repository("broken+x86_64"), "-");
  EXPECT_EQ(snapshot.view.find_directory("pub/nowhere"), kNone);
  EXPECT_EQ(snapshot.view.find_directory("pub/topless"), kNone);
  EXPECT_EQ(snapshot.view.find_directory("pub/linux/bad\nname"), kNone);
  EXPECT_EQ(snapshot.view.text(snapshot.directory("pub/linux/a&b").xml_subpath()), "a&amp;b");
}

TEST_F(OddRows, C18RowsOfOneHostAreMergedAndUrlsOrdered) {
  EXPECT_THAT(snapshot.global("pub/other"), ElementsAre(2));
  EXPECT_THAT(snapshot.urls("pub/other", 2),
              ElementsAre("https://two.example/other", "http://two.example/other?a=1&b=2",
                          "ftp://two.example/other", "rsync://two.example/other",
                          "gopher://two.example/other"));
  EXPECT_EQ(snapshot.count("host_category", "rows repeat a host in a category; taken together"),
            1u);
}

TEST_F(OddRows, Q21TextsAreEscapedInMetalinks) {
  bool seen = false;
  for (const auto& url : snapshot.view.urls) {
    if (snapshot.view.text(url.base()) != "http://two.example/other?a=1&b=2") continue;
    seen = true;
    EXPECT_EQ(snapshot.view.text(url.xml_base()), "http://two.example/other?a=1&amp;b=2");
    EXPECT_EQ(snapshot.view.text(url.metalink_head()),
              R"(    <url protocol="http" type="http" location="SE" preference=")");
  }
  EXPECT_TRUE(seen);
}

TEST_F(OddRows, C19TheHighestRepositoryWins) {
  EXPECT_EQ(snapshot.repository("twice+x86_64"), "pub/other");
  EXPECT_EQ(
      snapshot.count("repository", "rows repeat a prefix and architecture; the highest id counts"),
      1u);
}

TEST_F(OddRows, C20ADisabledPrefixIsDisabledForAllArchitectures) {
  const uint32_t os = snapshot.view.find_prefix("os");
  ASSERT_NE(os, kNone);
  EXPECT_EQ(snapshot.view.prefixes[os].disabled(), 1u);
  EXPECT_EQ(snapshot.view.text(snapshot.view.prefixes[os].redirect()), "elsewhere");
  EXPECT_EQ(snapshot.repository("os+x86_64"), "pub/linux/os");
  EXPECT_EQ(snapshot.view.find_prefix("no-version"), kNone);
  EXPECT_NE(snapshot.view.find_prefix(""), kNone);
}

TEST_F(OddRows, RedirectsNeedATarget) {
  const uint32_t rawhide = snapshot.view.find_prefix("rawhide");
  ASSERT_NE(rawhide, kNone);
  EXPECT_EQ(snapshot.view.text(snapshot.view.prefixes[rawhide].redirect()), "os");
  EXPECT_EQ(snapshot.view.find_prefix("gone"), kNone);
  EXPECT_EQ(snapshot.view.find_prefix("empty"), kNone);
}

TEST_F(OddRows, C21ContinentRedirectsAreNormalizedAndNeedTheTable) {
  const auto continent = [&](std::string_view name) {
    const uint32_t country = snapshot.view.find_country(name);
    if (country == kNone) return std::string("?");
    return std::string(snapshot.view.text(
        snapshot.view.continents[snapshot.view.countries[country].continent()].name()));
  };
  EXPECT_EQ(continent("JP"), "EU");
  EXPECT_EQ(continent("US"), "NA");
  EXPECT_EQ(continent("ZZ"), "?");
  EXPECT_EQ(continent("DE"), "EU");
}

TEST_F(OddRows, C07VersionsComeNewestFirstAndNullLast) {
  const auto block = snapshot.file_block("pub/linux/os/repodata", "repomd.xml");
  std::vector<std::string> hashes;
  for (size_t at = 0; (at = block.find("sha256\">", at)) != std::string::npos;) {
    at += 8;
    hashes.push_back(block.substr(at, block.find('<', at) - at));
  }
  // The negative timestamp counts as 0 but is one; its empty hash is none.
  EXPECT_THAT(hashes, ElementsAre("newest", "older", "older-too", "null-time"));
}

TEST_F(OddRows, C13NegativeNumbersAreLeftOut) {
  EXPECT_THAT(snapshot.file_block("pub/linux/os/repodata", "repomd.xml"),
              HasSubstr("    <mm0:alternate>\n      <verification>\n      </verification>\n    "
                        "</mm0:alternate>\n"));
}

TEST_F(OddRows, C23AtMostTenAlternates) {
  const auto block = snapshot.file_block("pub/linux/os", "many.iso");
  EXPECT_THAT(block, HasSubstr(">m10<"));
  EXPECT_EQ(block.find(">m11<"), std::string::npos);
}

TEST_F(OddRows, FilesOfUnreachableDirectoriesTakeNoRoom) {
  const std::string_view text(reinterpret_cast<const char*>(snapshot.bytes.data()),
                              snapshot.bytes.size());
  EXPECT_EQ(text.find("unreachable.iso"), std::string_view::npos);
}

TEST_F(OddRows, Q28TheListNamesEveryRepositoryOfTwoPartsOnce) {
  EXPECT_EQ(
      snapshot.view.text(snapshot.view.repository_list),
      "# following repositories are available:\n# repo=broken&arch=x86_64\n# repo=os&arch=source\n"
      "# repo=os&arch=x86_64\n# repo=os-source&arch=source\n# repo=twice&arch=x86_64\n");
  EXPECT_EQ(snapshot.repository("a+b+x86_64"), "pub/linux/os");
}

// Table, id and reason of every row that was left out.
TEST_F(OddRows, WhatIsLeftOutIsReported) {
  const auto examples = [&](std::string_view table, std::string_view reason) {
    const auto& entries = snapshot.diagnostics.entries();
    const auto entry = entries.find(std::pair(std::string(table), std::string(reason)));
    return entry == entries.end() ? std::vector<std::string>() : entry->second.examples;
  };
  EXPECT_THAT(examples("directory", "names are there twice; the first row counts"),
              ElementsAre("13 \"pub/linux/partly\""));
  EXPECT_THAT(examples("directory", "directories belong to no category; left out"),
              ElementsAre("7 \"pub/nowhere\""));
  EXPECT_THAT(
      examples("directory", "directories belong to a category without top directory; left out"),
      ElementsAre("8 \"pub/topless\""));
  EXPECT_THAT(
      examples("host_category_url",
               "URLs belong to a host_category that does not exist or was left out; left out"),
      ElementsAre(HasSubstr("3 "), HasSubstr("12 "), HasSubstr("28 \"http://lost")));
  EXPECT_THAT(examples("host_category_dir",
                       "host categories were left out, and what their hosts carry with them"),
              ElementsAre("22 (2 rows)"));
  EXPECT_THAT(
      examples("host_category_dir", "rows name a host_category that does not exist; left out"),
      ElementsAre("(host_category 99, directory 5)"));
  EXPECT_THAT(
      examples("repository", "rows have no directory, version, architecture or prefix; left out"),
      ElementsAre("7", "9"));
  EXPECT_THAT(examples("repository", "rows have an empty prefix and name no repository"),
              ElementsAre("8"));
  EXPECT_THAT(examples("repository_redirect", "rows have no repository or no target; left out"),
              ElementsAre("3"));
  EXPECT_THAT(examples("repository_redirect", "rows have an empty target, which is no redirect"),
              ElementsAre("4"));
}

// host_category_dir decides where nothing is always up to date.
TEST(Catalog, OnlyUpToDateHostsCarryADirectory) {
  auto rows = simple_rows();
  for (auto& row : rows.host_categories) row.always_up2date = false;
  rows.host_category_dirs = {{1, 2, 2}, {2, 1, 3}, {3, 2, 3}};
  const auto snapshot = compile_rows(rows);
  EXPECT_THAT(snapshot.global("pub/linux"), IsEmpty());
  EXPECT_THAT(snapshot.global("pub/linux/os"), ElementsAre(2));
  EXPECT_THAT(snapshot.global("pub/linux/os/repodata"), ElementsAre(1, 2));
  EXPECT_EQ(snapshot.view.carrier_sets.size(), 3u);
}

TEST(Catalog, EqualSetsAreStoredOnce) {
  auto rows = simple_rows();
  for (int64_t i = 0; i < 1000; ++i) {
    rows.directories.push_back({100 + i, fmt::format("pub/linux/d{}", i)});
    rows.category_directories.push_back({1, 100 + i});
  }
  EXPECT_EQ(compile_rows(rows).view.carrier_sets.size(), 1u);
}

TEST(Catalog, TheTopDirectoryMayEndInASlashOrBeEmpty) {
  auto rows = simple_rows();
  rows.directories[0].name = "pub/linux/";
  EXPECT_EQ(compile_rows(rows).view.text(compile_rows(rows).directory("pub/linux/os").subpath()),
            "os");
  rows.directories[0].name = "";
  const auto snapshot = compile_rows(rows);
  EXPECT_EQ(snapshot.view.text(snapshot.directory("pub/linux/os").subpath()), "pub/linux/os");
  EXPECT_NE(snapshot.view.find_directory(""), kNone);
}

TEST(Catalog, AnEmptyDatabaseGivesAnEmptySnapshot) {
  const auto snapshot = compile_rows(DatabaseRows{});
  EXPECT_EQ(snapshot.view.directories.size(), 0u);
  EXPECT_EQ(snapshot.view.find_directory("pub"), kNone);
  EXPECT_THAT(snapshot.netblocks("10.0.0.1"), IsEmpty());
}

TEST(Catalog, TheSameRowsGiveTheSameBytes) {
  SmallInputs inputs;
  inputs.netblocks = "192.0.2.0/24 64500\n";
  const auto first = compile_rows(odd_rows(), inputs);
  const auto second = compile_rows(odd_rows(), inputs);
  EXPECT_EQ(first.bytes, second.bytes);
  inputs.created_at += 1;
  const auto later = compile_rows(odd_rows(), inputs);
  EXPECT_NE(first.bytes, later.bytes);
  const auto digest = [](const SmallSnapshot& snapshot) {
    return digest_of_file(
        {reinterpret_cast<const char*>(snapshot.bytes.data()), snapshot.bytes.size()});
  };
  EXPECT_EQ(digest(first), digest(later));
}

}  // namespace
}  // namespace mirror
