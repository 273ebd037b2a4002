// The pure part of a scan: samples, what is known of a tree, what changed, what is old.
#include "scanner/tree_diff.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "scanner/file_sample.h"

namespace mirror {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kDay = 86400;
constexpr int64_t kNow = 1'700'000'000;

std::vector<TreeFile> rpms(int count) {
  std::vector<TreeFile> files;
  for (int i = 0; i < count; ++i) files.push_back({fmt::format("p{:02}.rpm", i), 10, 1000 + i, 0});
  return files;
}

std::vector<std::string> names(const std::vector<TreeFile>& files) {
  std::vector<std::string> result;
  for (const TreeFile& file : files) result.push_back(file.name);
  return result;
}

TEST(Sample, SmallDirectoriesAreKeptWhole) {
  EXPECT_EQ(select_sample(rpms(10), {}, "").size(), 10U);
  std::vector<TreeFile> images;
  for (int i = 0; i < 50; ++i) images.push_back({fmt::format("{}.iso", i), 1, i, 0});
  EXPECT_EQ(select_sample(images, {}, "").size(), 50U);
  images.resize(10'001, TreeFile{"x.iso", 1, 1, 0});
  EXPECT_EQ(select_sample(images, {}, "").size(), 3U);  // bounded whatever they are
}

TEST(Sample, PackageDirectoriesKeepTheNewest) {
  EXPECT_THAT(names(select_sample(rpms(11), {}, "")), ElementsAre("p08.rpm", "p09.rpm", "p10.rpm"));
  EXPECT_THAT(names(select_sample(rpms(11), {5, 10}, "")),
              ElementsAre("p06.rpm", "p07.rpm", "p08.rpm", "p09.rpm", "p10.rpm"));
  // By (ctime, name, size).
  std::vector<TreeFile> same = rpms(12);
  for (TreeFile& file : same) file.ctime = 5;
  EXPECT_THAT(names(select_sample(same, {}, "")), ElementsAre("p09.rpm", "p10.rpm", "p11.rpm"));
}

TEST(Sample, RepomdStays) {
  std::vector<TreeFile> files;
  for (int i = 0; i < 20; ++i) files.push_back({fmt::format("r{}.html", i), 1, 100 + i, 0});
  files.push_back({"repomd.xml", 1, 1, 0});
  EXPECT_THAT(names(select_sample(files, {1, 10}, kRepomd)), ElementsAre("r19.html", "repomd.xml"));
  EXPECT_THAT(names(select_sample(files, {1, 10}, "")), ElementsAre("r19.html"));
  files.back().ctime = 1000;  // the newest itself: nothing more is kept for it
  EXPECT_THAT(names(select_sample(files, {1, 10}, kRepomd)), ElementsAre("repomd.xml"));
}

TEST(Sample, IsEncodedAsMirrorManagerDoes) {
  EXPECT_EQ(encode_sample({}), "[]");
  const std::string text =
      encode_sample({{"a\"\\é.rpm", 3732, 1700000000, 5}, {"repomd.xml", 1, 2, 3}});
  EXPECT_EQ(text,
            "[{\"name\":\"a\\\"\\\\é.rpm\",\"size\":3732,\"timestamp\":1700000000},"
            "{\"name\":\"repomd.xml\",\"size\":1,\"timestamp\":2}]");
  EXPECT_EQ(find_in_sample(text, "repomd.xml"), (TreeFile{"repomd.xml", 1, 2, 0}));
  EXPECT_EQ(find_in_sample(text, "absent"), std::nullopt);
}

TEST(Sample, StoredGarbageIsNotTrusted) {
  EXPECT_FALSE(looks_like_sample(""));
  EXPECT_FALSE(looks_like_sample("\x80\x02}q"));
  EXPECT_FALSE(looks_like_sample("(dp0\n."));
  for (const char* bad : {"[", "{}", "[1,null,{}]", R"([{"name":"repomd.xml"}])",
                          R"([{"name":"repomd.xml","size":"x"}])",
                          R"([{"name":"repomd.xml","size":1,"timestamp":1.5}])"}) {
    EXPECT_EQ(find_in_sample(bad, "repomd.xml"), std::nullopt) << bad;
  }
  EXPECT_EQ(find_in_sample(std::string(1'000'000, '['), "x"), std::nullopt);
}

// A category with the top directory "top" and these directories below it, all stored as listed at
// ctime 100.
CategoryState state_with(const std::vector<std::string>& paths) {
  CategoryState state;
  state.id = 1;
  state.topdir = "top";
  state.topdir_id = 1;
  state.topdir_linked = true;
  state.directories.push_back({1, "top", "[]", true, 100});
  for (const std::string& path : paths) {
    state.directories.push_back(
        {static_cast<int64_t>(state.directories.size()) + 1, "top/" + path, "[]", true, 100});
  }
  return state;
}

Tree tree_with(const std::vector<std::string>& paths) {
  Tree tree;
  tree.directories.push_back({"", 100, true, false, {}, {}, {}});
  for (const std::string& path : paths)
    tree.directories.push_back({path, 100, true, false, {}, {}, {}});
  return tree;
}

ChangePlan compare(const CategoryState& state, const Tree& tree,
                   const std::vector<DirectoryDetails>& details = {},
                   const std::vector<Pattern>& excludes = {}) {
  ChangePlan plan;
  Diagnostics diagnostics;
  compare_directories(state, tree, details, excludes, &plan, &diagnostics);
  compare_details(state, details, &plan);
  return plan;
}

TEST(PathBelow, NeedsAWholeComponent) {
  EXPECT_EQ(path_below("pub/fedora", "pub/fedora"), "");
  EXPECT_EQ(path_below("pub/fedora", "pub/fedora/linux"), "linux");
  EXPECT_EQ(path_below("pub/fedora", "pub/fedora-secondary"), std::nullopt);
  EXPECT_EQ(path_below("pub/fedora", "pub"), std::nullopt);
  EXPECT_EQ(path_below("", "any/thing"), "any/thing");
  EXPECT_EQ(path_below("", ""), "");
}

TEST(KnownTree, DistrustsTheChecksumsOfAnotherRepomd) {
  CategoryState state = state_with({"repodata"});
  state.directories[1].files = R"([{"name":"repomd.xml","size":7,"timestamp":9}])";
  state.details.push_back({1, 2, "repomd.xml", 5, 7, {}});
  EXPECT_FALSE(known_tree(state).at("repodata").must_list);
  state.details.push_back({2, 2, "repomd.xml", 4, 8, {}});  // the last row decides
  EXPECT_TRUE(known_tree(state).at("repodata").must_list);
}

TEST(KnownTree, DistrustsWhatIsIncomplete) {
  CategoryState state = state_with({"a", "a/b", "c", "d/repodata", "e/repodata", "f"});
  state.directories[2].files = std::nullopt;
  state.directories[3].ctime = std::nullopt;
  state.directories[4].files = R"([{"name":"repomd.xml","size":7,"timestamp":9}])";
  state.directories[5].files = R"([{"name":"repomd.xml","size":7,"timestamp":9}])";
  state.details.push_back({1, state.directories[4].id, "repomd.xml", 5, 7, {}});
  state.directories[6].files = "\x80\x02}q";
  const KnownTree known = known_tree(state);
  EXPECT_THAT(known.at("").children, ElementsAre("a", "c", "f"));
  EXPECT_THAT(known.at("a").children, ElementsAre("b"));
  EXPECT_FALSE(known.at("a").must_list);
  EXPECT_TRUE(known.at("a/b").must_list);
  EXPECT_TRUE(known.at("c").must_list);
  EXPECT_FALSE(known.at("d/repodata").must_list);
  EXPECT_EQ(known.at("d/repodata").repomd, (TreeFile{"repomd.xml", 7, 9, 0}));
  EXPECT_TRUE(known.at("e/repodata").must_list);  // its checksums are missing
  EXPECT_TRUE(known.at("f").must_list);
}

TEST(Compare, NothingChanged) {
  const CategoryState state = state_with({"a", "a/b"});
  EXPECT_TRUE(compare(state, tree_with({"a", "a/b"})).is_empty());
}

TEST(Compare, OnlyWhatDiffersIsWritten) {
  const CategoryState state = state_with({"a", "b", "c"});
  Tree tree = tree_with({"a", "b", "c"});
  tree.directories[1].readable = false;
  tree.directories[2].listed = true;
  tree.directories[2].ctime = 200;
  tree.directories[3].listed = true;
  tree.directories[3].sample = {{"x", 1, 2, 3}};
  const ChangePlan plan = compare(state, tree);
  ASSERT_EQ(plan.changed_directories.size(), 3U);
  EXPECT_FALSE(plan.changed_directories[0].readable);
  EXPECT_EQ(plan.changed_directories[0].files, std::nullopt);
  EXPECT_EQ(plan.changed_directories[1].ctime, 200);
  EXPECT_EQ(plan.changed_directories[1].files, std::nullopt);  // the sample is the same
  EXPECT_EQ(plan.changed_directories[2].files, R"([{"name":"x","size":1,"timestamp":2}])");
}

TEST(Compare, GoneDirectoriesAreDeletedUnlessSharedExcludedOrOutside) {
  CategoryState state = state_with({"gone", "shared", "excluded", "kept"});
  state.shared.insert(state.directories[2].id);
  state.directories.push_back({77, "elsewhere/x", "[]", true, 100});
  const ChangePlan plan = compare(state, tree_with({"kept"}), {}, {*Pattern::compile("/excluded")});
  EXPECT_THAT(plan.deleted_directories, ElementsAre(2));
  EXPECT_THAT(plan.unlinked_directories, ElementsAre(3));
  const auto gate = check_deletions(state, plan, 10);
  ASSERT_FALSE(gate.has_value());
  EXPECT_EQ(gate.error().kind, ErrorKind::kRefused);
  EXPECT_THAT(gate.error().message, HasSubstr("2 of its 6 directories"));
  EXPECT_TRUE(check_deletions(state, plan, 34).has_value());
}

TEST(Compare, IncompleteDetailsLeaveTheCtimeUnset) {
  CategoryState state = state_with({"repodata"});
  Tree tree = tree_with({"repodata", "new"});
  tree.directories[1].listed = true;
  tree.directories[1].ctime = 200;
  const ChangePlan plan = compare(state, tree, {{"repodata", {}, {}, true}, {"new", {}, {}, true}});
  ASSERT_EQ(plan.changed_directories.size(), 1U);
  EXPECT_EQ(plan.changed_directories[0].ctime, 0);
  ASSERT_EQ(plan.new_directories.size(), 1U);
  EXPECT_EQ(plan.new_directories[0].ctime, 0);
}

TEST(Compare, DetailsAreInsertedOnlyIfTheyDiffer) {
  CategoryState state = state_with({"a"});
  state.details.push_back({1, 2, "repomd.xml", 5, 7, {"", "", "s256", ""}});
  state.details.push_back({2, 2, "x.iso", 5, 7, {"", "", "s256", ""}});
  const auto inserted = [&](const FileDetail& detail) {
    return compare(state, tree_with({"a"}), {{"a", {detail}, {}, false}}).new_details.size();
  };
  EXPECT_EQ(inserted({"repomd.xml", 7, 5, {"", "", "s256", ""}}), 0U);
  EXPECT_EQ(inserted({"repomd.xml", 8, 5, {"", "", "s256", ""}}), 1U);
  EXPECT_EQ(inserted({"repomd.xml", 7, 6, {"", "", "s256", ""}}), 1U);
  EXPECT_EQ(inserted({"repomd.xml", 7, 5, {"m", "", "s256", ""}}), 1U);
  EXPECT_EQ(inserted({"x.iso", 7, 99, {"", "", "s256", ""}}), 0U);  // only its file time moved
  EXPECT_EQ(inserted({"x.iso", 7, 5, {"", "", "other", ""}}), 1U);
}

TEST(Compare, ARowThatTheMasterWentBackToBecomesTheLast) {
  CategoryState state = state_with({"a"});
  for (int64_t id = 1; id <= 3; ++id)
    state.details.push_back({id, 2, "repomd.xml", 1000 * id, 7, {"", "", "s", ""}});
  const FileDetail oldest = {"repomd.xml", 7, 1000, {"", "", "s", ""}};
  const ChangePlan plan = compare(state, tree_with({"a"}), {{"a", {oldest}, {}, false}});
  EXPECT_THAT(plan.replaced_details, ElementsAre(1));
  ASSERT_EQ(plan.new_details.size(), 1U);
  EXPECT_EQ(plan.new_details[0].detail.timestamp, 1000);
  const FileDetail last = {"repomd.xml", 7, 3000, {"", "", "s", ""}};
  EXPECT_TRUE(compare(state, tree_with({"a"}), {{"a", {last}, {}, false}}).is_empty());
}

// Rows of one file, of these ages in days, the first inserted last as is usual. The places, from 1,
// of those that go.
std::vector<int64_t> aged(const AgingRules& rules, const std::vector<int64_t>& ages) {
  CategoryState state = state_with({"a"});
  const auto count = static_cast<int64_t>(ages.size());
  for (int64_t id = 1; id <= count; ++id) {
    const int64_t age = ages[static_cast<size_t>(count - id)];
    state.details.push_back({id, 2, "repomd.xml", kNow - age * kDay - 60, 7, {}});
  }
  ChangePlan plan;
  age_details(state, rules, kNow, &plan);
  std::vector<int64_t> places;
  for (const int64_t id : plan.aged_details) places.insert(places.begin(), count - id + 1);
  return places;
}

TEST(Aging, RowsGoWhenTheyWereSupersededLongAgo) {
  const std::vector<int64_t> daily = {0, 1, 2, 3, 4, 5, 6, 7};
  EXPECT_THAT(aged({7, 6, 2}, daily), IsEmpty());
  EXPECT_THAT(aged({6, 5, 2}, daily), ElementsAre(8));
  EXPECT_THAT(aged({4, 3, 2}, daily), ElementsAre(6, 7, 8));
  EXPECT_THAT(aged({1, 0, 2}, daily), ElementsAre(3, 4, 5, 6, 7, 8));
  EXPECT_THAT(aged({4, 3, 2}, {1, 7, 6, 5, 4, 3, 2, 0}),
              ElementsAre(2, 3, 4));  // by timestamp, not by id
}

TEST(Aging, LimitsDecideHowManyOfEightStay) {
  const std::vector<int64_t> ages = {0, 0, 0, 0, 0, 2, 5, 9};
  EXPECT_THAT(aged({6, 5, 2}, ages), IsEmpty());
  EXPECT_THAT(aged({4, 3, 2}, ages), ElementsAre(8));
  EXPECT_THAT(aged({1, 0, 2}, ages), ElementsAre(7, 8));
}

TEST(Aging, NeverTheNewestTwo) {
  EXPECT_THAT(aged({4, 3, 2}, {100}), IsEmpty());
  EXPECT_THAT(aged({4, 3, 2}, {100, 200}), IsEmpty());
  EXPECT_THAT(aged({0, 0, 2}, {100, 200, 300}), ElementsAre(3));
  // Quiet for long: then one alternate may be wanted to go too, if the rules file says so.
  EXPECT_THAT(aged({4, 3, 1}, {100, 200}), ElementsAre(2));
  EXPECT_THAT(aged({4, 3, 1}, {2, 200}), IsEmpty());
  EXPECT_THAT(aged({4, 3, 1}, {100}), IsEmpty());
}

TEST(Aging, NeverWhatTheMasterHas) {
  EXPECT_THAT(aged({4, 3, 2}, {90, 0, 30, 60}), ElementsAre(4));
  EXPECT_THAT(aged({4, 3, 2}, {60, 90, 0, 30}), ElementsAre(2));
  EXPECT_THAT(aged({4, 3, 1}, {60, 30}), IsEmpty());
  CategoryState state = state_with({"a"});
  for (int64_t id = 1; id <= 4; ++id)
    state.details.push_back({id, 2, "repomd.xml", kNow - (100 - id) * kDay, 7, {}});
  ChangePlan plan;
  plan.replaced_details = {1};  // goes anyway: must not be counted twice
  age_details(state, {}, kNow, &plan);
  EXPECT_THAT(plan.aged_details, ElementsAre(2));
}

TEST(Aging, KnowsFilesAndDirectoriesApart) {
  CategoryState state = state_with({"a", "b"});
  for (int64_t i = 0; i < 3; ++i) {
    state.details.push_back({10 + i, 2, "x", kNow - (100 - i) * kDay, 7, {}});
    state.details.push_back(
        {20 + i, 2, "y", std::nullopt, 7, {}});  // never dated: the oldest ids go
    state.details.push_back({30 + i, 3, "x", kNow - (100 - i) * kDay, 7, {}});
  }
  ChangePlan plan;
  plan.deleted_directories = {3};  // its rows go with it
  age_details(state, {}, kNow, &plan);
  EXPECT_THAT(plan.aged_details, ElementsAre(10, 20));
}

}  // namespace
}  // namespace mirror
