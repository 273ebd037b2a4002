// Rows that become bits: look-ups by ids of every kind, and rows that cannot be used.
#include "compiler/carrying.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace mirror {
namespace {

using testing::ElementsAre;

TEST(IdTableTest, FindsWhatIsThereAndNothingElse) {
  const std::vector<std::vector<int64_t>> sets = {{},
                                                  {0},
                                                  {-5, 7, 3},
                                                  {INT64_MIN, 0, INT64_MAX},
                                                  {INT64_MAX - 1, INT64_MAX},
                                                  {1, 1'000'000'000}};
  for (const auto& ids : sets) {
    std::vector<std::pair<int64_t, int>> pairs;
    for (size_t i = 0; i < ids.size(); ++i) pairs.emplace_back(ids[i], static_cast<int>(i));
    const IdTable table(pairs);
    for (const int64_t id :
         {INT64_MIN, INT64_MIN + 1, int64_t{-6}, int64_t{-5}, int64_t{0}, int64_t{1}, int64_t{3},
          int64_t{7}, int64_t{8}, int64_t{1'000'000'000}, INT64_MAX - 1, INT64_MAX}) {
      const auto at = std::ranges::find(ids, id);
      const int* found = table.find(id);
      ASSERT_EQ(found != nullptr, at != ids.end()) << id;
      if (found == nullptr) continue;
      EXPECT_EQ(*found, at - ids.begin()) << id;
    }
  }
}

// Rows from several readers, in the order that a test wants.
class Rows {
 public:
  using Batch = std::pair<size_t, std::vector<UpToDateRow>>;
  explicit Rows(std::vector<Batch> batches) : batches_(std::move(batches)) {}
  template <typename RowType>
  Result<void> operator()(const EachRow<RowType>&) const {
    return {};
  }
  [[nodiscard]] Result<void> up_to_date(const UpToDateCallback& callback) const {
    for (const auto& [reader, rows] : batches_) MIRROR_CHECK(callback(reader, rows));
    return {};
  }
  [[nodiscard]] static size_t readers() { return 3; }

 private:
  std::vector<Batch> batches_;
};

TEST(CarryingTest, TheOrderAndTheReadersDoNotMatter) {
  CarryingPlaces places;
  places.directories = {{10, {0, 0}}, {11, {0, 2}}, {12, {1, 4}}, {13, {}}};
  places.host_categories = {{1, {0, 0}}, {2, {0, 70}}, {3, {1, 5}}};
  places.lost_host_categories = {8};
  places.words = 5;
  std::vector<UpToDateRow> rows = {{1, 10}, {2, 10}, {2, 11}, {3, 12}, {1, 12},         {1, 13},
                                   {8, 10}, {8, 11}, {9, 10}, {1, 99}, {1, kNullNumber}};
  for (int64_t i = 0; i < 9; ++i) rows.push_back({100 + i, 10});
  std::ranges::sort(
      rows, {}, [](const auto& row) { return std::pair(row.host_category_id, row.directory_id); });
  do {
    const size_t half = rows.size() / 2;
    RowSourceOf source{
        Rows({{0, {rows.begin(), rows.begin() + half}}, {2, {rows.begin() + half, rows.end()}}})};
    Diagnostics diagnostics;
    uint64_t seen = 0;
    const auto bits =
        read_carrying(source, places, diagnostics, [&](uint64_t more) { seen += more; });
    ASSERT_TRUE(bits);
    EXPECT_THAT(*bits, ElementsAre(1, uint64_t{1} << 6, 0, uint64_t{1} << 6, uint64_t{1} << 5));
    const auto& entries = diagnostics.entries();
    EXPECT_EQ(entries.size(), 4u);
    EXPECT_EQ(diagnostics.count("host_category_dir",
                                "rows name a host_category that does not exist; left out"),
              10u);
    EXPECT_THAT(
        entries
            .find(std::pair<std::string, std::string>(
                "host_category_dir", "rows name a host_category that does not exist; left out"))
            ->second.examples,
        ElementsAre("(host_category 9, directory 10)", "(host_category 100, directory 10)",
                    "(host_category 101, directory 10)", "(host_category 102, directory 10)",
                    "(host_category 103, directory 10)"));
    EXPECT_THAT(entries
                    .find(std::pair<std::string, std::string>(
                        "host_category_dir",
                        "host categories were left out, and what their hosts carry with them"))
                    ->second.examples,
                ElementsAre("8 (2 rows)"));
    std::ranges::rotate(rows, rows.begin() + 3);
  } while (rows.front().host_category_id != 1 || rows.front().directory_id != 10);
}

}  // namespace
}  // namespace mirror
