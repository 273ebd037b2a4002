// Whatever bytes a target holds: no crash, no overrun (under the sanitizers), no line, header or
// markup that the client made up.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/core/text.h"
#include "edge/answer/answerer.h"
#include "edge/answer/limits.h"
#include "tests/unit/answer/answer_world.h"
#include "tests/unit/answer/hostile_targets.h"
#include "tests/unit/answer/seed.h"

namespace mirror {
namespace {

SnapshotInMemory make_world() {
  WorldBuilder builder;
  std::vector<uint32_t> hosts;
  for (const char* country : {"DE", "SE", "JP"}) {
    builder.inputs.country_continents[country] = "EU";
    for (int i = 0; i < 8; ++i) {
      hosts.push_back(builder.host({.country = country,
                                    .urls = {"https://h" + std::to_string(hosts.size()) + "/p",
                                             "ftp://h" + std::to_string(hosts.size()) + "/p"}}));
    }
  }
  builder.directory("pub/os", "os", hosts, {{"a.iso", {}}});
  builder.directory("pub/os/repodata", "os/repodata", hosts, {{"repomd.xml", {}}});
  builder.repository("os-1+x86_64", "pub/os");
  builder.netblock("127.0.0.0/8", hosts[3]);
  return builder.build();
}

void check(const std::string& target, const Reply& reply) {
  std::string body;
  for (const std::string_view part : reply.body) body += part;
  ASSERT_TRUE(is_valid_utf8(body)) << quote_for_message(target, 4000);
  for (const char c : body)
    ASSERT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << target;
  for (const char c : reply.location) ASSERT_TRUE(c > 0x20 && c < 0x7f) << target;
  ASSERT_EQ(body.find("\nX-Evil"), std::string::npos) << target;
  ASSERT_EQ(body.find("\nhttp://evil"), std::string::npos) << target;
  if (reply.type != ContentType::kMetalink) return;
  // Nothing of the client's stands outside of the one comment of a failure, and nothing in it ends
  // it.
  const size_t begin = body.find("<!-- ");
  if (begin == std::string::npos) {
    ASSERT_EQ(body.find("evil/"), std::string::npos) << target;
    return;
  }
  const size_t dashes = body.find("--", begin + 4);
  ASSERT_EQ(body.substr(dashes), "-->\n</metalink>\n") << quote_for_message(target, 4000);
}

TEST(HostileTarget, RandomTargetsAddNothingToAReply) {
  const SnapshotInMemory world = make_world();
  const uint64_t seed = test_seed();
  Random random(seed);
  Answerer answerer({}, seed);
  answerer.adopt(&world.view(), nullptr);
  for (int i = 0; i < 200'000; ++i) {
    const std::string target = random_hostile_target(random);
    // A block of its own size, so that a sanitizer sees a look past its end.
    const std::vector<char> exact(target.begin(), target.end());
    const Reply reply =
        answerer.answer({{exact.data(), exact.size()}, IpAddress::from_ipv4(0x7f000001), i});
    check(target, reply);
    if (HasFatalFailure()) return;
  }
}

TEST(HostileTarget, TheLongestEchoesFit) {
  const SnapshotInMemory world = make_world();
  Answerer answerer({}, 1);
  answerer.adopt(&world.view(), nullptr);
  std::string countries = "XX";
  for (size_t i = 1; i < kRequestedCountriesMax; ++i) {
    countries += i % 4 == 0 ? ",GLOBAL" : i % 4 == 1 ? ",global" : i % 4 == 2 ? ",De" : ",sE";
  }
  for (const std::string_view resource : {"/mirrorlist?", "/metalink?"}) {
    for (const std::string_view query :
         {"repo=os-1&arch=", "arch=x86_64&repo=", "path=pub/os&protocol=",
          "path=pub/os&protocol=https,rsync,ftp,", "path=", "path=pub/os/",
          "path=pub/os/a.iso&country="}) {
      for (const std::string_view filler : {"-", "x", "%2D", "%25", "%26", "/", "%20"}) {
        std::string target = std::string(resource) + std::string(query);
        while (target.size() + filler.size() + countries.size() + 9 <= kTargetSizeMax)
          target += filler;
        check(target, answerer.answer({target, IpAddress::from_ipv4(0x7f000001), 0}));
        target += "&country=" + countries;
        check(target, answerer.answer({target, IpAddress::from_ipv4(0x7f000001), 0}));
      }
    }
    for (const std::string_view filler : {"%25", "%26", "%20", "%C3%A9"}) {
      for (const std::string_view option :
           {"", "&redirect", "&protocol=ftp,https", "&country=JP"}) {
        std::string file;
        for (size_t bytes = 0; bytes + filler.size() / 3 <= kFileNameMax;
             bytes += filler.size() / 3)
          file += filler;
        const std::string target =
            std::string(resource) + "path=pub/os/" + file + std::string(option);
        const Reply reply = answerer.answer({target, IpAddress::from_ipv4(0x01020304), 0});
        check(target, reply);
        EXPECT_EQ(reply.status == 404, resource == "/metalink?") << target;
      }
    }
  }
}

}  // namespace
}  // namespace mirror
