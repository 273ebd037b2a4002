// Each group and each reason of an explanation, the chances that it gives mirrors against the draws
// of a real Answerer, and hostile targets.
#include "edge/answer/explanation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "base/core/text.h"
#include "tests/unit/answer/answer_world.h"
#include "tests/unit/answer/hostile_targets.h"
#include "tests/unit/answer/mmdb_writer.h"
#include "tests/unit/answer/seed.h"

namespace mirror {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr uint32_t kActive =
    kHostAdminActive | kHostUserActive | kSiteAdminActive | kSiteUserActive;

// Codes of the reasons why a host is missing; "in GROUP" if it is not.
std::vector<std::string> fate(const Explanation& told, const std::string& host) {
  std::vector<std::string> fates;
  for (const ExplainedGroup& group : told.groups) {
    for (const ExplainedMirror& mirror : group.mirrors) {
      if (mirror.host.name == host) fates.push_back("in " + std::string(code_of(group.group)));
    }
  }
  for (const ExplainedAbsence& absence : told.absences) {
    if (absence.host.name != host) continue;
    for (const Absence& reason : absence.reasons) fates.emplace_back(code_of(reason.reason));
  }
  return fates;
}

const ExplainedGroup& group(const Explanation& told, AnswerGroup wanted) {
  return told.groups[static_cast<size_t>(wanted) - 1];
}

std::string skip(const Explanation& told, AnswerGroup wanted) {
  const auto skip = group(told, wanted).skip;
  return skip ? std::string(code_of(*skip)) : "";
}

class ExplanationTest : public testing::Test {
 protected:
  ExplanationTest() {
    for (const auto& [country, continent] : std::map<std::string, std::string>{
             {"AT", "EU"}, {"DE", "EU"}, {"SE", "EU"}, {"US", "NA"}, {"JP", "AS"}, {"CN", "AS"}}) {
      builder_.inputs.country_continents[country] = continent;
    }
    builder_.client_country("10.0.0.0/8", "DE");
    builder_.client_country("11.0.0.0/8", "US");
    builder_.client_country("12.0.0.0/8", "AT");
  }
  // A directory pub/os that all hosts carry but the `missing`, in a category of all.
  void make(const std::set<uint32_t>& missing = {}) {
    std::vector<uint32_t> carriers;
    for (uint32_t host = 0; host < builder_.world.hosts.size(); ++host) {
      if (!missing.contains(host)) carriers.push_back(host);
    }
    builder_.directory("pub/os", "os", carriers, {{"a.iso", {}}});
    builder_.category("Linux", {"pub/os"});
    builder_.repository("os-1+x86_64", "pub/os");
    builder_.world.prefixes["old"] = {.redirect = "", .disabled = true};
    snapshot_.emplace(builder_.build());
  }
  Explanation ask(const std::string& query, std::string_view client = "10.0.0.1",
                  uint32_t minimum = 1) {
    target_ = query.starts_with('/') ? query : "/mirrorlist?" + query;
    return explain(
        snapshot_->view(), nullptr, {.minimum = minimum},
        {.target = target_, .client = IpAddress::parse(client), .sequence = 0, .digest = {}});
  }

