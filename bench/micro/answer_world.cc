#include "bench/micro/answer_world.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <set>
#include <utility>

#include "base/core/random.h"
#include "compiler/world.h"
#include "schema/snapshot/rendering.h"

namespace mirror::bench {
namespace {

struct Share {
  const char* country;
  const char* continent;
  uint32_t share;
};
constexpr std::array<Share, 20> kShares = {{
    {"DE", "EU", 60}, {"FR", "EU", 30}, {"GB", "EU", 28}, {"NL", "EU", 25}, {"SE", "EU", 20},
    {"CZ", "EU", 18}, {"RU", "EU", 18}, {"BG", "EU", 10}, {"PL", "EU", 10}, {"US", "NA", 150},
    {"CA", "NA", 25}, {"MX", "NA", 6},  {"JP", "AS", 25}, {"CN", "AS", 25}, {"TW", "AS", 15},
    {"IN", "AS", 10}, {"BR", "SA", 15}, {"CL", "SA", 5},  {"AU", "OC", 20}, {"ZA", "AF", 10},
}};

const Share& draw_country(Random& random) {
  uint64_t left = 0;
  for (const Share& share : kShares) left += share.share;
  left = random.below(left);
  for (const Share& share : kShares) {
    if (left < share.share) return share;
    left -= share.share;
  }
  return kShares[0];
}

uint32_t draw_weight(Random& random) {
  constexpr std::array<uint32_t, 6> kWeights = {10, 100, 1000, 1000, 10'000, 100'000};
  return kWeights[random.below(kWeights.size())];
}

class Maker {
 public:
  explicit Maker(const AnswerWorldOptions& options) : options_(options), random_(options.seed) {}

