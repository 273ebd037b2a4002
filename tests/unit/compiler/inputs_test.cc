// The parsers of what people type and of the files beside the database.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/core/netblock_text.h"
#include "compiler/tables.h"
#include "compiler/text_rules.h"
#include "schema/snapshot/snapshot.h"

namespace mirror {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

// What became of a text: the prefix, "name:NAME", or "fault".
std::string parsed(std::string_view text, bool names = true) {
  const auto netblock = parse_netblock(text, names);
  if (const auto* prefix = std::get_if<IpPrefix>(&netblock)) return prefix->to_string();
  if (const auto* name = std::get_if<NetblockName>(&netblock)) return "name:" + name->name;
  return "fault";
}

TEST(NetblockText, TakesPrefixesAndAddresses) {
  EXPECT_EQ(parsed("10.1.2.3/8"), "10.0.0.0/8");
  EXPECT_EQ(parsed("010.001.000.000/08"), "10.0.0.0/8");
  EXPECT_EQ(parsed("  2001:DB8::/32 "), "2001:db8::/32");
  EXPECT_EQ(parsed("::ffff:1.2.3.4/120"), "::ffff:1.2.3.0/120");
  EXPECT_EQ(parsed("192.0.2.7"), "192.0.2.7/32");
  EXPECT_EQ(parsed("2001:db8::7"), "2001:db8::7/128");
}

TEST(NetblockText, TakesNetmasksWithoutHoles) {
  EXPECT_EQ(parsed("1.2.3.4/255.255.255.248"), "1.2.3.0/29");
  EXPECT_EQ(parsed("2001:db8::/ffff:ffff::"), "2001:db8::/32");
  EXPECT_EQ(parsed("1.2.3.4/255.0.255.0"), "fault");
  EXPECT_EQ(parsed("1.2.3.4/0.0.0.255"), "fault");
  EXPECT_EQ(parsed("1.2.3.4/ffff::"), "1.2.0.0/16");  // as today, though it is hardly meant
}

// C-10: each of these killed a whole run.
TEST(NetblockText, C10LeavesOutHalfPrefixes) {
  for (const char* text :
       {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/24 # x", "2001:db8::/129", "host/10.0.0.1",
        "10.0.0/24", "10.0.0.0 /8", "host/24", "/", "a/b/c", "", "   "}) {
    EXPECT_EQ(parsed(text), "fault") << text;
  }
}

// C-11: a resolver reads these as octal, as short forms or as zones.
TEST(NetblockText, C11RefusesOtherSpellingsOfAddresses) {
  for (const char* text : {"010.0.0.1", "10.1", "167772161", "0x7f.1", "0x7f000001", "fe80::1%eth0",
                           "1.2.3.4-1.2.3.9", "a..b", "-a.example", "a_b!.example", "1.2.3.4."}) {
    EXPECT_EQ(parsed(text), "fault") << text;
  }
}

TEST(NetblockText, TakesHostNames) {
  EXPECT_EQ(parsed("Mirror.Example.ORG."), "name:mirror.example.org");
  EXPECT_EQ(parsed("localhost"), "name:localhost");
  EXPECT_EQ(parsed("mirror.example", false), "fault");
  EXPECT_EQ(parsed(std::string(64, 'a') + ".example"), "fault");
}

TEST(NetblockText, C09KnowsWhatIsTooWide) {
  EXPECT_EQ(width_of(*IpPrefix::parse("0.0.0.0/0")), PrefixWidth::kAll);
  EXPECT_EQ(width_of(*IpPrefix::parse("::/0")), PrefixWidth::kAll);
  EXPECT_EQ(width_of(*IpPrefix::parse("8.0.0.0/7")), PrefixWidth::kSuspicious);
  EXPECT_EQ(width_of(*IpPrefix::parse("10.0.0.0/8")), PrefixWidth::kFine);
  EXPECT_EQ(width_of(*IpPrefix::parse("2000::/15")), PrefixWidth::kSuspicious);
  EXPECT_EQ(width_of(*IpPrefix::parse("2001::/16")), PrefixWidth::kFine);
}

TEST(Tables, ReadsPrefixesAndAsNumbers) {
  Diagnostics diagnostics;
  const auto table = parse_prefix_asns(
      "# comment\n"
      "\n"
      "192.0.2.0/24 64500 ignored\r\n"
      "\t198.051.100.0/24\t64501\n"
      "192.0.2.7/24 64502\n"  // the same prefix again: the later line counts
      "203.0.113.0/24 AS64503\n"
      "2001:db8::/32 -1\n"
      "10.0.0.0/8\n"
      "10.0.0.1 64500\n"
      "0.0.0.0/0 64500\n"
      "10.192.0.0/9 64504",
      "netblocks", diagnostics);
  std::vector<std::pair<std::string, int64_t>> entries;
  for (const auto& entry : table)
    entries.emplace_back(entry.prefix.to_string(), entry.known ? entry.asn : -999);
  EXPECT_THAT(entries, ElementsAre(Pair("10.128.0.0/9", 64504), Pair("192.0.2.0/24", 64502),
                                   Pair("198.51.100.0/24", 64501), Pair("203.0.113.0/24", -999),
                                   Pair("2001:db8::/32", -1)));
  EXPECT_EQ(diagnostics.count("netblocks", "lines have no AS number"), 1u);
  EXPECT_EQ(diagnostics.count("netblocks", "lines name the whole address space"), 1u);
  EXPECT_EQ(diagnostics.count("netblocks", "lines do not begin with a prefix"), 1u);
}

//
TEST(Tables, ReadsCountriesWhateverTheirSpelling) {
  Diagnostics diagnostics;
  const auto table = parse_country_continents(
      "iso 3166 country,continent code\nDE,EU\n\"se\", \"eu\" "
      "\nfr,EU,ignored\nFR,NA\nXX\nUSA,NA\n\n# DK,EU\nGL ,na\r\n",
      "csv", diagnostics);
  EXPECT_THAT(table,
              ElementsAre(Pair("DE", "EU"), Pair("FR", "NA"), Pair("GL", "NA"), Pair("SE", "EU")));
  EXPECT_EQ(diagnostics.count(), 2u);
}

TEST(Tables, AContinentHasACleanName) {
  Diagnostics diagnostics;
  const std::string longest(kTextSizeMax, 'A');
  const auto table = parse_country_continents(
      "DE,\nFR,\"\"\nSE,a\x01\nUS,\xff\nJP," + longest + "\nGL," + longest + "A\n", "csv",
      diagnostics);
  EXPECT_THAT(table, ElementsAre(Pair("JP", longest)));
  EXPECT_EQ(diagnostics.count("csv", "lines have no continent"), 2u);
  EXPECT_EQ(diagnostics.count(), 5u);
}

TEST(Tables, ShipsEveryCountry) {
  const auto table = default_country_continents();
  EXPECT_EQ(table.size(), 250u);  // country_table_test.cc looks at each
  EXPECT_EQ(table.at("DE"), "EU");
  EXPECT_EQ(table.at("NA"), "AF");
}

std::string url(std::string_view text) {
  const auto result = normalize_url(text);
  const auto* good = std::get_if<std::string>(&result);
  return good != nullptr ? *good : "fault";
}

// C-08, Q-20, Q-22.
TEST(TextRules, C08NormalizesUrls) {
  EXPECT_EQ(url(" https://a.example/b// \n"), "https://a.example/b");
  EXPECT_EQ(url("http://a.example/?q=1&r=2"), "http://a.example/?q=1&r=2");
  for (const char* text : {"", "a.example/b", "http://", "://a.example", "http://a b/",
                           "http://a\x01/", "http://\xff/"}) {
    EXPECT_EQ(url(text), "fault") << text;
  }
  EXPECT_EQ(url("http://a.example/" + std::string(kTextSizeMax, 'x')), "fault");
}

TEST(TextRules, ClampsWeights) {
  EXPECT_EQ(clamp_weight(INT64_MIN), 1u);
  EXPECT_EQ(clamp_weight(0), 1u);
  EXPECT_EQ(clamp_weight(77), 77u);
  EXPECT_EQ(clamp_weight(INT64_MAX), kWeightMax);
}

TEST(Diagnostics, CountsAllAndKeepsTheFirst) {
  Diagnostics diagnostics;
  for (int64_t i = 0; i < 1000; ++i) diagnostics.add("host", "is odd", i, "x");
  ASSERT_EQ(diagnostics.entries().size(), 1u);
  EXPECT_EQ(diagnostics.count("host", "is odd"), 1000u);
  EXPECT_THAT(diagnostics.entries().begin()->second.examples,
              ElementsAre("0 x", "1 x", "2 x", "3 x", "4 x"));
}

}  // namespace
}  // namespace mirror
