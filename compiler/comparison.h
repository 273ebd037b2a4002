// Two snapshots side by side: what of the one is in the other. A host is the same by its database
// id, a directory, repository or prefix by its name, a category by its id, a netblock by host and
// prefix; so fifty gained do not hide fifty lost.
//
// Pure. What is returned points into the views.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/core/ip.h"
#include "schema/snapshot/snapshot.h"

namespace mirror {

struct AlignedSizes {
  uint32_t before = 0, after = 0;
};
// Walks over two ascending sequences without duplicates and calls visit(i, j) for each key, in
// order; kNone stands on the side that does not have it.
template <typename KeyBefore, typename KeyAfter, typename Visit>
void align(const AlignedSizes& sizes, KeyBefore key_before, KeyAfter key_after, Visit visit) {
  uint32_t i = 0;
  uint32_t j = 0;
  while (i < sizes.before || j < sizes.after) {
    std::partial_ordering order = std::partial_ordering::equivalent;
    if (i == sizes.before) {
      order = std::partial_ordering::greater;
    } else if (j == sizes.after) {
      order = std::partial_ordering::less;
    } else {
      order = key_before(i) <=> key_after(j);
    }
    visit(order <= 0 ? i : kNone, order >= 0 ? j : kNone);
    if (order <= 0) ++i;
    if (order >= 0) ++j;
  }
}

// The same over two lists.
template <typename List>
AlignedSizes sizes_of(const List& before, const List& after) {
  return {static_cast<uint32_t>(before.size()), static_cast<uint32_t>(after.size())};
}
template <typename List, typename Key, typename Visit>
void align_lists(const List& before, const List& after, Key key, Visit visit) {
  align(
      sizes_of(before, after), [&](uint32_t i) { return key(before[i]); },
      [&](uint32_t j) { return key(after[j]); }, visit);
}

// The same over one vector of two views.
template <typename Vector, typename Key, typename Visit>
void align_views(const SnapshotView& before, const SnapshotView& after, Vector vector, Key key,
                 Visit visit) {
  align(
      sizes_of(before.*vector, after.*vector),
      [&](uint32_t i) { return key(before, (before.*vector)[i]); },
      [&](uint32_t j) { return key(after, (after.*vector)[j]); }, visit);
}

// `"NAME" (id N)`, or `host N` where a cache file does not name it.
[[nodiscard]] std::string host_label(const SnapshotView& view, uint32_t host);

// For each host the bases of its URLs, ascending, each once: of the directories that it is a
// carrier of, which is what clients are sent to; kAll adds those of its categories.
enum class UrlsOf : uint8_t { kDirectories, kAll };
[[nodiscard]] std::vector<std::vector<std::string_view>> urls_of_hosts(const SnapshotView& view,
                                                                       UrlsOf which);

struct HostNetblock {
  IpPrefix prefix;
  int64_t host = 0;  // its id
  auto operator<=>(const HostNetblock&) const = default;
};
// Ascending, each once.
[[nodiscard]] std::vector<HostNetblock> netblocks_of(const SnapshotView& view);

struct KnownAsn {
  int64_t asn = 0;
  uint64_t ranges = 0;  // of addresses that belong to it
};
// The AS numbers of mirrors of which some addresses are known, ascending.
[[nodiscard]] std::vector<KnownAsn> asns_of(const SnapshotView& view);

// Whether a list can name it: it has a URL by https, http or ftp.
[[nodiscard]] bool is_listable(const SnapshotView& view, const fb::Carrier& carrier);

// Whether everybody is shown a listable mirror, and not only some: it is not private and does not
// restrict the countries of its clients.
[[nodiscard]] bool is_for_everybody(const SnapshotView& view, const fb::CarrierSet& set,
                                    uint32_t carrier);

// How many mirrors two sets of carriers share, remembered for each pair of sets, since many
// directories share few. Only listable mirrors count. One thread.
class CarrierComparison {
 public:
  // Both must outlive this object.
  CarrierComparison(const SnapshotView& before, const SnapshotView& after);

  struct Counts {
    uint32_t before = 0, after = 0, gone = 0;
    uint32_t hidden = 0;  // there still, and not for everybody any more
    uint32_t everybody_before = 0, everybody_after = 0;  // of those for everybody
    [[nodiscard]] uint32_t added() const { return after + gone - before; }
    [[nodiscard]] bool emptied() const { return before > 0 && after == 0; }
    [[nodiscard]] bool emptied_for_everybody() const {
      return everybody_before > 0 && everybody_after == 0;
    }
    [[nodiscard]] bool same() const { return gone == 0 && before == after; }
  };
  // kNone: the directory is not there.
  [[nodiscard]] Counts compare(uint32_t set_before, uint32_t set_after);

 private:
  [[nodiscard]] Counts count(uint32_t set_before, uint32_t set_after);

  const SnapshotView& before_;
  const SnapshotView& after_;
  std::vector<uint32_t> after_of_;  // host before -> host after, or kNone
  // Of a host after: the last count that met it, and the last that met it for everybody.
  struct Mark {
    uint64_t met_in = 0, for_everybody_in = 0;
  };
  std::vector<Mark> marks_;
  uint64_t stamp_ = 0;
  std::map<std::pair<uint32_t, uint32_t>, Counts> known_;
};

}  // namespace mirror