  World world() {
    for (uint32_t i = 0; i < options_.host_count; ++i) add_host(i, draw_country(random_).country);
    add_directories();
    for (const uint32_t size : AnswerWorld::kAnswerSizes) add_answer(size);
    add_networks();
    return std::move(world_);
  }
  ModelInputs inputs() {
    ModelInputs inputs;
    for (const Share& share : kShares) inputs.country_continents[share.country] = share.continent;
    inputs.country_continents["AQ"] = "AN";
    inputs.created_at = 1'700'000'000;
    std::set<uint32_t> seen;
    for (uint32_t i = 0; i < options_.prefix_count; ++i) {
      const auto network = static_cast<uint32_t>(random_.next()) & 0xffffff00;
      if (network >> 24 == 10 || !seen.insert(network).second) continue;
      const auto asn = static_cast<int64_t>(60'000 + random_.below(400));
      inputs.prefix_asns.push_back({IpPrefix::of(IpAddress::from_ipv4(network), 24), asn, true});
    }
    std::sort(inputs.prefix_asns.begin(), inputs.prefix_asns.end(),
              [](const PrefixAsn& a, const PrefixAsn& b) { return a.prefix < b.prefix; });
    return inputs;
  }

 private:
  uint32_t add_host(uint32_t number, const char* country) {
    WorldHost host;
    host.id = number + 1;
    host.name = fmt::format("mirror{}.example", number);
    host.weight = draw_weight(random_);
    host.country = country;
    const auto place = static_cast<uint32_t>(world_.hosts.size());
    world_.hosts.push_back(host);
    const std::string where =
        fmt::format("mirror{}.university{}.example/pub/fedora", number, number % 97);
    std::vector<uint32_t> urls = {world_.urls.intern(std::string_view("https://" + where))};
    if (random_.below(3) == 0)
      urls.push_back(world_.urls.intern(std::string_view("http://" + where)));
    world_.url_lists.push_back(urls);
    return place;
  }

  void add_directory(const std::string& name, const std::vector<uint32_t>& hosts, bool with_file) {
    WorldCarrierSet set;
    for (const uint32_t host : hosts) {
      set.global.push_back(host);
      set.urls.push_back({host, host});
      const uint32_t country =
          world_.countries.intern(std::string_view(*world_.hosts[host].country));
      auto group = std::find_if(set.groups.begin(), set.groups.end(),
                                [&](const WorldCountryGroup& g) { return g.country == country; });
      if (group == set.groups.end()) group = set.groups.insert(group, {country, {}});
      group->hosts.push_back(host);
    }
    std::vector<uint32_t> run;
    set.encode(run);
    WorldDirectory directory;
    directory.name = "pub/fedora/" + name;
    directory.subpath = name;
    directory.carrier_set = world_.carrier_sets.intern(run);
    if (with_file) add_file(directory);
    world_.directories.push_back(directory);
  }

  void add_file(WorldDirectory& directory) {
    const std::string sha512(128, 'a');
    FileVersion version;
    version.timestamp = 1'700'000'000;
    version.size = 4711;
    version.md5 = std::string_view(sha512).substr(0, 32);
    version.sha1 = std::string_view(sha512).substr(0, 40);
    version.sha256 = std::string_view(sha512).substr(0, 64);
    version.sha512 = sha512;
    const std::array<FileVersion, 3> versions = {version, version, version};
    const size_t begin = world_.blocks.size();
    render_file_block("repomd.xml", versions, world_.blocks);
    directory.files.push_back({"repomd.xml", begin, world_.blocks.size() - begin});
  }

  void add_directories() {
    std::vector<std::vector<uint32_t>> sets(100);
    for (auto& set : sets) {
      for (uint32_t host = 0; host < options_.host_count; ++host) {
        if (random_.below(4) == 0) set.push_back(host);
      }
    }
    for (uint32_t i = 0; i < options_.directory_count; ++i) {
      const std::string name =
          fmt::format("linux/updates/{}/Everything/x86_64/Packages/{}", i % 43, i);
      add_directory(name, sets[random_.below(sets.size())], i % 10 == 0);
    }
  }

  // Mirrors in a country that has no others, so that the answer has exactly this size.
  void add_answer(uint32_t size) {
    std::vector<uint32_t> hosts;
    for (uint32_t i = 0; i < size; ++i) hosts.push_back(add_host(100'000 + size * 1000 + i, "AQ"));
    const std::string name = fmt::format("linux/answers/{}/Everything/x86_64/os", size);
    add_directory(name, hosts, false);
    add_directory(name + "/repodata", hosts, true);
    world_.repositories.push_back({fmt::format("answers-{}+x86_64", size), "pub/fedora/" + name});
  }

  void add_networks() {
    for (uint32_t i = 0; i < options_.netblock_count; ++i) {
      const auto bits = static_cast<uint32_t>(random_.next());
      if (bits >> 24 == 10 || bits >> 24 == 0) continue;
      const auto host = static_cast<uint32_t>(random_.below(options_.host_count));
      world_.netblocks.push_back(
          {IpPrefix::of(IpAddress::from_ipv4(bits), 12 + static_cast<int>(random_.below(13))),
           host});
    }
    for (int64_t asn = 60'000; asn < 60'400; ++asn) {
      world_.asns[asn] = {static_cast<uint32_t>(random_.below(options_.host_count))};
    }
    world_.netblock_countries.push_back({*IpPrefix::parse("10.0.0.0/8"), "AQ"});
  }

  const AnswerWorldOptions& options_;
  Random random_;
  World world_;
};

template <typename T>
T or_die(Result<T> result) {
  if (!result) {
    std::cerr << "making the synthetic world: " << result.error().message << std::endl;
    std::exit(kExitFailed);
  }
  return std::move(*result);
}

}  // namespace

AnswerWorld::AnswerWorld(const AnswerWorldOptions& options) {
  Maker maker(options);
  World world = maker.world();
  const std::string file =
      or_die(write_snapshot(or_die(build_model(std::move(world), maker.inputs()))));
  bytes_.resize(file.size() / sizeof(Block) + 1);
  std::memcpy(bytes_.data(), file.data(), file.size());
  view_ = or_die(validate({reinterpret_cast<const uint8_t*>(bytes_.data()), file.size()}));
}

}  // namespace mirror::bench
