#include "compiler/snapshot_model.h"

#include <flatbuffers/flatbuffers.h>

namespace mirror {

SnapshotView SnapshotModel::view() const {
  SnapshotView view;
  view.text_bytes = {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
  view.countries = countries;
  view.continents = continents;
  view.continent_members = continent_members;
  view.hosts = hosts;
  view.host_infos = host_infos;
  view.allowed_countries = allowed_countries;
  view.urls = urls;
  view.url_sets = url_sets;
  view.carriers = carriers;
  view.country_groups = country_groups;
  view.group_members = group_members;
  view.carrier_sets = carrier_sets;
  view.files = files;
  view.directories = directories;
  view.directory_index = directory_index;
  view.repositories = repositories;
  view.repository_index = repository_index;
  view.prefixes = prefixes;
  view.prefix_index = prefix_index;
  view.repository_list = repository_list;
  view.repository_list_comment = repository_list_comment;
  view.netblock_matches = netblock_matches;
  view.netblock_lists = netblock_lists;
  view.netblocks4 = netblocks4;
  view.netblocks6 = netblocks6;
  view.asn_groups = asn_groups;
  view.asn_hosts = asn_hosts;
  view.asns4 = asns4;
  view.asns6 = asns6;
  view.netblock_countries4 = netblock_countries4;
  view.netblock_countries6 = netblock_countries6;
  view.categories = categories;
  view.category_hosts = category_hosts;
  view.created_at = created_at;
  return view;
}

namespace {

template <typename... Vectors>
uint64_t byte_size(const Vectors&... vectors) {
  return (uint64_t{0} + ... + (uint64_t{vectors.size()} * sizeof(typename Vectors::value_type)));
}

uint64_t payload_estimate(const SnapshotModel& m) {
  constexpr uint64_t kFrame = 4096;  // the table, its vtable, lengths and alignment
  return kFrame +
         byte_size(m.text, m.countries, m.continents, m.continent_members, m.hosts, m.host_infos,
                   m.allowed_countries, m.urls, m.url_sets, m.carriers, m.country_groups,
                   m.group_members, m.carrier_sets, m.files, m.directories, m.directory_index,
                   m.repositories, m.repository_index, m.prefixes, m.prefix_index) +
         byte_size(m.netblock_matches, m.netblock_lists, m.netblocks4, m.netblocks6, m.asn_groups,
                   m.asn_hosts, m.asns4, m.asns6, m.netblock_countries4, m.netblock_countries6,
                   m.categories, m.category_hosts);
}

// The order of the calls lays out the file from its end to its beginning: what every request reads
// comes last, so that it lies together at the front.
flatbuffers::Offset<fb::Snapshot> add_payload(flatbuffers::FlatBufferBuilder& out,
                                              const SnapshotModel& m) {
  const auto text =
      out.CreateVector(reinterpret_cast<const uint8_t*>(m.text.data()), m.text.size());
  const auto category_hosts = out.CreateVectorOfStructs(m.category_hosts);
  const auto categories = out.CreateVectorOfStructs(m.categories);
  const auto host_infos = out.CreateVectorOfStructs(m.host_infos);
  const auto files = out.CreateVectorOfStructs(m.files);
  const auto directories = out.CreateVectorOfStructs(m.directories);
  const auto directory_index = out.CreateVector(m.directory_index);
  const auto group_members = out.CreateVector(m.group_members);
  const auto country_groups = out.CreateVectorOfStructs(m.country_groups);
  const auto carriers = out.CreateVectorOfStructs(m.carriers);
  const auto carrier_sets = out.CreateVectorOfStructs(m.carrier_sets);
  const auto url_sets = out.CreateVectorOfStructs(m.url_sets);
  const auto urls = out.CreateVectorOfStructs(m.urls);
  const auto allowed_countries = out.CreateVector(m.allowed_countries);
  const auto hosts = out.CreateVectorOfStructs(m.hosts);
  const auto asns6 = out.CreateVectorOfStructs(m.asns6);
  const auto asns4 = out.CreateVectorOfStructs(m.asns4);
  const auto asn_hosts = out.CreateVector(m.asn_hosts);
  const auto asn_groups = out.CreateVectorOfStructs(m.asn_groups);
  const auto netblock_countries6 = out.CreateVectorOfStructs(m.netblock_countries6);
  const auto netblock_countries4 = out.CreateVectorOfStructs(m.netblock_countries4);
  const auto netblocks6 = out.CreateVectorOfStructs(m.netblocks6);
  const auto netblocks4 = out.CreateVectorOfStructs(m.netblocks4);
  const auto netblock_lists = out.CreateVectorOfStructs(m.netblock_lists);
  const auto netblock_matches = out.CreateVectorOfStructs(m.netblock_matches);
  const auto repositories = out.CreateVectorOfStructs(m.repositories);
  const auto repository_index = out.CreateVector(m.repository_index);
  const auto prefixes = out.CreateVectorOfStructs(m.prefixes);
  const auto prefix_index = out.CreateVector(m.prefix_index);
  const auto continent_members = out.CreateVector(m.continent_members);
  const auto continents = out.CreateVectorOfStructs(m.continents);
  const auto countries = out.CreateVectorOfStructs(m.countries);
  return fb::CreateSnapshot(
      out, text, countries, continents, continent_members, hosts, host_infos, allowed_countries,
      urls, url_sets, carriers, country_groups, group_members, carrier_sets, files, directories,
      directory_index, repositories, repository_index, prefixes, prefix_index, &m.repository_list,
      &m.repository_list_comment, netblock_matches, netblock_lists, netblocks4, netblocks6,
      asn_groups, asn_hosts, asns4, asns6, netblock_countries4, netblock_countries6, categories,
      category_hosts);
}

}  // namespace

Result<std::string> write_snapshot(const SnapshotModel& model) {
  const uint64_t estimate = payload_estimate(model);
  // The builder asserts 2 GiB only in debug builds, so the size is checked before.
  if (estimate > kSnapshotSizeMax) {
    return fail(ErrorKind::kLimit,
                "the snapshot would have about {} bytes, more than the limit of {}", estimate,
                kSnapshotSizeMax);
  }
  flatbuffers::FlatBufferBuilder builder(estimate);
  builder.Finish(add_payload(builder, model));
  return make_snapshot_file({builder.GetBufferPointer(), builder.GetSize()}, model.created_at);
}

}  // namespace mirror
