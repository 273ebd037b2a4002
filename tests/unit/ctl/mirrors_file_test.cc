#include "ops/mirrorctl/mirrors_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mirror {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

MirrorsDocument parsed(std::string_view text) {
  const auto document = parse_mirrors_file(text, "f.toml");
  EXPECT_TRUE(document) << document.error().message;
  return document ? *document : MirrorsDocument{};
}

TEST(MirrorsFileTest, EveryKeyIsRead) {
  const MirrorsDocument document = parsed(R"toml(
products = ["Fedora"]
architectures = ["x86_64"]
category = [{name = "C", product = "Fedora", top_directory = "pub/c"}]
[[site]]
name = "S"
private = true
admin_active = false
user_active = false
[[site.host]]
name = "h"
country = "de"
bandwidth = 7
asn = 8
asn_clients = false
peer_asns = [9]
netblocks = ["192.0.2.0/24", "192.0.2.1", "10.0.0.0/255.0.0.0", "lab.example.org", "2001:db8::/32"]
countries_allowed = ["at"]
private = true
internet2 = true
internet2_clients = true
admin_active = false
user_active = false
[[site.host.category]]
name = "C"
always_up_to_date = true
urls = [" https://h/c// "]
private_urls = ["rsync://h/c"]
)toml");
  EXPECT_THAT(document.products, ElementsAre("Fedora"));
  EXPECT_THAT(document.architectures, ElementsAre("x86_64"));
  ASSERT_EQ(document.categories.size(), 1U);
  EXPECT_EQ(document.categories[0].top_directory, "pub/c");
  ASSERT_EQ(document.sites.size(), 1U);
  EXPECT_EQ(document.sites[0].is_private, true);
  EXPECT_EQ(document.sites[0].admin_active, false);
  ASSERT_EQ(document.sites[0].hosts.size(), 1U);
  const MirrorHost& host = document.sites[0].hosts[0];
  EXPECT_EQ(host.country, "DE");
  EXPECT_EQ(host.bandwidth, 7);
  EXPECT_EQ(host.asn, 8);
  EXPECT_EQ(host.asn_clients, false);
  EXPECT_THAT(*host.peer_asns, ElementsAre(9));
  EXPECT_EQ(host.netblocks->size(), 5U);
  EXPECT_THAT(*host.countries_allowed, ElementsAre("AT"));
  EXPECT_EQ(host.internet2_clients, true);
  ASSERT_EQ(host.categories.size(), 1U);
  const MirrorHostCategory& category = host.categories[0];
  EXPECT_EQ(category.always_up_to_date, true);
  ASSERT_EQ(category.urls->size(), 2U);
  EXPECT_EQ((*category.urls)[0].url, "https://h/c");  // without the blanks and slashes at its ends
  EXPECT_FALSE((*category.urls)[0].is_private);
  EXPECT_TRUE((*category.urls)[1].is_private);
}

TEST(MirrorsFileTest, WhatIsNotSaidStaysUnsaid) {
  const MirrorsDocument document = parsed("[[site]]\nname = \"S\"\n[[site.host]]\nname = \"h\"\n");
  EXPECT_EQ(document.sites[0].is_private, std::nullopt);
  const MirrorHost& host = document.sites[0].hosts[0];
  EXPECT_EQ(host.country, std::nullopt);
  EXPECT_EQ(host.netblocks, std::nullopt);
  EXPECT_EQ(host.user_active, std::nullopt);
}

std::string in_host(std::string_view line) {
  return "[[site]]\nname = \"S\"\n[[site.host]]\nname = \"h\"\n" + std::string(line);
}
std::string in_host_category(std::string_view line) {
  return in_host("[[site.host.category]]\nname = \"C\"\n" + std::string(line));
}

void expect_bad(std::string_view text, std::string_view message) {
  const auto document = parse_mirrors_file(text, "f.toml");
  ASSERT_FALSE(document) << text;
  EXPECT_EQ(document.error().kind, ErrorKind::kInvalid);
  EXPECT_THAT(document.error().message, HasSubstr(std::string(message))) << text;
}

TEST(MirrorsFileTest, ABadFileIsRefusedByFileLineAndKey) {
  expect_bad("products = [", "f.toml:1: not TOML");
  expect_bad("\n\nx = 1\nx = 2", "f.toml:4: not TOML");
  expect_bad("hosts = 1", "f.toml:1: \"hosts\": unknown key; known here are products");
  expect_bad("products = \"A\"", "f.toml:1: products: must be a list");
  expect_bad("products = [\n1]", "f.toml:2: products: must hold texts");
  expect_bad("products = [\"A\",\n\"A\"]", "f.toml:2: products: \"A\" stands already in line 1");
  expect_bad("products = [\"\"]", "must not be empty");
  expect_bad("products = [\" A\"]", "blanks at its ends");
  expect_bad("products = [\"A\\u0007\"]", "control characters");
  expect_bad("[[category]]\nproduct = \"A\"", "f.toml:1: category.name: is missing");
  expect_bad("[[category]]\nname = \"A\"\ntop = \"x\"", "f.toml:3: category.\"top\": unknown key");
  expect_bad("[[category]]\nname = \"A\"\ntop_directory = \"/pub\"",
             "f.toml:3: category.top_directory:");
  expect_bad("[[category]]\nname = \"A\"\ntop_directory = \"a/../b\"", "must not contain");
  expect_bad("[category]\nname = \"A\"", "write [[category]]");
  expect_bad("category = [1]", "write [[category]]");
  expect_bad("[[site]]\nname = \"S\"\n[[site]]\nname = \"S\"",
             "f.toml:3: site.name: \"S\" stands already in line 1");
  expect_bad("[[site]]\nname = 5", "f.toml:2: site.name: must be a text");
  expect_bad("[[site]]\nname = \"S\"\nprivate = 1",
             "f.toml:3: site.private: must be true or false");
}

