// What a compile has read, whatever it was read from: the common form of the database and of a
// protobuf cache, before numbers are made dense and orders are fixed. Rows that cannot be used are
// gone already.
//
// Hosts are referred to by their place in `hosts`, in any order; texts that repeat are interned.
// Everything here is plain data; build_model() turns it into a SnapshotModel.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/core/ip.h"
#include "compiler/interner.h"
#include "schema/snapshot/rendering.h"
#include "schema/snapshot/snapshot.h"

namespace mirror {

struct WorldHost {
  int64_t id = 0;  // unique
  std::string name, site;
  uint32_t flags = 0;  // HostFlag
  uint32_t weight = 1;
  std::optional<std::string> country;  // upper-case
  std::vector<std::string> allowed;    // countries, upper-case; empty: no restriction
};

struct WorldUrls {
  uint32_t host;      // World::hosts
  uint32_t url_list;  // World::url_lists
  bool operator==(const WorldUrls&) const = default;
};
struct WorldCountryGroup {
  uint32_t country;  // World::countries
  std::vector<uint32_t> hosts;
};
// Who carries a directory. Of two entries for one host in `urls` the first counts.
struct WorldCarrierSet {
  std::vector<uint32_t> global;  // listed for everybody
  std::vector<WorldUrls>
      urls;  // public URLs; hosts outside of `global` are reached by netblock and ASN only
  std::vector<WorldCountryGroup> groups;
  // As one run of numbers, for interning.
  void encode(std::vector<uint32_t>& out) const;
  void decode(std::span<const uint32_t> run);
  void clear();
};

struct WorldFile {
  std::string name;
  size_t block_begin = 0;  // World::blocks
  size_t block_size = 0;
};
struct WorldDirectory {
  std::string name;
  std::string subpath;
  uint32_t carrier_set = kNone;  // World::carrier_sets
  int64_t category = kNoCategory;
  std::vector<WorldFile> files;
  static constexpr int64_t kNoCategory = INT64_MIN;
};
struct WorldRepository {
  std::string key;        // PREFIX+ARCH
  std::string directory;  // need not be among the directories
};
struct WorldPrefix {
  std::string redirect;
  bool disabled = false;
};
struct WorldNetblock {
  IpPrefix prefix;
  uint32_t host;
};
struct WorldNetblockCountry {
  IpPrefix prefix;
  std::string country;  // upper-case, not empty
};
struct WorldCategoryHost {
  uint32_t host;
  uint32_t url_list;  // kNone: no public URL
  bool always_up2date;
};
struct WorldCategory {
  int64_t id = 0;
  std::string name, product, topdir;
  std::vector<WorldCategoryHost> hosts;
};

struct World {
  std::optional<uint64_t> created_at;  // what the source says, if it says so
  std::vector<WorldHost> hosts;
  Interner<char> urls;                           // bases without a slash at the end
  std::vector<std::vector<uint32_t>> url_lists;  // of urls, in the order in which they are offered
  Interner<char> countries;                      // names of country groups, upper-case
  Interner<uint32_t> carrier_sets;               // WorldCarrierSet::encode
  std::string blocks;                            // rendered <file> blocks
  std::vector<WorldDirectory> directories;       // names are unique
  std::vector<WorldRepository> repositories;     // keys are unique
  std::map<std::string, WorldPrefix, std::less<>> prefixes;
  std::vector<WorldNetblock> netblocks;                  // no prefix of length 0
  std::map<int64_t, std::vector<uint32_t>> asns;         // hosts, perhaps several times
  std::vector<WorldNetblockCountry> netblock_countries;  // of equal prefixes the first counts
  std::map<std::string, std::string, std::less<>>
      continent_redirects;                // country -> continent, upper-case
  std::vector<WorldCategory> categories;  // ids are unique
};

}  // namespace mirror
