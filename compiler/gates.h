// What stands between a new snapshot and CURRENT: how much of the live one it may lack. The canary
// questions (canaries.h) are the other gate.
//
// Losses are counted by identity (comparison.h), so that fifty new hosts do not hide fifty lost
// ones. A percentage never forbids to lose kSmallLoss of a kind as long as half of it remains:
// small worlds change in large steps. Only mirrors that a list can name count, with a URL by https,
// http or ftp. One is for everybody if it is not private and restricts no countries: what only some
// clients see cannot stand for what the rest has lost. All pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/error.h"
#include "schema/snapshot/snapshot.h"

namespace mirror {

// What a snapshot can lose.
enum class Kind : uint8_t {
  kHosts,         // that some directory lists; by id
  kUrls,          // of hosts, for directories; host by host: one is lost if the host has fewer, or
                  // fewer that a list can name; or, once this happens to more than kSmallLoss
                  // hosts, none on the same server any more
  kCountries,     // of which some directory has a mirror for everybody; by name; also lost: one
                  // that lies on another continent
  kDirectories,   // by name; also lost: one that had mirrors, or mirrors for everybody, and has
                  // none
  kRepositories,  // by key; also lost: one whose list, or whose metalink, is emptied likewise,
                  // whatever the reason (mirrors, redirects, checksums), or leads elsewhere
  kNetblocks,     // by host and prefix
  kAsns,          // by number: of which a host is a mirror, and whose networks are known
  kListings,      // a mirror in a directory; by id and name; also lost: one that was for everybody
                  // and is not
  kRepositoryListings,  // the same in the list, and in the metalink, of a repository
};
inline constexpr size_t kKinds = 9;
inline constexpr std::array<std::string_view, kKinds> kKindNames = {
    "hosts",     "urls", "countries", "directories",        "repositories",
    "netblocks", "asns", "listings",  "repository-listings"};

struct Loss {
  uint64_t before = 0, after = 0, lost = 0;
  std::vector<std::string> examples;  // the first kLossExamplesMax, quoted
};
inline constexpr size_t kLossExamplesMax = 5;
using Losses = std::array<Loss, kKinds>;
// What `after` lacks of `before`. With the same view twice: just what it has.
[[nodiscard]] Losses find_losses(const SnapshotView& before, const SnapshotView& after);

inline constexpr uint64_t kSmallLoss = 10;

class LossLimits {
 public:
  // `KIND=P%` sets how large a part of the kind may be lost, `KIND=N` how many; each has a limit of
  // its own, and both hold.
  [[nodiscard]] Result<void> set_max_lost(std::string_view text);
  // `KIND=N`: how many a snapshot must have, whatever was there before.
  [[nodiscard]] Result<void> set_at_least(std::string_view text);

  // The most of `before` that the percentage lets go.
  [[nodiscard]] uint64_t part_allowed(Kind kind, uint64_t before) const;
  // One sentence for each limit that is broken, in the order of the kinds.
  [[nodiscard]] std::vector<std::string> objections(const Losses& losses) const;

 private:
  struct Limit {
    uint32_t part_lost_max;  // of 10 000
    std::optional<uint64_t> lost_max;
    uint64_t at_least = 0;
  };
  // An ordinary day loses a few hosts, and an end of life a fifth of the directories; who loses
  // more has had an accident, or knows of it.
  std::array<Limit, kKinds> limits_ = {{
      {1000, {}, 0},  // hosts
      {1000, {}, 0},  // urls
      {1000, {}, 0},  // countries
      {2500, {}, 0},  // directories
      {2500, {}, 0},  // repositories
      {2500, {}, 0},  // netblocks
      {2500, {}, 0},  // asns
      {2500, {}, 0},  // listings
      {2500, {}, 0},  // repository-listings
  }};
};

}  // namespace mirror