TEST(MirrorsFileTest, ABadHostIsRefusedByFileLineAndKey) {
  expect_bad(in_host("[[site.host]]\nname = \"h\""),
             "f.toml:5: site.host.name: \"h\" stands already in line 3");
  expect_bad(in_host("country = \"USA\""),
             "f.toml:5: site.host.country: \"USA\" is not a country code");
  expect_bad(in_host("bandwidth = 0"), "site.host.bandwidth: 0 is not a bandwidth");
  expect_bad(in_host("bandwidth = 1.5"), "site.host.bandwidth: must be a whole number");
  expect_bad(in_host("asn = 4200000000"), "site.host.asn: 4200000000 is not an AS number");
  expect_bad(in_host("asn = -1"), "site.host.asn:");
  expect_bad(in_host("peer_asns = [0]"), "site.host.peer_asns:");
  expect_bad(in_host("peer_asns = [1, 1]"), "site.host.peer_asns: 1 stands already");
  for (const char* bad :
       {"10.0.0.0/33", "0.0.0.0/0", "::/0", "10.0.0.0/255.0.255.0", "a/b", "10.0.0", "", "a b",
        "1.2.3.4/24 # x", "2001:db8::/129", ".x", "a..b", "-a.example", "a-.example", "0x7f.1",
        "10.1", "lab.example.1", "10.0.0.0/24/24"}) {
    expect_bad(in_host("netblocks = [\"" + std::string(bad) + "\"]"),
               "f.toml:5: site.host.netblocks:");
  }
  expect_bad(in_host("countries_allowed = [\"DE\", \"de\"]"),
             "site.host.countries_allowed: \"DE\" stands already");
  for (const char* bad :
       {"http:/x", "://x", "http://", "http:///x", "ht tp://x", "http://a b", ""}) {
    expect_bad(in_host_category("urls = [\"" + std::string(bad) + "\"]"),
               "f.toml:7: site.host.category.urls:");
  }
  expect_bad(in_host_category("urls = [\"http://x\"]\nprivate_urls = [\"http://x/\"]"),
             "f.toml:8: site.host.category.private_urls: \"http://x\" stands already in line 7");
  expect_bad(in_host_category("uls = []"), "f.toml:7: site.host.category.\"uls\": unknown key");
}

TEST(MirrorsFileTest, WrittenAndReadAgainItIsTheSame) {
  const std::string text = R"toml(products = ["A \"quoted\" \\ name", "Bé"]
architectures = []
[[category]]
name = "C"
product = "Bé"
top_directory = ""
[[site]]
name = "S"
private = true
[[site.host]]
name = "h"
country = "DE"
peer_asns = [1, 2]
netblocks = []
[[site.host.category]]
name = "C"
always_up_to_date = false
urls = []
private_urls = ["rsync://h/c"]
)toml";
  std::vector<std::string> warnings;
  const std::string written = write_mirrors_file(parsed(text), &warnings);
  EXPECT_THAT(warnings, IsEmpty());
  EXPECT_EQ(write_mirrors_file(parsed(written), &warnings), written);
  const MirrorsDocument document = parsed(written);
  EXPECT_THAT(document.products, ElementsAre("A \"quoted\" \\ name", "Bé"));
  EXPECT_EQ(document.categories[0].top_directory, "");
  EXPECT_THAT(*document.sites[0].hosts[0].netblocks, IsEmpty());
  EXPECT_EQ(document.sites[0].hosts[0].countries_allowed, std::nullopt);
  EXPECT_EQ((*document.sites[0].hosts[0].categories[0].urls)[0].url, "rsync://h/c");
}

TEST(MirrorsFileTest, WhatNoFileCanSayIsLeftOutWithAWarning) {
  MirrorsDocument document;
  document.products = {"Fine", "bad\xff", " blank"};
  MirrorHost host;
  host.name = "h";
  host.country = "Germany";
  host.bandwidth = -1;
  host.netblocks = {"10.0.0.0/8", "10.0.0.0/8", "10.0.0.0/99"};
  document.sites.resize(2);
  document.sites[0].name = document.sites[1].name = "S";
  document.sites[0].hosts = {host, host};
  std::vector<std::string> warnings;
  const MirrorsDocument again = parsed(write_mirrors_file(document, &warnings));
  EXPECT_THAT(again.products, ElementsAre("Fine"));
  ASSERT_EQ(again.sites.size(), 1U);
  ASSERT_EQ(again.sites[0].hosts.size(), 1U);
  EXPECT_EQ(again.sites[0].hosts[0].country, std::nullopt);
  EXPECT_THAT(*again.sites[0].hosts[0].netblocks, ElementsAre("10.0.0.0/8"));
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("UTF-8"), HasSubstr("blanks"), HasSubstr("GERMANY"),
                                    HasSubstr("bandwidth"), HasSubstr("10.0.0.0/99"),
                                    HasSubstr("\"h\" was there before"),
                                    HasSubstr("\"S\" was there before")));
}

}  // namespace
}  // namespace mirror