  WorldBuilder builder_;
  std::optional<SnapshotInMemory> snapshot_;
  std::string target_;
};

TEST_F(ExplanationTest, EachGroupNamesItsMirrors) {
  builder_.host({.country = "JP", .urls = {"http://h0/p"}});
  builder_.host({.country = "JP", .urls = {"http://h1/p"}});
  builder_.host({.country = "DE", .urls = {"http://h2/p"}});
  builder_.host({.country = "SE", .urls = {"http://h3/p"}});
  builder_.host({.country = "US", .urls = {"http://h4/p"}});
  builder_.netblock("10.0.0.0/16", 0);
  builder_.netblock("10.0.0.0/24", 0);
  builder_.netblock("10.0.0.0/16", 4);
  builder_.asn(65001, "10.0.0.0/16", {0, 1});
  make();
  const Explanation told = ask("path=pub/os", "10.0.0.1", 9);
  EXPECT_THAT(fate(told, "host0"), ElementsAre("in netblock"));
  EXPECT_THAT(fate(told, "host4"), ElementsAre("in netblock"));
  EXPECT_THAT(fate(told, "host1"), ElementsAre("in asn"));
  EXPECT_THAT(fate(told, "host2"), ElementsAre("in geoip"));
  EXPECT_THAT(fate(told, "host3"), ElementsAre("in continent"));
  EXPECT_THAT(told.absences, IsEmpty());
  const auto& netblock = group(told, AnswerGroup::kNetblock).mirrors;
  EXPECT_EQ(netblock[0].prefix, "10.0.0.0/24");
  EXPECT_EQ(netblock[0].probability, 1);
  EXPECT_EQ(netblock[1].prefix, "10.0.0.0/16");
  EXPECT_EQ(netblock[1].probability, 0);
  EXPECT_THAT(netblock[1].urls, ElementsAre("http://h4/p/os/"));
  EXPECT_EQ(skip(told, AnswerGroup::kCountry), "no_country_requested");
  EXPECT_EQ(skip(told, AnswerGroup::kGlobal), "");
  EXPECT_TRUE(group(told, AnswerGroup::kGlobal).everybody);
  EXPECT_THAT(group(told, AnswerGroup::kContinent).countries, ElementsAre("SE"));
  EXPECT_EQ(told.client->netblocks.size(), 3);
  EXPECT_EQ(told.client->asn, 65001);
  EXPECT_EQ(told.client->country, "DE");
  EXPECT_EQ(told.client->country_source, CountrySource::kNetblockTable);
  EXPECT_EQ(told.client->continent, "EU");

  const Explanation elsewhere = ask("path=pub/os", "127.0.0.1", 9);
  EXPECT_EQ(group(elsewhere, AnswerGroup::kGlobal).mirrors.size(), 5);
  EXPECT_EQ(elsewhere.client->country, "N/A");
  EXPECT_EQ(elsewhere.client->country_source, CountrySource::kNobody);
}

TEST_F(ExplanationTest, RequestedCountriesAndTheirContinentsDecideAlone) {
  builder_.host({.country = "JP", .urls = {"http://h0/p"}});
  builder_.host({.country = "DE", .urls = {"http://h1/p"}});
  builder_.netblock("10.0.0.0/8", 0);
  builder_.asn(65001, "10.0.0.0/16", {1});
  make();
  const Explanation country = ask("path=pub/os&country=jp");
  EXPECT_THAT(fate(country, "host0"), ElementsAre("in country"));
  EXPECT_THAT(fate(country, "host1"), ElementsAre("networks_off", "other_country_requested"));
  for (const auto other : {AnswerGroup::kNetblock, AnswerGroup::kAsn}) {
    EXPECT_EQ(skip(country, other), "country_parameter");
  }
  for (const auto other : {AnswerGroup::kGeoIp, AnswerGroup::kContinent, AnswerGroup::kGlobal}) {
    EXPECT_EQ(skip(country, other), "requested_countries");
  }
  const Explanation continent = ask("path=pub/os&country=CN");
  EXPECT_THAT(fate(continent, "host0"), ElementsAre("in continent"));
  EXPECT_EQ(skip(continent, AnswerGroup::kCountry), "");
  EXPECT_THAT(group(continent, AnswerGroup::kCountry).mirrors, IsEmpty());
  EXPECT_EQ(skip(continent, AnswerGroup::kGeoIp), "requested_countries");
  EXPECT_THAT(group(continent, AnswerGroup::kContinent).sentence, HasSubstr("were asked for"));
  // Nothing is there: the question is answered as if no country had been asked for.
  const Explanation neither = ask("path=pub/os&country=XX");
  EXPECT_THAT(fate(neither, "host1"), ElementsAre("in geoip"));
  EXPECT_THAT(fate(neither, "host0"), ElementsAre("networks_off", "enough_mirrors"));
  EXPECT_EQ(skip(neither, AnswerGroup::kGlobal), "minimum_reached");
}

TEST_F(ExplanationTest, WhatTheCompilerKnowsOfAHost) {
  builder_.host({.country = "DE", .urls = {"http://h0/p"}});
  for (const HostFlag flag :
       {kHostAdminActive, kHostUserActive, kSiteAdminActive, kSiteUserActive}) {
    builder_.host({.country = "DE", .urls = {"http://off/p"}, .flags = kActive & ~flag});
  }
  for (const HostFlag flag : {kHostPrivate, kSitePrivate}) {
    builder_.host(
        {.country = "DE", .urls = {"http://private/p"}, .global = false, .flags = kActive | flag});
  }
  builder_.host({.country = "DE", .urls = {"http://unlisted/p"}, .global = false});
  builder_.host({.country = "DE", .urls = {"http://behind/p"}});
  builder_.host({.country = "DE", .urls = {}});
  builder_.host({.country = "DE", .urls = {}, .flags = 0});
  make({1, 2, 3, 4, 8, 10});
  const Explanation told = ask("path=pub/os");
  EXPECT_THAT(fate(told, "host0"), ElementsAre("in geoip"));
  EXPECT_THAT(fate(told, "host1"), ElementsAre("host_inactive_by_admin"));
  EXPECT_THAT(fate(told, "host2"), ElementsAre("host_inactive_by_user"));
  EXPECT_THAT(fate(told, "host3"), ElementsAre("site_inactive_by_admin"));
  EXPECT_THAT(fate(told, "host4"), ElementsAre("site_inactive_by_user"));
  EXPECT_THAT(fate(told, "host5"), ElementsAre("host_private"));
  EXPECT_THAT(fate(told, "host6"), ElementsAre("site_private"));
  EXPECT_THAT(fate(told, "host7"), ElementsAre("unlisted"));
  EXPECT_THAT(fate(told, "host8"), ElementsAre("not_up_to_date"));
  EXPECT_THAT(fate(told, "host9"), ElementsAre("no_public_url"));
  EXPECT_THAT(fate(told, "host10"),
              ElementsAre("host_inactive_by_admin", "host_inactive_by_user",
                          "site_inactive_by_admin", "site_inactive_by_user", "no_public_url"));
}

TEST_F(ExplanationTest, WhatTheQuestionLeavesOut) {
  builder_.host({.country = "DE", .urls = {"http://h0/p", "ftp://h0/p"}});
  builder_.host({.country = "DE", .urls = {"rsync://h1/p"}});
  builder_.host({.country = "DE", .urls = {"http://h2/p"}, .allowed = {"US", "AT"}});
  builder_.host(
      {.country = "DE", .urls = {"http://h3/p"}, .global = false, .flags = kActive | kHostPrivate});
  builder_.host({.country = "US", .urls = {"https://h4/p"}});
  builder_.netblock("10.0.0.0/16", 3);
  make();
  const Explanation off = ask("path=pub/os&netblock=0");
  EXPECT_THAT(fate(off, "host1"), ElementsAre("no_url_of_scheme"));
  EXPECT_THAT(fate(off, "host2"), ElementsAre("country_not_allowed"));
  EXPECT_THAT(fate(off, "host3"), ElementsAre("host_private", "networks_off"));
  EXPECT_THAT(fate(off, "host4"), ElementsAre("enough_mirrors"));
  EXPECT_EQ(skip(off, AnswerGroup::kNetblock), "netblock_parameter");
  EXPECT_EQ(skip(off, AnswerGroup::kAsn), "netblock_parameter");
  EXPECT_THAT(fate(ask("path=pub/os"), "host3"), ElementsAre("in netblock"));
  EXPECT_THAT(fate(ask("path=pub/os", "11.0.0.1"), "host2"), ElementsAre("enough_mirrors"));

  const Explanation protocol = ask("path=pub/os&protocol=https&country=DE");
  EXPECT_THAT(fate(protocol, "host0"), ElementsAre("no_url_of_protocol"));
  EXPECT_THAT(fate(protocol, "host4"), ElementsAre("other_country_requested"));
  const Explanation nobody = ask("path=pub/os&protocol=ftp&redirect");
  EXPECT_EQ(nobody.status, 404);
  EXPECT_EQ(nobody.refusal->reason, Refusal::Reason::kNoRedirect);
  EXPECT_THAT(fate(nobody, "host0"), ElementsAre("no_url_of_protocol"));
  EXPECT_THAT(fate(ask("/metalink?path=pub/os/a.iso"), "host1"), ElementsAre("in geoip"));
}

// Where the network counts, neither privacy nor the countries that a mirror serves keep it out.
TEST_F(ExplanationTest, WhoIsFoundByItsNetworkHasOtherReasons) {
  builder_.host({.country = "DE", .urls = {"http://h0/p"}});
  builder_.host({.country = "DE",
                 .urls = {"rsync://h1/p"},
                 .allowed = {"US"},
                 .global = false,
                 .flags = kActive | kHostPrivate});
  builder_.host({.country = "DE", .urls = {}, .global = false, .flags = kActive | kHostPrivate});
  builder_.netblock("10.0.0.0/16", 1);
  builder_.asn(65001, "10.0.0.0/16", {2});
  make({2});
  EXPECT_THAT(fate(ask("path=pub/os"), "host1"), ElementsAre("no_url_of_scheme"));
  EXPECT_THAT(fate(ask("path=pub/os", "10.9.0.1"), "host1"),
              ElementsAre("host_private", "no_url_of_scheme", "country_not_allowed"));
  // Whether it has the directory is not known: a private host without a URL is never a carrier.
  EXPECT_THAT(fate(ask("path=pub/os"), "host2"), ElementsAre("no_public_url"));
}

TEST_F(ExplanationTest, ARedirectStopsAtTheFirstGroup) {
  builder_.host({.country = "JP", .urls = {"http://h0/p"}});
  builder_.host({.country = "DE", .urls = {"http://h1/p"}});
  builder_.host(
      {.country = "DE", .urls = {"http://h2/p"}, .global = false, .flags = kActive | kSitePrivate});
  builder_.netblock("10.0.0.0/16", 0);
  builder_.netblock("10.0.0.0/16", 1);
  builder_.asn(65001, "10.0.0.0/16", {1, 2});
  make();
  const Explanation told = ask("path=pub/os/x y&redirect");
  EXPECT_EQ(told.status, 302);
  EXPECT_THAT(fate(told, "host0"), ElementsAre("in netblock"));
  EXPECT_THAT(fate(told, "host1"), ElementsAre("in netblock"));
  EXPECT_THAT(fate(told, "host2"), ElementsAre("redirect_has_mirror"));
  EXPECT_EQ(group(told, AnswerGroup::kNetblock).mirrors[0].probability, 0.5);
  EXPECT_THAT(group(told, AnswerGroup::kNetblock).mirrors[0].urls,
              ElementsAre("http://h0/p/os/x%20y"));
  for (const auto other :
       {AnswerGroup::kAsn, AnswerGroup::kGeoIp, AnswerGroup::kContinent, AnswerGroup::kGlobal}) {
    EXPECT_EQ(skip(told, other), "redirect_has_mirror");
  }
}

// The only mirror of a country lags behind: its country has no group then, but it would have one if
// the mirror did not.
TEST_F(ExplanationTest, AHostThatLagsIsNotBlamedForItsCountry) {
  builder_.host({.country = "SE", .urls = {"http://h0/p"}});
  builder_.host({.country = "DE", .urls = {"http://h1/p"}});
  builder_.host({.country = "JP", .urls = {"http://h2/p"}});
  make({1});
  EXPECT_THAT(fate(ask("path=pub/os"), "host1"), ElementsAre("not_up_to_date"));
  EXPECT_THAT(fate(ask("path=pub/os&country=DE"), "host1"), ElementsAre("not_up_to_date"));
  EXPECT_THAT(fate(ask("path=pub/os&country=AT"), "host1"), ElementsAre("not_up_to_date"));
  EXPECT_THAT(fate(ask("path=pub/os&country=JP"), "host1"),
              ElementsAre("not_up_to_date", "other_country_requested"));
  EXPECT_THAT(fate(ask("path=pub/os", "11.0.0.1"), "host1"), ElementsAre("not_up_to_date"));
}

TEST_F(ExplanationTest, WithoutACategoryTheCarriersAreAllThatIsKnown) {
  builder_.host({.country = "DE", .urls = {"http://h0/p"}});
  builder_.host({.country = "DE", .urls = {"rsync://h1/p"}});
  builder_.host({.country = "DE", .urls = {"http://h2/p"}});
  builder_.directory("pub/os", "os", {0, 1});
  snapshot_.emplace(builder_.build());
  const Explanation told = ask("path=pub/os");
  EXPECT_FALSE(told.directory->has_category);
  EXPECT_EQ(told.directory->carriers, 2);
  EXPECT_THAT(fate(told, "host0"), ElementsAre("in geoip"));
  EXPECT_THAT(fate(told, "host1"), ElementsAre("no_url_of_scheme"));
  EXPECT_THAT(fate(told, "host2"), IsEmpty());
  EXPECT_THAT(render_text(told), HasSubstr("its category is not known"));
  EXPECT_THAT(render_json(told), HasSubstr("\"category\": null"));
}

TEST_F(ExplanationTest, EveryRefusalHasAStatusAndASentence) {
  builder_.host({.country = "DE", .urls = {"http://h0/p"}});
  builder_.repository("gone-1+x86_64", "pub/gone");
  make();
  std::string names = "path=pub/os&country=A";
  for (size_t i = 0; i < kRequestedCountriesMax; ++i) names += ",A";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"/mirrorlist?" + std::string(kTargetSizeMax, 'a'), "target_too_long"},
      {"/nothing", "unknown_resource"},
      {"path=%00", "bad_text"},
      {names, "too_many_names"},
      {"repo=os-1", "parameters_missing"},
      {"path=nowhere/x", "invalid_path"},
      {"repo=old&arch=x", "repository_disabled"},
      {"repo=a%22b&arch=x", "unknown_repository"},
      {"repo=gone-1&arch=x86_64", "broken_repository"},
      {"path=pub/os&ip=%1b[31m", "bad_client_address"},
      {"/metalink?path=pub/os/b.iso", "no_metalink"},
      {"path=pub/os&redirect&protocol=rsync", "no_redirect"}};
  for (const auto& [query, code] : cases) {
    const Explanation told = ask(query);
    ASSERT_TRUE(told.refusal) << query;
    EXPECT_EQ(code_of(told.refusal->reason), code);
    EXPECT_EQ(told.status, status_of(told.refusal->reason));
    EXPECT_THAT(render_text(told), HasSubstr(told.refusal->sentence));
    EXPECT_EQ(told.groups.empty(), code != "no_redirect");
  }
  EXPECT_THAT(ask("path=pub/os&ip=%1b[31m").refusal->sentence, HasSubstr("\"\\x1b[31m\""));
  EXPECT_EQ(ask("repo=old&arch=x").question->repository_used, "old");
  EXPECT_EQ(ask("path=//nowhere//x").question->path, "nowhere/x");
}

