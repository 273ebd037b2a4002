// Which repositories a scan creates, moves, fills in and reports.
#include "scanner/repository_finder.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace mirror {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Finder : public ::testing::Test {
 protected:
  Finder() {
    auto rules = ScanRules::parse(R"(
      skip_paths_for_version = ["top/alt"]
      skip_repository_paths = ["/Cloud/"]
      do_not_display_paths = ["_Beta"]
      [[repository]]
      path = '^releases/'
      prefix = "fedora"
      move = true
      [[repository]]
      path = '^(development|other|test|alt)/'
      prefix = "fedora"
    )",
                                  "rules.toml");
    EXPECT_TRUE(rules.has_value()) << rules.error().message;
    rules_ = *rules;
    state_.id = 1;
    state_.topdir = "top";
    state_.topdir_id = 1;
    state_.directories.push_back({1, "top", "[]", true, 1});
    state_.arches = {{1, "x86_64"}};
    state_.versions = {{1, "42"}};
  }

  void have_directory(int64_t id, const std::string& path) {
    state_.directories.push_back({id, "top/" + path, "[]", true, 1});
  }

  void find(const std::vector<std::string>& repositories, bool move = false) {
    Tree tree;
    for (const std::string& path : repositories) {
      tree.directories.push_back(
          {join_path(path, kRepodata), 1, true, false, {}, {}, TreeFile{"repomd.xml", 1, 1, 1}});
    }
    RepositoryFinder finder(rules_, state_, {move}, &plan_, &diagnostics_);
    finder.find(tree);
  }

  ScanRules rules_;
  CategoryState state_;
  ChangePlan plan_;
  Diagnostics diagnostics_;
};

TEST_F(Finder, CreatesRepositoryAndVersion) {
  find({"releases/42/x86_64", "releases/43_Beta/x86_64", "test/44/x86_64"});
  ASSERT_THAT(plan_.new_repositories, SizeIs(3));
  EXPECT_EQ(plan_.new_repositories[0].name, "top/releases/42/x86_64");
  EXPECT_EQ(plan_.new_repositories[0].prefix, "fedora-42");
  EXPECT_EQ(plan_.new_repositories[0].version, "42");
  EXPECT_EQ(plan_.new_repositories[0].arch_id, 1);
  ASSERT_THAT(plan_.new_versions, SizeIs(2));
  EXPECT_EQ(plan_.new_versions[0].name, "43_Beta");
  EXPECT_FALSE(plan_.new_versions[0].display);
  EXPECT_FALSE(plan_.new_versions[0].is_test);
  EXPECT_EQ(plan_.new_versions[1].name, "44");
  EXPECT_TRUE(plan_.new_versions[1].is_test);
  EXPECT_TRUE(plan_.new_versions[1].display);
  EXPECT_EQ(diagnostics_.warning_count(), 0U);
}

TEST_F(Finder, RawhideIsTheVersionDevelopment) {
  find({"development/rawhide/x86_64"});
  ASSERT_THAT(plan_.new_versions, SizeIs(1));
  EXPECT_EQ(plan_.new_versions[0].name, "development");
  EXPECT_EQ(plan_.new_versions[0].display_name, "rawhide");
  ASSERT_THAT(plan_.new_repositories, SizeIs(1));
  EXPECT_EQ(plan_.new_repositories[0].prefix, "fedora");
}

TEST_F(Finder, LeavesAloneWhatIsThere) {
  have_directory(2, "releases/42/x86_64");
  state_.repositories.push_back({7, "top/releases/42/x86_64", "fedora-42", 1, 2});
  find({"releases/42/x86_64"});
  EXPECT_TRUE(plan_.is_empty());
  EXPECT_EQ(diagnostics_.note_count() + diagnostics_.warning_count(), 0U);
}

TEST_F(Finder, AnotherPrefixOfTheOperatorStays) {
  have_directory(2, "releases/42/x86_64");
  state_.repositories.push_back({7, "top/releases/42/x86_64", "special", 1, 2});
  find({"releases/42/x86_64"});
  EXPECT_TRUE(plan_.is_empty());
  EXPECT_EQ(diagnostics_.note_count(), 1U);
}

