// The contents of a snapshot as vectors in memory: dense indices, final orders, and already in the
// form of the file, so that writing is copying and a SnapshotView can look at it. SNAPSHOT.md holds
// the invariants.
#pragma once

#include <string>
#include <vector>

#include "compiler/tables.h"
#include "compiler/world.h"
#include "schema/snapshot/snapshot.h"

namespace mirror {

struct SnapshotModel {
  std::string text;
  std::vector<fb::Country> countries;
  std::vector<fb::Continent> continents;
  std::vector<uint32_t> continent_members;
  std::vector<fb::Host> hosts;
  std::vector<fb::HostInfo> host_infos;
  std::vector<uint32_t> allowed_countries;
  std::vector<fb::Url> urls;
  std::vector<fb::UrlSet> url_sets;
  std::vector<fb::Carrier> carriers;
  std::vector<fb::CountryGroup> country_groups;
  std::vector<uint32_t> group_members;
  std::vector<fb::CarrierSet> carrier_sets;
  std::vector<fb::File> files;
  std::vector<fb::Directory> directories;
  std::vector<uint32_t> directory_index;
  std::vector<fb::Repository> repositories;
  std::vector<uint32_t> repository_index;
  std::vector<fb::Prefix> prefixes;
  std::vector<uint32_t> prefix_index;
  fb::Text repository_list;
  fb::Text repository_list_comment;
  std::vector<fb::NetblockMatch> netblock_matches;
  std::vector<fb::Span> netblock_lists;
  std::vector<fb::IpRange4> netblocks4;
  std::vector<fb::IpRange6> netblocks6;
  std::vector<fb::AsnGroup> asn_groups;
  std::vector<uint32_t> asn_hosts;
  std::vector<fb::IpRange4> asns4;
  std::vector<fb::IpRange6> asns6;
  std::vector<fb::IpRange4> netblock_countries4;
  std::vector<fb::IpRange6> netblock_countries6;
  std::vector<fb::Category> categories;
  std::vector<fb::CategoryHost> category_hosts;
  uint64_t created_at = 0;

  // Spans into this object. body_size_max is not set: only validate() computes it.
  [[nodiscard]] SnapshotView view() const;
};

// What a model is made from besides the world.
struct ModelInputs {
  CountryContinents country_continents;
  PrefixAsnTable prefix_asns;
  uint64_t created_at = 0;
};

// A pure function: the same world gives the same model, whatever the order of its hosts and
// directories. Consumes the world, so that the two do not take memory at the same time. kLimit if
// something does not fit.
[[nodiscard]] Result<SnapshotModel> build_model(World world, const ModelInputs& inputs);

// The bytes of a whole snapshot file. A pure function. kLimit above kSnapshotSizeMax.
[[nodiscard]] Result<std::string> write_snapshot(const SnapshotModel& model);

}  // namespace mirror
