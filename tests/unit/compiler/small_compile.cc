#include "tests/unit/compiler/small_compile.h"

#include <algorithm>

#include "base/core/assert.h"
#include "compiler/dump.h"

namespace mirror {

std::vector<Result<std::vector<IpAddress>>> ScriptedResolver::resolve(
    std::span<const std::string> names) {
  std::vector<Result<std::vector<IpAddress>>> results;
  for (const auto& name : names) {
    asked.push_back(name);
    const auto answer = answers.find(name);
    if (answer != answers.end())
      results.emplace_back(answer->second);
    else
      results.emplace_back(fail(ErrorKind::kNotFound, "{}: not scripted", name));
  }
  return results;
}

std::string SmallSnapshot::dump() const {
  std::string text;
  dump_snapshot(view, [&text](std::string_view piece) { text += piece; });
  return text;
}

const fb::Directory& SmallSnapshot::directory(std::string_view name) const {
  const uint32_t index = view.find_directory(name);
  MIRROR_ASSERT(index != kNone);
  return view.directories[index];
}

namespace {

struct Parts {
  std::span<const fb::Carrier> global, others, all;
};

Parts parts_of(const SnapshotView& view, const fb::Directory& directory) {
  const auto& set = view.carrier_sets[directory.carrier_set()];
  const auto all = SnapshotView::part(view.carriers, set.carriers());
  return {all.first(set.global_count()), all.subspan(set.global_count()), all};
}

std::vector<int64_t> ids_of(const SnapshotView& view, std::span<const fb::Carrier> carriers) {
  std::vector<int64_t> ids;
  for (const auto& carrier : carriers) ids.push_back(view.host_infos[carrier.host()].id());
  return ids;
}

uint32_t range_value(std::span<const fb::IpRange4> ranges4, std::span<const fb::IpRange6> ranges6,
                     std::string_view address) {
  const auto parsed = IpAddress::parse(address);
  MIRROR_ASSERT(parsed);
  return SnapshotView::find_range(ranges4, ranges6, *parsed);
}

}  // namespace

std::vector<int64_t> SmallSnapshot::global(std::string_view name) const {
  return ids_of(view, parts_of(view, directory(name)).global);
}
std::vector<int64_t> SmallSnapshot::others(std::string_view name) const {
  return ids_of(view, parts_of(view, directory(name)).others);
}

std::vector<std::string> SmallSnapshot::urls(std::string_view name, int64_t host) const {
  std::vector<std::string> bases;
  for (const auto& carrier : parts_of(view, directory(name)).all) {
    if (view.host_infos[carrier.host()].id() != host || carrier.url_set() == kNone) continue;
    for (const auto& url : SnapshotView::part(view.urls, view.url_sets[carrier.url_set()].urls())) {
      bases.emplace_back(view.text(url.base()));
    }
  }
  return bases;
}

std::map<std::string, std::vector<int64_t>> SmallSnapshot::groups(std::string_view name) const {
  std::map<std::string, std::vector<int64_t>> result;
  const auto& entry = directory(name);
  const auto carriers = parts_of(view, entry).all;
  for (const auto& group :
       SnapshotView::part(view.country_groups, view.carrier_sets[entry.carrier_set()].groups())) {
    auto& ids = result[std::string(view.text(view.countries[group.country()].name()))];
    for (const uint32_t member : SnapshotView::part(view.group_members, group.members())) {
      ids.push_back(view.host_infos[carriers[member].host()].id());
    }
  }
  return result;
}

std::vector<std::string> SmallSnapshot::netblocks(std::string_view address) const {
  std::vector<std::string> matches;
  const uint32_t list = range_value(view.netblocks4, view.netblocks6, address);
  if (list == kNone) return matches;
  for (const auto& match : SnapshotView::part(view.netblock_matches, view.netblock_lists[list])) {
    matches.push_back(
        fmt::format("{}/{}", view.host_infos[match.host()].id(), match.prefix_length()));
  }
  return matches;
}

int64_t SmallSnapshot::asn(std::string_view address) const {
  const uint32_t group = range_value(view.asns4, view.asns6, address);
  return group == kNone ? 0 : view.asn_groups[group].asn();
}

std::string SmallSnapshot::netblock_country(std::string_view address) const {
  const uint32_t country = range_value(view.netblock_countries4, view.netblock_countries6, address);
  return country == kNone ? "-" : std::string(view.text(view.countries[country].name()));
}

uint32_t SmallSnapshot::host_place(int64_t id) const {
  const auto at = std::ranges::find(view.host_infos, id, &fb::HostInfo::id);
  return at == view.host_infos.end() ? kNone : static_cast<uint32_t>(at - view.host_infos.begin());
}

std::string SmallSnapshot::file_block(std::string_view name, std::string_view file) const {
  const uint32_t index = view.find_file(directory(name), file);
  return index == kNone ? "" : std::string(view.text(view.files[index].block()));
}

std::string SmallSnapshot::repository(std::string_view key) const {
  const uint32_t index = view.find_repository(key);
  if (index == kNone) return "?";
  const uint32_t target = view.repositories[index].directory();
  return target == kNone ? "-" : std::string(view.text(view.directories[target].name()));
}

uint64_t SmallSnapshot::count(std::string_view table, std::string_view reason) const {
  return diagnostics.count(table, reason);
}

std::vector<uint8_t> file_of_world(World world, const SmallInputs& inputs) {
  Diagnostics none;
  ModelInputs model_inputs;
  model_inputs.country_continents = parse_country_continents(inputs.country_continent, "csv", none);
  model_inputs.prefix_asns = parse_prefix_asns(inputs.netblocks, "netblocks", none);
  model_inputs.created_at = inputs.created_at;
  const auto model = build_model(std::move(world), model_inputs);
  MIRROR_ASSERT(model);
  const auto file = write_snapshot(*model);
  MIRROR_ASSERT(file);
  return {file->begin(), file->end()};
}

SmallSnapshot compile_world(World world, const SmallInputs& inputs) {
  SmallSnapshot result;
  result.bytes = file_of_world(std::move(world), inputs);
  const auto view = validate(result.bytes);
  if (!view) fmt::print(stderr, "{}\n", view.error().message);
  MIRROR_ASSERT(view);
  result.view = *view;
  return result;
}

SmallSnapshot compile_rows(const DatabaseRows& rows, SmallInputs& inputs) {
  Diagnostics diagnostics;
  MemoryRowSource source{MemoryRowReader(rows)};
  auto catalog = read_catalog(source, diagnostics, [](uint64_t) {});
  MIRROR_ASSERT(catalog);
  for (const auto& [name, remembered] : inputs.remembered)
    catalog->remembered_names[name] = remembered;
  auto new_names = add_named_netblocks(catalog->named_netblocks, catalog->remembered_names,
                                       inputs.resolver, inputs.now, catalog->world, diagnostics);
  auto result = compile_world(std::move(catalog->world), inputs);
  result.diagnostics = std::move(diagnostics);
  result.new_names = std::move(new_names);
  return result;
}

SmallSnapshot compile_rows(const DatabaseRows& rows) {
  SmallInputs inputs;
  return compile_rows(rows, inputs);
}

DatabaseRows simple_rows() {
  DatabaseRows rows;
  rows.sites = {{1, "Site One", false, true, true}};
  const auto host = [](int64_t id, const char* name, const char* country) {
    HostRow row;
    row.id = id;
    row.name = name;
    row.site_id = 1;
    row.admin_active = row.user_active = true;
    row.is_private = row.asn_clients = row.internet2 = row.internet2_clients = false;
    row.max_connections = 1;
    row.country = country;
    row.bandwidth = 1000;
    return row;
  };
  rows.hosts = {host(1, "one.example", "DE"), host(2, "two.example", "SE")};
  rows.products = {{1, "Linux"}};
  rows.arches = {{1, "source"}, {2, "x86_64"}};
  rows.directories = {{1, "pub/linux"}, {2, "pub/linux/os"}, {3, "pub/linux/os/repodata"}};
  rows.categories = {{1, "Linux", 1, 1}};
  rows.category_directories = {{1, 1}, {1, 2}, {1, 3}};
  rows.host_categories = {{1, 1, 1, true}, {2, 2, 1, true}};
  rows.host_category_urls = {{1, 1, "http://one.example/linux", false},
                             {2, 2, "http://two.example/linux", false}};
  rows.repositories = {{1, "os", 1, 1, 2, 2, false}};
  return rows;
}

namespace {

void add_odd_hosts(DatabaseRows& rows) {
  rows.sites.push_back({2, "Private Site", true, true, true});
  rows.sites.push_back({3, "Sleeping Site", false, true, false});
  const auto add = [&rows](int64_t id, std::optional<int64_t> site,
                           std::optional<std::string> country) -> HostRow& {
    HostRow row = rows.hosts.front();
    row.id = id;
    row.name = fmt::format("host{}.example", id);
    row.site_id = site;
    row.country = std::move(country);
    row.bandwidth = std::nullopt;
    rows.hosts.push_back(row);
    rows.host_categories.push_back({id, id, 1, true});
    rows.host_category_urls.push_back({id, id, fmt::format("https://host{}.example/", id), false});
    return rows.hosts.back();
  };
  add(3, std::nullopt, "DE");           // no site (C-17)
  add(4, 2, "DE");                      // private by its site
  add(5, 1, "DE").is_private = true;    // private itself
  add(6, 3, "DE");                      // inactive by its site
  add(7, 1, "DE").user_active = false;  // inactive itself
  add(8, 1, " us").bandwidth = 0;       // a weight is at least 1
  add(9, 1, "").bandwidth = 200'000;    // an empty country; a weight has an upper limit
  HostRow& with_asn = add(10, 1, std::nullopt);
  with_asn.asn = 64500;  // without asn_clients it does not count
  HostRow& with_clients = add(11, 1, "JP");
  with_clients.asn = 64500;
  with_clients.asn_clients = true;
  add(12, 99, "DE");  // a site that does not exist
  rows.host_category_urls.back().url = "https://host12.example/";
  rows.host_peer_asns = {{1, 2, 64501},
                         {2, 10, 64500},
                         {3, 99, 64502},
                         {4, 2, std::nullopt},
                         {5, std::nullopt, 64503}};
  rows.countries = {{1, "FR"}, {2, std::nullopt}};
  rows.host_countries_allowed = {{1, 1, "de"}, {2, 1, " DE "}, {3, std::nullopt, "SE"}, {4, 8, ""}};
  rows.host_countries = {{1, 1, 1}, {2, 1, 2}, {3, 1, std::nullopt}};
}

void add_odd_netblocks(DatabaseRows& rows) {
  const char* texts[] = {"10.0.0.0/8",
                         "10.1.2.3/16",
                         "010.002.000.000/16",
                         "10.1.2.3",
                         "2001:DB8::/32",
                         "192.0.2.0/255.255.255.128",
                         "192.0.2.0/255.0.255.0",
                         "10.0.0.0/33",
                         "",
                         "0.0.0.0/0",
                         "mirror.example",
                         "010.0.0.1",
                         "4.0.0.0/7",
                         "a/b/c",
                         "dead.example"};
  int64_t id = 0;
  for (const char* text : texts) {
    ++id;
    rows.host_netblocks.push_back({id, 1 + id % 2, text});
  }
  rows.host_netblocks.push_back({++id, 6, "172.16.0.0/12"});  // of an inactive host
  rows.host_netblocks.push_back({++id, 5, "10.1.0.0/16"});    // of a private host
  rows.host_netblocks.push_back({++id, 1, "10.0.0.0/8"});
  rows.host_netblocks.push_back({++id, std::nullopt, "10.0.0.0/8"});
  rows.host_netblocks.push_back({++id, 1, std::nullopt});
  rows.netblock_countries = {{1, "198.51.100.0/24", "se"}, {2, "198.51.100.77", " de "},
                             {3, "bogus", "DE"},           {4, "198.51.100.9/24", "FR"},
                             {5, "203.0.113.0/24", ""},    {6, std::nullopt, "DE"}};
}

void add_odd_directories(DatabaseRows& rows) {
  rows.directories.insert(
      rows.directories.end(),
      {{4, "pub/linux-secondary/x"},  // begins like the top directory only (C-16)
       {5, "pub/other"},
       {6, "pub/linux/both"},  // in two categories (C-14)
       {7, "pub/nowhere"},     // in none
       {8, "pub/topless"},     // in a category without top directory
       {9, "pub/empty"},       // in a category without hosts (C-15)
       {10, "pub/linux/bad\nname"},
       {11, "pub/linux/a&b"},
       {12, "pub/linux/partly"},
       {13, "pub/linux/partly"}});  // the name of another
  rows.categories.insert(
      rows.categories.end(),
      {{2, "Other", std::nullopt, 5}, {3, "Topless", 1, std::nullopt}, {4, "Empty", 1, 9}});
  rows.category_directories.insert(
      rows.category_directories.end(),
      {{1, 4}, {1, 6}, {1, 10}, {1, 11}, {1, 12}, {2, 5}, {2, 6}, {3, 8}, {4, 9}, {4, 77}});
  // Host 2 in category 2 twice (C-18); host_category rows without host or category.
  rows.host_categories.insert(rows.host_categories.end(), {{20, 2, 2, false},
                                                           {21, 2, 2, false},
                                                           {22, std::nullopt, 2, true},
                                                           {23, 2, std::nullopt, true},
                                                           {24, 1, 2, false}});
  rows.host_category_urls.insert(rows.host_category_urls.end(),
                                 {{20, 20, " rsync://two.example/other// ", false},
                                  {21, 21, "https://two.example/other", false},
                                  {22, 20, "http://two.example/other?a=1&b=2", false},
                                  {23, 20, "http://hidden.example/", true},
                                  {24, 21, "two.example/no-scheme", false},
                                  {25, 21, "http://two.example/bl ank", false},
                                  {26, 20, std::nullopt, false},
                                  {27, 20, "http://null.example/", std::nullopt},
                                  {28, 99, "http://lost.example/", false},
                                  {29, 20, "gopher://two.example/other", false},
                                  {30, 20, "ftp://two.example/other", false}});
  rows.host_category_dirs = {{1, 20, 5}, {2, 20, 6}, {3, 24, std::nullopt}, {4, 24, 99}, {5, 99, 5},
                             {6, 22, 5}, {7, 22, 6}};
}

void add_odd_repositories(DatabaseRows& rows) {
  rows.arches.push_back({3, std::nullopt});
  rows.repositories.insert(
      rows.repositories.end(),
      {{2, "os-source", 1, 1, 1, 2, false},
       {3, "broken", 1, 1, 2, 4, false},
       {4, "os", 1, 1, 1, 2, true},  // disables os for every architecture (C-20)
       {5, "twice", 1, 1, 2, 2, false},
       {6, "twice", 1, 1, 2, 5, false},  // C-19
       {7, std::nullopt, 1, 1, 2, 2, true},
       {8, "", 1, 1, 2, 2, true},
       {9, "no-version", 1, std::nullopt, 2, 2, true},
       {10, "no-arch", 1, 1, 9, 2, false},
       {11, "a+b", 1, 1, 2, 2, false},
       {12, "lost", 1, 1, 2, 77, false}});
  rows.repository_redirects = {{1, "rawhide", "os"},
                               {2, "rawhide", "twice"},
                               {3, "gone", std::nullopt},
                               {4, "empty", ""},
                               {5, "os", "elsewhere"}};
  rows.country_continent_redirects = {
      {1, "jp ", " eu"}, {2, "JP", "NA"}, {3, "ZZ", "EU"}, {4, "US", " "}, {5, "DE", std::nullopt}};
  const auto detail = [&rows](int64_t id, int64_t directory, const char* name,
                              std::optional<int64_t> timestamp, std::optional<int64_t> size,
                              std::optional<std::string> sha256) {
    FileDetailRow row;
    row.id = id;
    row.directory_id = directory;
    row.filename = name;
    row.timestamp = timestamp;
    row.size = size;
    row.sha256 = std::move(sha256);
    rows.file_details.push_back(row);
  };
  detail(1, 3, "repomd.xml", std::nullopt, 1, "null-time");  // last (C-07)
  detail(2, 3, "repomd.xml", 1000, 2, "older");
  detail(3, 3, "repomd.xml", 2000, 3, "newest");
  detail(4, 3, "repomd.xml", 1000, 4, "older-too");
  detail(5, 3, "repomd.xml", -5, -6, "");  // C-13, an empty hash is none
  detail(6, 2, "a&b.iso", 7, std::nullopt, "x<y");
  detail(7, 7, "unreachable.iso", 7, 7, "z");
  detail(8, 2, "", 7, 7, "z");
  detail(9, 99, "lost.iso", 7, 7, "z");
  for (int64_t i = 0; i < 13; ++i)
    detail(10 + i, 2, "many.iso", 100 - i, 1, fmt::format("m{}", i));  // C-23
  rows.file_details.back().md5 = "md5\nline";
}

}  // namespace

FileDetailRow& add_repomd(DatabaseRows& rows) {
  FileDetailRow& row = rows.file_details.emplace_back();
  row.id = 1;
  row.directory_id = 3;
  row.filename = "repomd.xml";
  return row;
}

DatabaseRows odd_rows() {
  DatabaseRows rows = simple_rows();
  add_odd_hosts(rows);
  add_odd_netblocks(rows);
  add_odd_directories(rows);
  add_odd_repositories(rows);
  return rows;
}

}  // namespace mirror
