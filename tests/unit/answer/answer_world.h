// Small worlds for tests of the answer path, written as code and compiled in memory by the real
// compiler.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/snapshot_model.h"
#include "compiler/world.h"
#include "schema/snapshot/rendering.h"
#include "schema/snapshot/snapshot.h"

namespace mirror {

// A snapshot file in memory with its view. The bytes do not move.
class SnapshotInMemory {
 public:
  [[nodiscard]] static Result<SnapshotInMemory> make(World world, const ModelInputs& inputs) {
    MIRROR_TRY(const SnapshotModel model, build_model(std::move(world), inputs));
    MIRROR_TRY(const std::string file, write_snapshot(model));
    SnapshotInMemory snapshot;
    snapshot.bytes_ = std::make_unique<Block[]>(file.size() / sizeof(Block) + 1);
    std::copy(file.begin(), file.end(), reinterpret_cast<char*>(snapshot.bytes_.get()));
    const auto* begin = reinterpret_cast<const uint8_t*>(snapshot.bytes_.get());
    MIRROR_TRY(snapshot.view_, validate({begin, file.size()}));
    return snapshot;
  }
  [[nodiscard]] const SnapshotView& view() const { return view_; }

 private:
  struct alignas(16) Block {
    char bytes[16];
  };
  std::unique_ptr<Block[]> bytes_;
  SnapshotView view_;
};

// Builds a World step by step. Hosts are numbered from 0 in the order in which they are added.
class WorldBuilder {
 public:
  struct HostOptions {
    std::string country;
    uint32_t weight = 100;
    std::vector<std::string> urls;
    std::vector<std::string> allowed = {};
    bool global = true;
    uint32_t flags = kHostAdminActive | kHostUserActive | kSiteAdminActive | kSiteUserActive;
  };
  uint32_t host(const HostOptions& options) {
    const auto index = static_cast<uint32_t>(world.hosts.size());
    WorldHost host;
    host.id = index + 1;
    host.name = "host" + std::to_string(index);
    host.site = "site" + std::to_string(index);
    host.flags = options.flags;
    host.weight = options.weight;
    host.country = options.country;
    host.allowed = options.allowed;
    world.hosts.push_back(host);
    std::vector<uint32_t> list;
    for (const std::string& url : options.urls)
      list.push_back(world.urls.intern(std::string_view(url)));
    world.url_lists.push_back(list);
    hosts_.push_back(options);
    return index;
  }

  struct File {
    std::string name;
    std::vector<FileVersion> versions;
  };
  // A directory that these hosts carry; it is listed under the countries of the hosts, in Global if
  // they are.
  void directory(const std::string& name, const std::string& subpath,
                 const std::vector<uint32_t>& carriers, const std::vector<File>& files = {}) {
    WorldCarrierSet set;
    for (const uint32_t host : carriers) {
      if (hosts_[host].global) set.global.push_back(host);
      if (!hosts_[host].urls.empty()) set.urls.push_back({host, host});
      if (!hosts_[host].global || hosts_[host].country.empty()) continue;
      const uint32_t country = world.countries.intern(std::string_view(hosts_[host].country));
      auto group = std::find_if(set.groups.begin(), set.groups.end(),
                                [&](const WorldCountryGroup& g) { return g.country == country; });
      if (group == set.groups.end()) group = set.groups.insert(group, {country, {}});
      group->hosts.push_back(host);
    }
    std::vector<uint32_t> run;
    set.encode(run);
    WorldDirectory directory;
    directory.name = name;
    directory.subpath = subpath;
    directory.carrier_set = world.carrier_sets.intern(run);
    for (const File& file : files) {
      const size_t begin = world.blocks.size();
      render_file_block(file.name, file.versions, world.blocks);
      directory.files.push_back({file.name, begin, world.blocks.size() - begin});
    }
    world.directories.push_back(directory);
  }

  // A category of all hosts that have been added, with these directories.
  void category(const std::string& name, const std::vector<std::string>& directories) {
    WorldCategory category;
    category.id = static_cast<int64_t>(world.categories.size()) + 1;
    category.name = name;
    category.product = "Product";
    category.topdir = "pub";
    for (uint32_t host = 0; host < world.hosts.size(); ++host) {
      category.hosts.push_back({host, hosts_[host].urls.empty() ? kNone : host, false});
    }
    for (WorldDirectory& directory : world.directories) {
      const bool held =
          std::find(directories.begin(), directories.end(), directory.name) != directories.end();
      if (held) directory.category = category.id;
    }
    world.categories.push_back(std::move(category));
  }

  void repository(const std::string& key, const std::string& directory_name) {
    world.repositories.push_back({key, directory_name});
  }
  void netblock(std::string_view prefix, uint32_t host) {
    world.netblocks.push_back({*IpPrefix::parse(prefix), host});
  }
  void asn(int64_t number, std::string_view prefix, const std::vector<uint32_t>& hosts) {
    world.asns[number] = hosts;
    inputs.prefix_asns.push_back({*IpPrefix::parse(prefix), number, true});
    std::sort(inputs.prefix_asns.begin(), inputs.prefix_asns.end(),
              [](const PrefixAsn& a, const PrefixAsn& b) { return a.prefix < b.prefix; });
  }
  void client_country(std::string_view prefix, const std::string& country) {
    world.netblock_countries.push_back({*IpPrefix::parse(prefix), country});
  }

  [[nodiscard]] SnapshotInMemory build() {
    auto snapshot = SnapshotInMemory::make(std::move(world), inputs);
    EXPECT_TRUE(snapshot.has_value()) << snapshot.error().message;
    return std::move(*snapshot);
  }

  World world;
  ModelInputs inputs;

 private:
  std::vector<HostOptions> hosts_;
};

}  // namespace mirror
