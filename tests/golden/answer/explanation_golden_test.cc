// Whole explanations over a small world: what people and programs read.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "edge/answer/explanation.h"
#include "tests/golden/golden_file.h"
#include "tests/unit/answer/answer_world.h"

namespace mirror {
namespace {

constexpr uint32_t kActive =
    kHostAdminActive | kHostUserActive | kSiteAdminActive | kSiteUserActive;

SnapshotInMemory make_world() {
  WorldBuilder builder;
  for (const auto& [country, continent] : std::map<std::string, std::string>{
           {"AT", "EU"}, {"DE", "EU"}, {"SE", "EU"}, {"US", "NA"}, {"JP", "AS"}}) {
    builder.inputs.country_continents[country] = continent;
  }
  builder.inputs.created_at = 1'700'000'000;
  const uint32_t de =
      builder.host({.country = "DE", .weight = 1000, .urls = {"https://de/p", "rsync://de/p"}});
  const uint32_t slow = builder.host({.country = "DE", .weight = 100, .urls = {"http://slow/p"}});
  const uint32_t se = builder.host({.country = "SE", .urls = {"http://se/p"}});
  const uint32_t us = builder.host({.country = "US", .urls = {"https://us/p"}});
  const uint32_t jp =
      builder.host({.country = "JP", .urls = {"https://jp/p"}, .allowed = {"JP", "KR"}});
  const uint32_t campus = builder.host({.country = "DE",
                                        .urls = {"http://campus/p"},
                                        .global = false,
                                        .flags = kActive | kHostPrivate});
  const uint32_t rsync = builder.host({.country = "DE", .urls = {"rsync://only/p"}});
  builder.host({.country = "AT", .urls = {"http://behind/p"}});
  builder.host({.country = "AT",
                .urls = {"http://off/p"},
                .flags = kHostAdminActive | kSiteAdminActive | kHostUserActive | kSitePrivate});
  FileVersion index;
  index.size = 8;
  builder.directory("pub/os", "os", {de, slow, se, us, jp, campus, rsync}, {{"boot.iso", {index}}});
  builder.directory("pub/os/repodata", "os/repodata", {de, se}, {{"repomd.xml", {index}}});
  builder.directory("pub/other", "other", {se, campus});
  builder.category("Linux", {"pub/os", "pub/os/repodata"});
  builder.repository("os-1+x86_64", "pub/os");
  builder.repository("src-source+source", "pub/os");
  builder.world.prefixes["latest"] = {.redirect = "os-1", .disabled = false};
  builder.world.prefixes["sources"] = {.redirect = "src-source", .disabled = false};
  builder.world.prefixes["old"] = {.redirect = "", .disabled = true};
  builder.netblock("10.1.0.0/16", campus);
  builder.netblock("10.0.0.0/8", se);
  builder.asn(65001, "10.1.2.0/24", {us, campus});
  builder.client_country("10.0.0.0/8", "DE");
  return builder.build();
}

class ExplanationGolden : public testing::Test {
 protected:
  Explanation ask(const std::string& target, uint32_t minimum = 2) const {
    ExplainRequest request{.target = target, .client = {}, .sequence = 42, .digest = {1, 2}};
    return explain(world_.view(), nullptr, {.minimum = minimum}, request);
  }

  SnapshotInMemory world_ = make_world();
};

TEST_F(ExplanationGolden, Texts) {
  std::string text;
  for (const char* target :
       {"/mirrorlist?repo=latest&arch=x86_64&ip=10.1.2.3",
        "/mirrorlist?path=pub/os&country=SE,se,global&ip=10.1.2.3&time",
        "/mirrorlist?path=//pub/os/boot.iso&country=AT&protocol=rsync,https&repo=a&arch=b",
        "/mirrorlist?repo=sources&arch=x86_64&redirect&ip=10.9.9.9&netblock=0",
        "/metalink?repo=os-1&arch=x86_64", "/mirrorlist?path=pub/other", "/metalink?path=pub/os",
        "/mirrorlist?repo=old&arch=x86_64", "/mirrorlist?path=pub/nothing/x",
        "/mirrorlist?path=pub/os&ip=10.1.2.3%0a", "/nothing"}) {
    text += render_text(ask(target)) + "\n----\n\n";
  }
  expect_golden("answer/explanations.txt", text);
}

TEST_F(ExplanationGolden, Json) {
  expect_golden("answer/explanation.json",
                render_json(ask("/mirrorlist?repo=latest&arch=x86_64&ip=10.1.2.3")));
}

TEST_F(ExplanationGolden, JsonOfARefusal) {
  expect_golden("answer/explanation_of_refusal.json",
                render_json(ask("/mirrorlist?repo=old&arch=x86_64")));
}

}  // namespace
}  // namespace mirror