TEST_F(Finder, FillsAnEmptyPrefixAndAnEmptyDirectory) {
  have_directory(2, "releases/42/x86_64");
  have_directory(3, "other/41/x86_64");
  state_.repositories.push_back({7, "top/releases/42/x86_64", "", 1, 2});
  state_.repositories.push_back({8, "old/name", "fedora-41", 1, std::nullopt});
  find({"releases/42/x86_64", "other/41/x86_64"});
  ASSERT_THAT(plan_.prefixed_repositories, SizeIs(1));
  EXPECT_EQ(plan_.prefixed_repositories[0].id, 7);
  EXPECT_EQ(plan_.prefixed_repositories[0].prefix, "fedora-42");
  ASSERT_THAT(plan_.moved_repositories, SizeIs(1));
  EXPECT_EQ(plan_.moved_repositories[0].id, 8);
  EXPECT_EQ(plan_.moved_repositories[0].name, "top/other/41/x86_64");
  EXPECT_THAT(plan_.new_repositories, IsEmpty());
}

TEST_F(Finder, ReportsWhatPointsElsewhere) {
  have_directory(2, "other/42/x86_64");
  state_.repositories.push_back({7, "top/other/42/x86_64", "fedora-42", 1, 2});
  find({"development/42/x86_64", "other/42/x86_64"});
  EXPECT_TRUE(plan_.is_empty());
  ASSERT_EQ(diagnostics_.warning_count(), 1U);
  EXPECT_THAT(diagnostics_.warnings()[0], HasSubstr("top/development/42/x86_64"));
  EXPECT_THAT(diagnostics_.warnings()[0], HasSubstr("top/other/42/x86_64"));
}

TEST_F(Finder, MovesByFlag) {
  have_directory(2, "other/42/x86_64");
  state_.repositories.push_back({7, "top/other/42/x86_64", "fedora-42", 1, 2});
  find({"development/42/x86_64"}, true);
  ASSERT_THAT(plan_.moved_repositories, SizeIs(1));
  EXPECT_EQ(plan_.moved_repositories[0].id, 7);
  EXPECT_EQ(plan_.moved_repositories[0].name, "top/development/42/x86_64");
}

TEST_F(Finder, ReleaseTakesOverFromDevelopmentAndKeepsIt) {
  have_directory(2, "development/43/x86_64");
  state_.versions.push_back({2, "43"});
  state_.repositories.push_back({7, "top/development/43/x86_64", "fedora-43", 1, 2});
  find({"development/43/x86_64", "releases/43/x86_64"});
  ASSERT_THAT(plan_.moved_repositories, SizeIs(1));
  EXPECT_EQ(plan_.moved_repositories[0].name, "top/releases/43/x86_64");
  EXPECT_THAT(plan_.new_repositories, IsEmpty());

  // The next scan, with both trees still there, finds nothing to do and nothing to warn of.
  have_directory(3, "releases/43/x86_64");
  state_.repositories[0] = {7, "top/releases/43/x86_64", "fedora-43", 1, 3};
  plan_ = {};
  find({"development/43/x86_64", "releases/43/x86_64"});
  EXPECT_TRUE(plan_.is_empty());
  EXPECT_EQ(diagnostics_.warning_count(), 0U);
}

TEST_F(Finder, OneOfTwoNewClaimantsGetsIt) {
  find({"development/44/x86_64", "other/44/x86_64", "releases/44/x86_64"});
  ASSERT_THAT(plan_.new_repositories, SizeIs(1));
  EXPECT_EQ(plan_.new_repositories[0].name, "top/releases/44/x86_64");
  EXPECT_EQ(diagnostics_.note_count(), 2U);
}

TEST_F(Finder, ARepositoryOfADeletedDirectoryIsFree) {
  have_directory(2, "other/42/x86_64");
  state_.repositories.push_back({7, "top/other/42/x86_64", "fedora-42", 1, 2});
  plan_.deleted_directories = {2};
  find({"development/42/x86_64"});
  ASSERT_THAT(plan_.new_repositories, SizeIs(1));
  EXPECT_THAT(plan_.moved_repositories, IsEmpty());
}

TEST_F(Finder, SkipsPaths) {
  find({"alt/42/x86_64", "releases/42/Cloud/x86_64", "unmatched/42/x86_64"});
  EXPECT_TRUE(plan_.is_empty());
  EXPECT_EQ(diagnostics_.note_count(), 1U);  // only the last: nobody said that it is none
}

}  // namespace
}  // namespace mirror
