// Two worlds that differ in everything that can differ, and what people are told of it.
#include <gtest/gtest.h>

#include "compiler/snapshot_diff.h"
#include "tests/golden/golden_file.h"
#include "tests/unit/compiler/small_compile.h"

namespace mirror {
namespace {

void change_hosts(DatabaseRows& rows) {
  auto& one = rows.hosts[0];
  one.name = "uno.example";
  one.country = "FR";
  one.bandwidth = 10;
  one.user_active = false;
  rows.host_countries_allowed.push_back({50, 1, "us"});
  rows.sites[0].name = "Site Uno";
  rows.host_category_urls[1].url = "https://two.example/linux";
  std::erase_if(rows.hosts, [](const HostRow& row) { return row.id == 8; });
  HostRow fresh = rows.hosts[1];
  fresh.id = 70;
  fresh.name = "fresh.example";
  rows.hosts.push_back(fresh);
  rows.host_categories.push_back({70, 70, 1, true});
  rows.host_category_urls.push_back({70, 70, "https://fresh.example", false});
}

void change_the_rest(DatabaseRows& rows) {
  rows.directories.push_back({60, "pub/linux/fresh"});
  rows.category_directories.push_back({1, 60});
  std::erase_if(rows.category_directories, [](const auto& row) { return row.directory_id == 12; });
  std::erase_if(rows.repositories, [](const auto& row) { return row.id == 11; });
  rows.repositories.push_back({60, "fresh", 1, 1, 2, 60, false});
  for (auto& row : rows.repositories) {
    if (row.id == 1) row.directory_id = 1;
  }
  rows.repository_redirects[0].to_repo = "twice";
  rows.host_netblocks[0].netblock = "11.0.0.0/8";
  rows.file_details[2].sha256 = "other";
}

TEST(DiffGolden, OddRows) {
  auto rows = odd_rows();
  const auto before = compile_rows(rows);
  change_hosts(rows);
  change_the_rest(rows);
  const auto after = compile_rows(rows);
  const auto canaries = parse_canaries(
      "/mirrorlist?repo=fresh&arch=x86_64\n/mirrorlist?path=pub/linux/os&country=de min=1\n"
      "/mirrorlist?path=pub/linux/os min=3 lacks=//fresh.example/\n",
      "canaries");
  ASSERT_TRUE(canaries);
  expect_golden("compiler/diff.txt", render_diff(before.view, after.view, *canaries, {}));
}

}  // namespace
}  // namespace mirror
