#include "compiler/carrying.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <utility>

namespace mirror {
namespace {

constexpr std::string_view kTable = "host_category_dir";

// Rows that cannot be used: how many, and the first few by their numbers.
class BadRows {
 public:
  void add(const UpToDateRow& row) {
    ++count_;
    keep({row.host_category_id, row.directory_id});
  }
  void merge(const BadRows& other) {
    count_ += other.count_;
    for (const auto& pair : other.first_) keep(pair);
  }
  void report(std::string_view reason, Diagnostics& diagnostics) const {
    std::vector<std::string> examples;
    for (const auto& [host_category, directory] : first_) {
      examples.push_back(
          fmt::format("(host_category {}, directory {})", host_category,
                      directory == kNullNumber ? "none" : std::to_string(directory)));
    }
    diagnostics.add(kTable, reason, count_, examples);
  }

 private:
  using Pair = std::pair<int64_t, int64_t>;
  void keep(const Pair& pair) {
    if (first_.size() == Diagnostics::kExamplesMax && !(pair < first_.back())) return;
    first_.insert(std::upper_bound(first_.begin(), first_.end(), pair), pair);
    if (first_.size() > Diagnostics::kExamplesMax) first_.pop_back();
  }

  uint64_t count_ = 0;
  std::vector<Pair> first_;
};

// What one thread makes of its rows.
struct Share {
  std::vector<uint64_t> bits;
  std::map<int64_t, uint64_t> lost;  // host_category left out -> rows
  BadRows no_directory, unknown_directory, unknown_host_category;

  void merge(const Share& other) {
    for (size_t i = 0; i < bits.size(); ++i) bits[i] |= other.bits[i];
    for (const auto& [host_category, rows] : other.lost) lost[host_category] += rows;
    no_directory.merge(other.no_directory);
    unknown_directory.merge(other.unknown_directory);
    unknown_host_category.merge(other.unknown_host_category);
  }
  void report(Diagnostics& diagnostics) const {
    no_directory.report("rows name no directory; left out", diagnostics);
    unknown_directory.report("rows name a directory that does not exist; left out", diagnostics);
    unknown_host_category.report("rows name a host_category that does not exist; left out",
                                 diagnostics);
    // One a host_category, not one a row: each has as many rows as directories.
    for (const auto& [host_category, rows] : lost) {
      diagnostics.add(kTable, "host categories were left out, and what their hosts carry with them",
                      host_category, fmt::format("({} rows)", rows));
    }
  }
};

class CarryingReader {
 public:
  explicit CarryingReader(const CarryingPlaces& places)
      : directories_(places.directories),
        host_categories_(places.host_categories),
        lost_(places.lost_host_categories) {}

  void take(const UpToDateRow& row, Share& share) const {
    if (row.directory_id == kNullNumber) return share.no_directory.add(row);
    const auto* directory = directories_.find(row.directory_id);
    if (directory == nullptr) return share.unknown_directory.add(row);
    const auto* host_category = host_categories_.find(row.host_category_id);
    if (host_category == nullptr) {
      if (lost_.contains(row.host_category_id))
        ++share.lost[row.host_category_id];
      else
        share.unknown_host_category.add(row);
      return;
    }
    // A directory of two categories counts in the first one only, one that is not offered in none:
    // it has been reported.
    if (host_category->category != directory->category) return;
    constexpr uint32_t kWordBits = 64;
    share.bits[directory->first_word + host_category->member / kWordBits] |=
        uint64_t{1} << (host_category->member % kWordBits);
  }

 private:
  const IdTable<CarryingPlaces::Directory> directories_;
  const IdTable<CarryingPlaces::HostCategory> host_categories_;
  const std::set<int64_t>& lost_;
};

}  // namespace

Result<std::vector<uint64_t>> read_carrying(RowSource& source, const CarryingPlaces& places,
                                            Diagnostics& diagnostics,
                                            const std::function<void(uint64_t)>& on_rows) {
  const CarryingReader reader(places);
  std::vector<Share> shares(source.readers());
  for (auto& share : shares) share.bits.resize(places.words);
  std::atomic<uint64_t> rows_seen = 0;
  MIRROR_CHECK(
      source.each_up_to_date([&](size_t at, std::span<const UpToDateRow> rows) -> Result<void> {
        for (const auto& row : rows) reader.take(row, shares[at]);
        rows_seen.fetch_add(rows.size(), std::memory_order_relaxed);
        // The progress belongs to the caller's thread.
        if (at == 0) on_rows(rows_seen.exchange(0, std::memory_order_relaxed));
        return {};
      }));
  for (size_t i = 1; i < shares.size(); ++i) shares[0].merge(shares[i]);
  shares[0].report(diagnostics);
  return std::move(shares[0].bits);
}

}  // namespace mirror
