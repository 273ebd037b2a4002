// Exact replies over a small world. Groups hold one mirror each where the text must be exact; where
// they hold more, the test says what may vary.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "edge/answer/answerer.h"
#include "tests/unit/answer/answer_world.h"
#include "tests/unit/answer/seed.h"

namespace mirror {
namespace {

using testing::HasSubstr;

constexpr std::string_view kHead =
    "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
    "<metalink version=\"3.0\" xmlns=\"http://www.metalinker.org/\" type=\"dynamic\" "
    "pubdate=\"Tue, 14 Nov 2023 22:13:20 GMT\" generator=\"mirrormanager\" "
    "xmlns:mm0=\"http://fedorahosted.org/mirrormanager\">\n";
constexpr std::string_view kEnd = "   </resources>\n  </file>\n </files>\n</metalink>\n";

std::string text_of(const Reply& reply) {
  std::string text;
  for (const std::string_view part : reply.body) text += part;
  return text;
}

SnapshotInMemory make_world() {
  WorldBuilder builder;
  for (const auto& [country, continent] : std::map<std::string, std::string>{{"DE", "EU"},
                                                                             {"FR", "EU"},
                                                                             {"SE", "EU"},
                                                                             {"GB", "EU"},
                                                                             {"US", "NA"},
                                                                             {"JP", "AS"},
                                                                             {"CN", "AS"}}) {
    builder.inputs.country_continents[country] = continent;
  }
  builder.inputs.created_at = 1600000000;
  const uint32_t de =
      builder.host({.country = "DE", .urls = {"https://de/p", "http://de/p", "rsync://de/p"}});
  const uint32_t se = builder.host({.country = "SE", .urls = {"http://se/p"}});
  const uint32_t us = builder.host({.country = "US", .urls = {"ftp://us/p", "https://us/p"}});
  const uint32_t jp =
      builder.host({.country = "JP", .urls = {"https://jp/p?a=1&b=2"}, .allowed = {"JP", "CN"}});
  const uint32_t hidden =
      builder.host({.country = "DE", .urls = {"http://hidden/p"}, .global = false});
  const uint32_t rsync = builder.host({.country = "GB", .urls = {"rsync://gb/p"}});
  const uint32_t bare = builder.host({.country = "FR", .urls = {}});
  FileVersion iso;
  iso.timestamp = 5;
  iso.size = 6;
  iso.md5 = "m5";
  FileVersion index;
  index.timestamp = 7;
  index.size = 8;
  index.sha256 = "s256";
  const std::vector<WorldBuilder::File> files = {{"a&b.iso", {iso}}, {"repomd.xml", {index}}};
  builder.directory("pub/os", "os", {de, se, us, jp, hidden, rsync, bare}, files);
  builder.directory("pub/os/repodata", "os/repodata", {de, se}, files);
  builder.directory("pub", "", {se});
  builder.directory("pub/jp", "jp", {jp});
  builder.directory("pub/gb", "gb", {rsync});
  builder.directory("pub/none", "none", {});
  builder.repository("os-1+x86_64", "pub/os");
  builder.repository("gone-1+x86_64", "pub/gone");
  builder.repository("src-source+source", "pub/os");
  builder.repository("old--1+x86_64", "pub/os");
  builder.world.prefixes["latest"] = {.redirect = "os-1", .disabled = false};
  builder.world.prefixes["sources"] = {.redirect = "src-source", .disabled = false};
  builder.world.prefixes["old--1"] = {.redirect = "", .disabled = true};
  builder.netblock("10.0.0.0/8", hidden);
  builder.netblock("10.1.0.0/16", se);
  builder.netblock("10.2.0.0/16", bare);
  builder.netblock("2001:db8::/32", us);
  builder.asn(65001, "192.0.2.0/24", {us, hidden});
  builder.asn(65002, "198.51.100.0/24", {jp});
  builder.client_country("172.16.0.0/16", "DE");
  builder.client_country("172.17.0.0/16", "JP");
  builder.client_country("172.18.0.0/16", "CN");
  builder.client_country("172.19.0.0/16", "GB");
  return builder.build();
}

class AnswerGoldenTest : public testing::Test {
 protected:
  AnswerGoldenTest() : world_(make_world()), answerer_({.minimum = 2}, test_seed()) {
    answerer_.adopt(&world_.view(), nullptr);
  }
  const Reply& ask(const std::string& target, std::string_view client = "127.0.0.1") {
    target_ = target;
    reply_ = answerer_.answer({target_, *IpAddress::parse(client), 1700000000});
    return reply_;
  }
  std::string body(const std::string& target, std::string_view client = "127.0.0.1") {
    return text_of(ask(target, client));
  }