TEST_F(ExplanationTest, TheClientIsWhoCounts) {
  builder_.host({.country = "DE", .urls = {"http://h0/p"}});
  make();
  EXPECT_EQ(ask("path=pub/os").client->source, ClientSource::kGiven);
  const Explanation by_parameter = ask("path=pub/os&ip=::ffff:11.0.0.1");
  EXPECT_EQ(by_parameter.client->source, ClientSource::kIpParameter);
  EXPECT_EQ(by_parameter.client->address.to_string(), "11.0.0.1");
  target_ = "/mirrorlist?path=pub/os&ip=11.0.0.1";
  const Explanation strict =
      explain(snapshot_->view(), nullptr, {.minimum = 5, .ip_parameter = false},
              {.target = target_, .client = {}, .sequence = 0, .digest = {}});
  EXPECT_EQ(strict.client->source, ClientSource::kDefault);
  EXPECT_EQ(strict.client->address.to_string(), "127.0.0.1");
  EXPECT_THAT(strict.question->notes, ElementsAre(HasSubstr("ip= is not honoured")));
}

TEST_F(ExplanationTest, GeoIpIsAskedWhereTheNetblockTableIsSilent) {
  builder_.host({.country = "JP", .urls = {"http://h0/p"}});
  make();
  MmdbWriter writer(4);
  writer.add("10.0.0.0/8", "JP");
  writer.add("14.0.0.0/8", "jp");
  const std::string path = testing::TempDir() + "/explanation_test.mmdb";
  std::ofstream(path, std::ios::binary) << writer.bytes();
  const auto geo = GeoDatabase::open(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(geo) << geo.error().message;
  const auto told_of = [&](const char* client) {
    return explain(snapshot_->view(), geo->get(), {.minimum = 1},
                   {.target = "/mirrorlist?path=pub/os",
                    .client = IpAddress::parse(client),
                    .sequence = 0,
                    .digest = {}});
  };
  EXPECT_EQ(told_of("10.0.0.1").client->country, "DE");
  const Explanation told = told_of("14.0.0.1");
  EXPECT_EQ(told.client->country, "jp");
  EXPECT_EQ(told.client->country_source, CountrySource::kGeoIp);
  EXPECT_EQ(told.client->continent, "AS");
  EXPECT_FALSE(told.generation.geoip_type.empty());
  EXPECT_THAT(fate(told, "host0"), ElementsAre("in geoip"));
  EXPECT_THAT(render_text(told), HasSubstr("country jp, by GeoIP; continent AS"));
  EXPECT_EQ(told_of("13.0.0.1").client->country_source, CountrySource::kNobody);
}

// What an explanation says of the first mirror against 20 000 answers, group by group.
TEST_F(ExplanationTest, ChancesAreThoseOfTheDraw) {
  for (const uint32_t weight : {1000, 100, 5000, 300}) {
    const std::string url = "http://h" + std::to_string(builder_.world.hosts.size());
    builder_.host({.country = weight == 100 ? "SE" : "DE", .weight = weight, .urls = {url}});
  }
  builder_.netblock("10.0.0.0/16", 0);
  builder_.netblock("10.0.0.0/16", 1);
  builder_.netblock("10.0.0.0/8", 2);
  builder_.asn(65001, "11.0.0.0/16", {0, 1, 2});
  make();
  for (const char* query : {"path=pub/os", "path=pub/os&ip=11.0.0.1", "path=pub/os&country=DE",
                            "path=pub/os&country=SE,de,GLOBAL,global",
                            "path=pub/os&netblock=0&ip=11.9.0.1", "path=pub/os&country=AT",
                            "path=pub/os&redirect", "path=pub/os&redirect&country=SE,global"}) {
    const Explanation told = ask(query, "10.0.0.1", 5);
    const auto first = std::find_if(told.groups.begin(), told.groups.end(),
                                    [](const auto& each) { return !each.mirrors.empty(); });
    ASSERT_NE(first, told.groups.end()) << query;
    Answerer answerer({.minimum = 5}, test_seed());
    answerer.adopt(&snapshot_->view(), nullptr);
    constexpr double kAnswers = 20'000;
    std::map<std::string, double> counts;
    for (int i = 0; i < kAnswers; ++i) {
      const Reply reply = answerer.answer({target_, *IpAddress::parse("10.0.0.1"), 0});
      const std::string text(reply.status == 302 ? reply.location : reply.body[0]);
      ++counts["host" + text.substr(text.find("http://h") + 8, 1)];
    }
    double statistic = 0;
    for (const ExplainedMirror& mirror : first->mirrors) {
      const double expected = kAnswers * mirror.probability;
      const double count = counts[mirror.host.name];
      counts.erase(mirror.host.name);
      if (expected == 0) {
        EXPECT_EQ(count, 0) << query;
      } else {
        statistic += (count - expected) * (count - expected) / expected;
      }
    }
    EXPECT_THAT(counts, IsEmpty()) << query << ": somebody else came first";
    EXPECT_LT(statistic, 30.7) << query << ": p < 1e-6 for three degrees of freedom";
  }
}

// A cache file may list a host under several countries: each of them is a ticket in the draw.
TEST_F(ExplanationTest, AHostInTwoCountriesHasTwoTickets) {
  builder_.host({.country = "DE", .weight = 100, .urls = {"http://h0/p"}});
  builder_.host({.country = "SE", .weight = 300, .urls = {"http://h1/p"}});
  builder_.directory("pub/os", "os", {0, 1});
  WorldCarrierSet set;
  set.decode(builder_.world.carrier_sets[builder_.world.directories[0].carrier_set]);
  set.groups.push_back({builder_.world.countries.intern(std::string_view("SE")), {0}});
  set.groups.back().hosts.push_back(1);
  std::erase_if(set.groups, [](const WorldCountryGroup& each) {
    return each.hosts.size() == 1 && each.hosts[0] == 1;
  });
  std::vector<uint32_t> run;
  set.encode(run);
  builder_.world.directories[0].carrier_set = builder_.world.carrier_sets.intern(run);
  snapshot_.emplace(builder_.build());
  for (const char* query :
       {"path=pub/os&country=AT", "path=pub/os&country=DE,SE", "path=pub/os&ip=12.0.0.1"}) {
    const Explanation told = ask(query);
    for (const AnswerGroup each : {AnswerGroup::kCountry, AnswerGroup::kContinent}) {
      for (const ExplainedMirror& mirror : group(told, each).mirrors) {
        EXPECT_EQ(mirror.times, mirror.host.name == "host0" ? 2 : 1) << query;
        EXPECT_EQ(mirror.probability, mirror.host.name == "host0" ? 0.4 : 0.6) << query;
      }
    }
    EXPECT_EQ(told.mirror_count(), 2) << query;
  }
}

void check_hostile(const Explanation& told) {
  const std::string json = render_json(told);
  const std::string shown = quote_for_message(told.target, 4000);
  rapidjson::Document document;
  document.Parse<rapidjson::kParseValidateEncodingFlag>(json.c_str(), json.size());
  ASSERT_FALSE(document.HasParseError()) << shown;
  ASSERT_TRUE(is_valid_utf8(json)) << shown;
  if (is_valid_utf8(told.target)) {
    ASSERT_EQ(
        std::string_view(document["target"].GetString(), document["target"].GetStringLength()),
        told.target);
  }
  const std::string text = render_text(told);
  ASSERT_TRUE(is_valid_utf8(text)) << shown;
  for (const char c : text) ASSERT_TRUE(c == '\n' || !is_control_byte(c)) << shown;
  for (size_t at = text.find('\xc2'); at != std::string::npos; at = text.find('\xc2', at + 1)) {
    ASSERT_GE(static_cast<unsigned char>(text[at + 1]), 0xa0) << "a C1 control of " << shown;
  }
  ASSERT_EQ(text.find("\nX-Evil"), std::string::npos) << shown;
}

TEST_F(ExplanationTest, HostileTargetsAddNothingToAnExplanation) {
  for (const char* country : {"DE", "SE", "JP"}) {
    builder_.host({.country = country, .urls = {"https://h/p", "ftp://h/p"}});
  }
  builder_.netblock("127.0.0.0/8", 1);
  make({2});
  const uint64_t seed = test_seed();
  Random random(seed);
  Answerer answerer({}, seed);
  answerer.adopt(&snapshot_->view(), nullptr);
  for (int i = 0; i < 20'000; ++i) {
    const std::string target = random_hostile_target(random);
    // A block of its own size, so that a sanitizer sees a look past its end.
    const std::vector<char> exact(target.begin(), target.end());
    const std::string_view given(exact.data(), exact.size());
    const Explanation told = explain(snapshot_->view(), nullptr, {},
                                     {.target = given, .client = {}, .sequence = 0, .digest = {}});
    check_hostile(told);
    if (HasFatalFailure()) return;
    const Reply reply = answerer.answer({given, IpAddress::from_ipv4(0x7f000001), 0});
    ASSERT_EQ(told.status, reply.status) << quote_for_message(target, 4000);
  }
  for (const char* query : {"path=pub/os&country=\xc2\x9b", "path=\xc2\x9b", "repo=\xc2\x85&arch=x",
                            "path=pub/os&protocol=\xc2\x9b", "path=pub/os/\xc2\x9b",
                            "path=pub/os&ip=\xff", "path=pub/os&x=\xff\n"}) {
    check_hostile(ask(query));
    check_hostile(ask("/metalink?" + std::string(query)));
  }
}

}  // namespace
}  // namespace mirror
