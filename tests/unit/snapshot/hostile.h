// What tests and fuzz targets do to snapshots that somebody has spoiled.
#pragma once

#include <cstring>
#include <span>

#include "base/core/random.h"
#include "schema/snapshot/snapshot.h"

namespace mirror {

inline std::span<uint8_t> payload_of(std::span<uint8_t> file) {
  return file.subspan(sizeof(SnapshotHeader));
}

// Makes header and digests fit the payload again, as somebody would who means harm.
inline void sign(std::span<uint8_t> file) {
  SnapshotHeader header;
  std::memcpy(&header, file.data(), sizeof header);
  const auto whole = make_snapshot_file(payload_of(file), header.created_at);
  std::memcpy(file.data(), whole.data(), sizeof header);
}

// Reads through every accessor and every span; under AddressSanitizer a wrong one is fatal. Returns
// a number that depends on everything, so that nothing is optimised away.
inline uint64_t walk(const SnapshotView& view) {
  uint64_t sum = 0;
  const auto text = [&](const fb::Text& t) {
    for (const char c : view.text(t)) sum += static_cast<unsigned char>(c);
  };
  for (const auto& c : view.countries)
    text(c.name()), sum += view.find_country(view.text(c.name()));
  for (const auto& c : view.continents) {
    for (const uint32_t member : SnapshotView::part(view.continent_members, c.members()))
      text(view.countries[member].name());
  }
  for (size_t i = 0; i < view.hosts.size(); ++i) {
    for (const uint32_t c : SnapshotView::part(view.allowed_countries, view.hosts[i].allowed()))
      text(view.countries[c].name());
    text(view.host_infos[i].name());
    text(view.host_infos[i].site());
  }
  for (const auto& set : view.url_sets) {
    const auto urls = SnapshotView::part(view.urls, set.urls());
    for (const auto& url : urls) text(url.base()), text(url.xml_base()), text(url.metalink_head());
    if (set.first_listable() != kNone) text(urls[set.first_listable()].base());
    if (set.first_web() != kNone) text(urls[set.first_web()].base());
  }
  for (const auto& set : view.carrier_sets) {
    const auto carriers = SnapshotView::part(view.carriers, set.carriers());
    for (const auto& carrier : carriers) {
      sum += view.hosts[carrier.host()].weight();
      if (carrier.url_set() != kNone) sum += view.url_sets[carrier.url_set()].urls().count();
    }
    for (const auto& group : SnapshotView::part(view.country_groups, set.groups())) {
      text(view.countries[group.country()].name());
      for (const uint32_t m : SnapshotView::part(view.group_members, group.members()))
        sum += carriers[m].host();
    }
  }
  for (const auto& d : view.directories) {
    text(d.name()), text(d.subpath()), text(d.xml_subpath());
    sum += view.find_directory(view.text(d.name())) +
           view.carrier_sets[d.carrier_set()].global_count();
    if (d.category() != kNone) text(view.categories[d.category()].name());
    for (const auto& f : SnapshotView::part(view.files, d.files())) {
      text(f.name()), text(f.block());
      sum += view.find_file(d, view.text(f.name()));
    }
  }
  for (const auto& r : view.repositories) {
    text(r.key());
    sum += view.find_repository(view.text(r.key()));
    for (const uint32_t d : {r.directory(), r.metalink_directory()}) {
      if (d != kNone) text(view.directories[d].name());
    }
  }
  for (const auto& p : view.prefixes)
    text(p.name()), text(p.redirect()), sum += view.find_prefix(view.text(p.name()));
  text(view.repository_list), text(view.repository_list_comment);
  Random random(1);
  for (int i = 0; i < 64; ++i) {
    const auto address = i % 2 == 0 ? IpAddress::from_ipv4(static_cast<uint32_t>(random.next()))
                                    : IpAddress::from_ipv6(random.next(), random.next());
    const uint32_t list = SnapshotView::find_range(view.netblocks4, view.netblocks6, address);
    if (list != kNone) {
      for (const auto& m : SnapshotView::part(view.netblock_matches, view.netblock_lists[list]))
        sum += view.hosts[m.host()].weight();
    }
    const uint32_t asn = SnapshotView::find_range(view.asns4, view.asns6, address);
    if (asn != kNone) {
      for (const uint32_t h : SnapshotView::part(view.asn_hosts, view.asn_groups[asn].hosts()))
        sum += view.hosts[h].weight();
    }
    const uint32_t country =
        SnapshotView::find_range(view.netblock_countries4, view.netblock_countries6, address);
    if (country != kNone) text(view.countries[country].name());
  }
  for (const auto& c : view.categories) {
    text(c.name()), text(c.product()), text(c.topdir());
    for (const auto& h : SnapshotView::part(view.category_hosts, c.hosts()))
      sum += view.hosts[h.host()].weight() + h.url_set();
  }
  sum +=
      view.find_directory("no such directory") + view.find_repository("") + view.find_prefix("x");
  return sum;
}

}  // namespace mirror