  SnapshotInMemory world_;
  Answerer answerer_;
  std::string target_;
  Reply reply_;
};

struct Case {
  std::string target, client;
  int status;
  std::string body;
};

TEST_F(AnswerGoldenTest, Lists) {
  const std::string local = "127.0.0.1";
  const std::vector<Case> cases = {
      {"/mirrorlist?path=pub/os&country=SE", local, 200,
       "# path = pub/os country = SE \nhttp://se/p/os/\n"},
      {"/mirrorlist?path=//pub///os//&country=se", local, 200,
       "# path = pub/os country = se \nhttp://se/p/os/\n"},
      {"/mirrorlist?path=%2Fpub%2Fos&country=SE", local, 200,
       "# path = pub/os country = SE \nhttp://se/p/os/\n"},
      {"/mirrorlist?path=pub&country=SE", local, 200, "# path = pub country = SE \nhttp://se/p/\n"},
      {"/mirrorlist?path=pub/x.iso&country=SE", local, 200,
       "# path = pub/x.iso country = SE \nhttp://se/p/x.iso\n"},
      {"/mirrorlist?path=pub/os/a%20b%2523%3F&country=SE", local, 200,
       "# path = pub/os/a b%23? country = SE \nhttp://se/p/os/a%20b%2523%3F\n"},
      {"/mirrorlist?repo=os-1&arch=x86_64&country=US", local, 200,
       "# repo = os-1 arch = x86_64 country = US \nftp://us/p/os/\n"},
      {"/mirrorlist?repo=latest&arch=x86_64&country=US", local, 200,
       "# repo = os-1 arch = x86_64 country = US \nftp://us/p/os/\n"},
      {"/mirrorlist?repo=sources&arch=x86_64&country=US", local, 200,
       "# repo = src-source arch = source country = US \nftp://us/p/os/\n"},
      {"/mirrorlist?repo=src-source&arch=zzz&country=US", local, 200,
       "# repo = src-source arch = source country = US \nftp://us/p/os/\n"},
      {"/mirrorlist?path=pub/os&country=DE&protocol=rsync,http", local, 200,
       "# path = pub/os country = DE protocol = rsync,http\nhttp://de/p/os/\nrsync://de/p/os/\n"},
      {"/mirrorlist?path=pub/os&country=DE&protocol=rsync,rsync&time", local, 200,
       "# path = pub/os country = DE protocol = rsync,rsync\n# database creation time: 1600000000\n"
       "rsync://de/p/os/\n"},
      {"/mirrorlist?path=pub/os&country=DE&protocol=HTTPS", local, 200,
       "# path = pub/os country = DE protocol = HTTPS\n"},
      {"/mirrorlist?path=pub/os&country=DE&protocol", local, 200,
       "# path = pub/os country = DE protocol = \n"},
      {"/mirrorlist?path=pub/os&country=GB", local, 200, "# path = pub/os country = GB \n"},
      {"/mirrorlist?path=pub/os&country=FR", local, 200, "# path = pub/os country = FR \n"},
      {"/mirrorlist?path=pub/os&country=JP", local, 200, "# path = pub/os country = JP \n"},
      {"/mirrorlist?path=pub/os&country=JP", "172.17.0.1", 200,
       "# path = pub/os country = JP \nhttps://jp/p?a=1&b=2/os/\n"},
      {"/mirrorlist?path=pub/os&country=CN", "172.18.0.1", 200,
       "# path = pub/os country = JP \nhttps://jp/p?a=1&b=2/os/\n"},
      {"/mirrorlist?path=pub/os&country=cn,CN", "172.18.0.1", 200,
       "# path = pub/os country = JP country = JP \nhttps://jp/p?a=1&b=2/os/\n"},
      {"/mirrorlist?path=pub/jp&country=global", local, 200,
       "# path = pub/jp country = global country = global \n"},
      {"/mirrorlist?path=pub/jp&country=XX", local, 200, "# path = pub/jp country = global \n"},
      {"/mirrorlist?path=pub/jp&country=GLOBAL", "172.17.0.1", 200,
       "# path = pub/jp country = global \nhttps://jp/p?a=1&b=2/jp/\n"},
      // `global` throws Japan's mirror out; Japan is gone, and its continent has no other country.
      {"/mirrorlist?path=pub/jp&country=JP,global", local, 200,
       "# path = pub/jp country = JP country = global country = global \n"},
      // What comes after `global` in byte order counts again.
      {"/mirrorlist?path=pub/jp&country=GLOBAL,JP", local, 200,
       "# path = pub/jp country = global country = JP \n"},
      {"/mirrorlist?path=pub/none", local, 200, "# path = pub/none country = global \n"},
      {"/mirrorlist?path=pub/gb", "172.19.0.1", 200,
       "# path = pub/gb country = GB country = global \n"},
      {"/mirrorlist?path=pub/gb&protocol=rsync", "172.19.0.1", 200,
       "# path = pub/gb country = GB country = global protocol = rsync\nrsync://gb/p/gb/\n"},
      {"/mirrorlist?path=pub/os/repodata", "10.1.0.1", 200,
       "# path = pub/os/repodata Using preferred netblock country = global "
       "\nhttp://se/p/os/repodata/\n"
       "https://de/p/os/repodata/\n"},
      {"/mirrorlist?path=pub/os", "10.1.0.1", 200,
       "# path = pub/os Using preferred netblock \nhttp://se/p/os/\nhttp://hidden/p/os/\n"},
      {"/mirrorlist?path=pub/os&ip=::ffff:10.1.0.1", local, 200,
       "# path = pub/os Using preferred netblock \nhttp://se/p/os/\nhttp://hidden/p/os/\n"},
      {"/mirrorlist?path=pub/jp", "10.1.0.1", 200, "# path = pub/jp country = global \n"},
      // A mirror without URLs does not make a netblock preferred, an AS is named even if it carries
      // nothing.
      {"/mirrorlist?path=pub/none", "10.2.0.1", 200, "# path = pub/none country = global \n"},
      {"/mirrorlist?path=pub/none", "198.51.100.1", 200,
       "# path = pub/none Using ASN 65002 country = global \n"},
      {"/mirrorlist?path=pub&netblock=0", "10.1.0.1", 200,
       "# path = pub country = global \nhttp://se/p/\n"},
      {"/mirrorlist?path=pub/jp", "198.51.100.1", 200,
       "# path = pub/jp Using ASN 65002 country = global \nhttps://jp/p?a=1&b=2/jp/\n"},
      // The German's list: his country, his continent in alphabetical order (France and Britain
      // show nothing).
      {"/mirrorlist?path=pub/os", "172.16.0.1", 200,
       "# path = pub/os country = DE country = FR country = GB country = SE "
       "\nhttps://de/p/os/\nhttp://se/p/os/\n"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(body(c.target, c.client), c.body) << c.target << " " << c.client;
    EXPECT_EQ(reply_.status, c.status) << c.target;
    EXPECT_EQ(reply_.type, ContentType::kTextPlain) << c.target;
    EXPECT_EQ(reply_.location, "") << c.target;
    EXPECT_EQ(reply_.body_size(), c.body.size());
  }
}

TEST_F(AnswerGoldenTest, Refusals) {
  const std::string repositories =
      "# following repositories are available:\n# repo=gone-1&arch=x86_64\n# "
      "repo=old--1&arch=x86_64\n"
      "# repo=os-1&arch=x86_64\n# repo=src-source&arch=source\n";
  const std::vector<Case> cases = {
      {"/", "", 404, "We don't serve their kind here!"},
      {"/mirrorlist", "", 200, "# either path=, or repo= and arch= must be specified"},
      {"/mirrorlist?path=nope/x", "", 404, "error: invalid path"},
      {"/mirrorlist?path=", "", 404, "error: invalid path"},
      {"/mirrorlist?path=pub/os/a/b", "", 404, "error: invalid path"},
      {"/mirrorlist?path=pub/" + std::string(256, 'x'), "", 404, "error: invalid path"},
      {"/mirrorlist?path=pub%0a", "", 400,
       "error: a parameter holds control characters or line ends, or is not UTF-8"},
      {"/mirrorlist?repo=old--1&arch=zzz", "", 200, "repo disabled"},
      {"/mirrorlist?repo=gone-1&arch=x86_64", "", 500,
       "mirrorlist cache index out of range, you broke it!"},
      {"/mirrorlist?path=pub&ip=10.11.12.331", "", 500,
       "Cannot parse client IP address. Aborting."},
      {"/mirrorlist?path=pub&ip=[::1]", "", 500, "Cannot parse client IP address. Aborting."},
      {"/mirrorlist?repo=nope&arch=x", "", 404,
       "# repo = nope arch = x error: invalid repo or arch\n" + repositories},
      {"/mirrorlist?repo=&arch=", "", 404,
       "# repo =  arch =  error: invalid repo or arch\n" + repositories},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(body(c.target), c.body) << c.target;
    EXPECT_EQ(reply_.status, c.status) << c.target;
    EXPECT_EQ(reply_.type, ContentType::kTextPlain) << c.target;
    EXPECT_FALSE(reply_.logged) << c.target;
    if (!c.target.starts_with("/mirrorlist") || c.status == 400) continue;
    std::string comment;
    for (const char ch : c.body) {
      if (ch == '-' && comment.ends_with('-')) comment += ' ';
      comment += ch;
    }
    const std::string metalink = "/metalink" + c.target.substr(std::string("/mirrorlist").size());
    EXPECT_EQ(body(metalink), std::string(kHead) + "<!-- " + comment + "\n-->\n</metalink>\n")
        << metalink;
    EXPECT_EQ(reply_.status, c.status) << metalink;
    EXPECT_EQ(reply_.type, ContentType::kMetalink) << metalink;
  }
  EXPECT_EQ(body("/metalink?path=pub/os"),
            std::string(kHead) + "<!-- pub/os/ not found or has not metalink\n-->\n</metalink>\n");
  EXPECT_EQ(reply_.status, 404);
  EXPECT_EQ(
      body("/metalink?path=pub/x---%3E"),
      std::string(kHead) + "<!-- pub/x- - -> not found or has not metalink\n-->\n</metalink>\n");
}

TEST_F(AnswerGoldenTest, Metalinks) {
  const std::string file =
      " <files>\n  <file name=\"repomd.xml\">\n   <mm0:timestamp>7</mm0:timestamp>\n   "
      "<size>8</size>\n"
      "   <verification>\n    <hash type=\"sha256\">s256</hash>\n   </verification>\n"
      "   <resources maxconnections=\"1\">\n";
  const auto url = [](const std::string& scheme, const std::string& country,
                      const std::string& rest) {
    return "    <url protocol=\"" + scheme + "\" type=\"" + scheme + "\" location=\"" + country +
           "\" preference=\"" + rest + "</url>\n";
  };
  EXPECT_EQ(
      body("/metalink?repo=os-1&arch=x86_64&country=DE&redirect&time"),
      std::string(kHead) + file + url("https", "DE", "100\">https://de/p/os/repodata/repomd.xml") +
          url("http", "DE", "100\">http://de/p/os/repodata/repomd.xml") +
          url("rsync", "DE", "100\">rsync://de/p/os/repodata/repomd.xml") + std::string(kEnd));
  EXPECT_EQ(reply_.status, 200);
  EXPECT_EQ(reply_.type, ContentType::kMetalink);
  EXPECT_EQ(body("/metalink?path=pub/os/repomd.xml&protocol=http", "10.1.2.3"),
            std::string(kHead) + file + url("http", "SE", "100\">http://se/p/os/repomd.xml") +
                url("http", "DE", "99\" mm0:private=\"True\">http://hidden/p/os/repomd.xml") +
                std::string(kEnd));
  EXPECT_EQ(body("/metalink?path=pub/os/repomd.xml&country=FR"),
            std::string(kHead) + file + std::string(kEnd));
  EXPECT_THAT(body("/metalink?path=pub/os/a%26b.iso&country=JP", "172.17.0.1"),
              HasSubstr(">https://jp/p?a=1&amp;b=2/os/a&amp;b.iso</url>\n"));
  EXPECT_THAT(text_of(reply_), HasSubstr("<file name=\"a&amp;b.iso\">"));
}

TEST_F(AnswerGoldenTest, Redirects) {
  EXPECT_EQ(ask("/mirrorlist?path=pub/os&country=US&redirect=0").location, "https://us/p/os/");
  EXPECT_EQ(reply_.status, 302);
  EXPECT_EQ(reply_.body_size(), 0);
  EXPECT_EQ(ask("/mirrorlist?path=pub/os/caf%C3%A9%20.iso&country=SE&redirect").location,
            "http://se/p/os/caf%C3%A9%20.iso");
  EXPECT_EQ(ask("/mirrorlist?path=pub/os&country=DE&redirect&protocol=rsync,http").location,
            "http://de/p/os/");
  for (const char* target :
       {"/mirrorlist?path=pub/os&country=GB&redirect", "/mirrorlist?path=pub/none&redirect",
        "/mirrorlist?path=pub/os&country=DE&redirect&protocol=rsync"}) {
    EXPECT_EQ(ask(target).status, 404) << target;
    EXPECT_EQ(reply_.location, "");
    EXPECT_EQ(reply_.body_size(), 0);
    EXPECT_EQ(reply_.type, ContentType::kTextPlain);
  }
  // The group decides before the weight: the client's own network first.
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(ask("/mirrorlist?path=pub/os&redirect", "10.1.0.1").location, "http://se/p/os/");
  }
}

TEST_F(AnswerGoldenTest, TheGroupOfTheFirstMirrorIsReported) {
  EXPECT_EQ(ask("/mirrorlist?path=pub/os", "10.1.0.1").group, AnswerGroup::kNetblock);
  EXPECT_EQ(ask("/mirrorlist?path=pub/os", "192.0.2.1").group, AnswerGroup::kAsn);
  EXPECT_EQ(ask("/mirrorlist?path=pub/os&country=SE").group, AnswerGroup::kCountry);
  EXPECT_EQ(ask("/mirrorlist?path=pub/os", "172.16.0.1").group, AnswerGroup::kGeoIp);
  EXPECT_EQ(ask("/mirrorlist?path=pub/os", "172.19.0.1").group, AnswerGroup::kContinent);
  EXPECT_EQ(ask("/mirrorlist?path=pub/os").group, AnswerGroup::kGlobal);
  EXPECT_EQ(ask("/mirrorlist?path=pub/none").group, AnswerGroup::kNoMirror);
  EXPECT_EQ(ask("/").group, AnswerGroup::kNoMirror);
}

TEST_F(AnswerGoldenTest, TheAccessLogGetsWhatWasAskedInOneWordEach) {
  ask("/mirrorlist?repo=latest&arch=x86_64", "::ffff:172.16.0.1");
  EXPECT_TRUE(reply_.logged);
  EXPECT_EQ(reply_.log_client.to_string(), "172.16.0.1");
  EXPECT_EQ(reply_.log_country, "DE");
  EXPECT_EQ(reply_.log_repo, "latest");
  EXPECT_EQ(reply_.log_arch, "x86_64");
  ask("/metalink?repo=sources&arch=i386&ip=127.0.0.1", "172.16.0.1");
  EXPECT_TRUE(reply_.logged);
  EXPECT_EQ(reply_.log_country, "N/A");
  EXPECT_EQ(reply_.log_arch, "source");
  ask("/mirrorlist?path=pub&repo=a%20b%3B%20source&arch=z");
  EXPECT_TRUE(reply_.logged);
  EXPECT_EQ(reply_.log_repo, "a%20b%3B%20source");
  EXPECT_EQ(reply_.log_arch, "z");
  EXPECT_TRUE(ask("/mirrorlist?repo=os-1&arch=x86_64&redirect&country=GB").logged);
  EXPECT_TRUE(ask("/metalink?repo=os-1&arch=x86_64&path=pub/nothing").logged)
      << "a 404 of a metalink";
  EXPECT_FALSE(ask("/mirrorlist?path=pub").logged);
}

TEST_F(AnswerGoldenTest, TheIpParameterCanBeSwitchedOff) {
  Answerer strict({.minimum = 2, .ip_parameter = false}, 1);
  strict.adopt(&world_.view(), nullptr);
  const Reply reply =
      strict.answer({"/mirrorlist?path=pub/os&ip=nonsense", *IpAddress::parse("10.1.0.1"), 0});
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.group, AnswerGroup::kNetblock);
}

TEST_F(AnswerGoldenTest, PreferencesFallToOneAndStay) {
  WorldBuilder builder;
  std::vector<uint32_t> hosts;
  for (int i = 0; i < 130; ++i) {
    hosts.push_back(
        builder.host({.country = "DE", .urls = {"http://h" + std::to_string(i) + "/p"}}));
  }
  builder.directory("d", "d", hosts, {{"f", {}}});
  const SnapshotInMemory world = builder.build();
  answerer_.adopt(&world.view(), nullptr);
  const std::string text = body("/metalink?path=d/f&country=DE");
  size_t at = 0;
  std::set<std::string> urls;
  for (int i = 0; i < 130; ++i) {
    const std::string wanted = "preference=\"" + std::to_string(std::max(1, 100 - i)) + "\">";
    at = text.find("preference=\"", at);
    ASSERT_NE(at, std::string::npos);
    EXPECT_EQ(text.substr(at, wanted.size()), wanted);
    at += wanted.size();
    urls.insert(text.substr(at, text.find('<', at) - at));
  }
  EXPECT_EQ(urls.size(), 130);
  answerer_.adopt(&world_.view(), nullptr);
}

// check_edge.py's distribution, without a server: 20 000 lists, chi-square with one degree of
// freedom a host.
TEST_F(AnswerGoldenTest, TheFirstMirrorFollowsTheWeights) {
  WorldBuilder builder;
  const std::vector<uint32_t> weights = {1000, 100, 100, 5000, 20, 3000};
  std::vector<uint32_t> hosts;
  double sum = 0;
  for (const uint32_t weight : weights) {
    hosts.push_back(builder.host(
        {.country = "DE", .weight = weight, .urls = {"http://h" + std::to_string(hosts.size())}}));
    sum += weight;
  }
  builder.directory("d", "d", hosts);
  const SnapshotInMemory world = builder.build();
  for (const std::string query : {"&country=DE", "&country=XX", "&country=DE&redirect"}) {
    Answerer answerer({.minimum = 2}, test_seed());
    answerer.adopt(&world.view(), nullptr);
    constexpr double kAnswers = 20'000;
    std::vector<double> counts(weights.size());
    for (int i = 0; i < kAnswers; ++i) {
      const std::string target = "/mirrorlist?path=d" + query;
      const Reply reply = answerer.answer({target, *IpAddress::parse("127.0.0.1"), 0});
      const std::string text = reply.status == 302 ? std::string(reply.location) : text_of(reply);
      ++counts[text[text.find("http://h") + 8] - '0'];
    }
    double statistic = 0;
    for (size_t i = 0; i < weights.size(); ++i) {
      const double expected = kAnswers * weights[i] / sum;
      statistic += (counts[i] - expected) * (counts[i] - expected) / expected;
    }
    EXPECT_LT(statistic, 35.9) << query << ": p < 1e-6 for five degrees of freedom";
  }
}

}  // namespace
}  // namespace mirror
