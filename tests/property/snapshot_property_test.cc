// Properties of what lies between the compiler and the edge: the ranges of a snapshot partition the
// address space as the rows say, the order of mirrors follows their weights, and the same input
// gives the same bytes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "edge/answer/answerer.h"
#include "schema/snapshot/snapshot.h"
#include "tests/property/compile_world.h"
#include "tests/property/dice.h"
#include "tests/property/random_world.h"

namespace mirror {
namespace {

constexpr uint64_t kSeeds = 150;
constexpr uint64_t kCreatedAt = 1'700'000'000;

// A compiled world, kept where validate() wants it.
class Held {
 public:
  explicit Held(const RandomWorld& world) {
    MemoryRowSource source{MemoryRowReader(world.rows)};
    auto compiled = compile_world(source, world, kCreatedAt);
    EXPECT_TRUE(compiled) << compiled.error().message;
    bytes_.resize((compiled->file.size() + sizeof(Chunk) - 1) / sizeof(Chunk));
    std::copy(compiled->file.begin(), compiled->file.end(), reinterpret_cast<char*>(bytes_.data()));
    auto view = validate({reinterpret_cast<const uint8_t*>(bytes_.data()), compiled->file.size()});
    EXPECT_TRUE(view) << view.error().message;
    view_ = *view;
  }
  [[nodiscard]] const SnapshotView& view() const { return view_; }

 private:
  struct alignas(16) Chunk {
    char bytes[16];
  };
  std::vector<Chunk> bytes_;
  SnapshotView view_;
};

// Addresses where something may change: each range's first and the one before it, and others at
// random.
std::vector<IpAddress> telling_addresses(const SnapshotView& view, Dice& dice) {
  std::vector<IpAddress> addresses = {IpAddress::from_ipv4(0), IpAddress::from_ipv4(~0u),
                                      IpAddress::from_ipv6(0, 0),
                                      IpAddress::from_ipv6(~0ull, ~0ull)};
  for (const auto* ranges : {&view.netblocks4, &view.asns4, &view.netblock_countries4})
    for (const fb::IpRange4& range : *ranges)
      for (const uint32_t offset : {0u, ~0u})
        addresses.push_back(IpAddress::from_ipv4(range.first() + offset));
  for (const auto* ranges : {&view.netblocks6, &view.asns6, &view.netblock_countries6})
    for (const fb::IpRange6& range : *ranges) {
      addresses.push_back(IpAddress::from_ipv6(range.first_high(), range.first_low()));
      addresses.push_back(IpAddress::from_ipv6(
          range.first_high() - (range.first_low() == 0 ? 1 : 0), range.first_low() - 1));
    }
  for (int i = 0; i < 50; ++i) {
    addresses.push_back(IpAddress::from_ipv4(static_cast<uint32_t>(dice.bits())));
    addresses.push_back(IpAddress::from_ipv6(dice.bits(), dice.bits()));
  }
  return addresses;
}

TEST(Ranges, PartitionTheAddressSpaceAsTheRowsSay) {
  size_t matches = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(fmt::format("world {}", seed));
    const RandomWorld world = make_random_world(seed, is_drifted_seed(seed));
    const Held held(world);
    const SnapshotView& view = held.view();
    OracleWorld oracle{
        &world.rows, world.country_continent_csv, world.global_netblocks, {}, world.names};
    Dice dice(seed);
    for (const IpAddress& address : telling_addresses(view, dice)) {
      std::map<int64_t, int> hosts;
      const uint32_t list = SnapshotView::find_range(view.netblocks4, view.netblocks6, address);
      if (list != kNone) {
        uint32_t length = 128;
        for (const auto& match :
             SnapshotView::part(view.netblock_matches, view.netblock_lists[list])) {
          EXPECT_LE(match.prefix_length(), length) << "longest prefix first";
          length = match.prefix_length();
          hosts.emplace(view.host_infos[match.host()].id(), static_cast<int>(length));
        }
      }
      EXPECT_EQ(hosts, oracle_hosts(oracle, address)) << address.to_string();
      matches += hosts.size();

      const uint32_t group = SnapshotView::find_range(view.asns4, view.asns6, address);
      const auto asn = oracle_asn(oracle, address);
      if (group != kNone) {
        EXPECT_EQ(view.asn_groups[group].asn(), asn) << address.to_string();
      }
      if (group == kNone && asn) {
        for (const fb::AsnGroup& known : view.asn_groups)
          EXPECT_NE(known.asn(), *asn) << address.to_string() << " is lost to its AS";
      }
      const uint32_t country =
          SnapshotView::find_range(view.netblock_countries4, view.netblock_countries6, address);
      EXPECT_EQ(country == kNone ? "" : view.text(view.countries[country].name()),
                oracle_country(oracle, address))
          << address.to_string();
    }
  }
  EXPECT_GT(matches, kSeeds * 10);
}

// A world of one directory; every host carries it and is in every group.
RandomWorld world_of_weights(const std::vector<std::optional<int64_t>>& bandwidths) {
  RandomWorld world;
  DatabaseRows& rows = world.rows;
  rows.sites = {{1, "site", false, true, true}};
  rows.directories = {{1, "pub"}};
  rows.categories = {{1, "Category", std::nullopt, 1}};
  rows.category_directories = {{1, 1}};
  for (size_t i = 0; i < bandwidths.size(); ++i) {
    const auto id = static_cast<int64_t>(i) + 1;
    HostRow host{id,   fmt::format("h{}", id), 1,     true, true, false, true, false, false,
                 "SE", bandwidths[i],          65001, 1};
    rows.hosts.push_back(host);
    rows.host_categories.push_back({id, id, 1, true});
    rows.host_category_urls.push_back({id, id, fmt::format("http://h{}", id), false});
    rows.host_netblocks.push_back({id, id, "10.0.0.0/8"});
  }
  world.global_netblocks = "20.0.0.0/8 65001\n";
  return world;
}

double weight_of(std::optional<int64_t> bandwidth) {
  return static_cast<double>(std::clamp<int64_t>(bandwidth.value_or(100), 1, 100'000));
}

// Counts (first host, second host) over many answers.
std::map<std::pair<size_t, size_t>, double> count_pairs(const SnapshotView& view,
                                                        const char* target, int times) {
  Answerer answerer(AnswerOptions{}, 4711);
  answerer.adopt(&view, nullptr);
  std::map<std::pair<size_t, size_t>, double> seen;
  for (int i = 0; i < times; ++i) {
    const Reply reply = answerer.answer({target, *IpAddress::parse("192.0.2.1"), 0});
    std::string body;
    for (const auto part : reply.body) body += part;
    const auto host_of = [&](size_t at) -> size_t {
      return at == std::string::npos ? 0 : std::stoul(body.substr(at + 8));
    };
    const size_t first = body.find("http://h");
    seen[{host_of(first), host_of(body.find("http://h", first + 1))}] += 1;
  }
  return seen;
}

// Whether counts fit their expectations: chi-square below the quantile of 1 - 1e-6 in the
// approximation of Wilson and Hilferty (PNAS 17 (1931)). Rare cells are put together.
void expect_fit(const std::map<std::pair<size_t, size_t>, double>& seen,
                const std::map<std::pair<size_t, size_t>, double>& expected,
                const std::string& what) {
  double chi = 0, rest_seen = 0, rest_expected = 0;
  int cells = -1;
  const auto add = [&](double count, double mean) {
    chi += (count - mean) * (count - mean) / mean;
    ++cells;
  };
  for (const auto& [cell, mean] : expected) {
    const double count = seen.contains(cell) ? seen.at(cell) : 0;
    if (mean >= 5) {
      add(count, mean);
    } else {
      rest_seen += count;
      rest_expected += mean;
    }
  }
  if (rest_expected >= 5) add(rest_seen, rest_expected);
  // What is nearly impossible must nearly not happen.
  EXPECT_LE(rest_seen, 6 * rest_expected + 30) << what;
  if (cells < 1) return;
  const double k = cells;
  const double limit = k * std::pow(1 - 2 / (9 * k) + 4.753 * std::sqrt(2 / (9 * k)), 3);
  EXPECT_LT(chi, limit) << what << ": " << cells << " degrees of freedom";
}

TEST(Order, FollowsTheWeights) {
  constexpr int kTimes = 40'000;
  const std::vector<std::vector<std::optional<int64_t>>> vectors = {
      {100, 100, 100, 100, 100},
      {1000, 100, 10},
      {std::nullopt, 100, 200, 400, 800, 1600},
      {100'000, 1},
      {100'000, 100'000, 1, 0, -7},
      {2'147'483'647, 50'000, 25'000},
      {1, 1},
      {7},
      std::vector<std::optional<int64_t>>(20, 3)};
  for (const auto& bandwidths : vectors) {
    const RandomWorld world = world_of_weights(bandwidths);
    const Held held(world);
    std::string what = "weights";
    double total = 0;
    for (const auto& bandwidth : bandwidths) {
      total += weight_of(bandwidth);
      what += fmt::format(" {}", weight_of(bandwidth));
    }
    for (const bool uniform : {false, true}) {
      std::map<std::pair<size_t, size_t>, double> expected;
      for (size_t i = 0; i < bandwidths.size(); ++i) {
        const double first = uniform ? 1.0 : weight_of(bandwidths[i]);
        const double all = uniform ? static_cast<double>(bandwidths.size()) : total;
        if (bandwidths.size() == 1) expected[{1, 0}] = kTimes;
        for (size_t j = 0; j < bandwidths.size(); ++j)
          if (i != j)
            expected[{i + 1, j + 1}] =
                kTimes * first / all * (uniform ? 1.0 : weight_of(bandwidths[j])) / (all - first);
      }
      // By country and by everybody the draw is weighted, by network it is not.
      if (uniform) {
        expect_fit(count_pairs(held.view(), "/mirrorlist?path=pub&ip=10.0.0.1", kTimes), expected,
                   what + ", netblock");
        expect_fit(count_pairs(held.view(), "/mirrorlist?path=pub&ip=20.0.0.1", kTimes), expected,
                   what + ", AS");
      } else {
        expect_fit(count_pairs(held.view(), "/mirrorlist?path=pub&country=se", kTimes), expected,
                   what + ", country");
        expect_fit(count_pairs(held.view(), "/mirrorlist?path=pub", kTimes), expected,
                   what + ", global");
      }
    }
  }
}

TEST(Determinism, TheSameSeedGivesTheSameBytes) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    const RandomWorld world = make_random_world(seed, is_drifted_seed(seed));
    const Held one(world), other(world);
    Answerer left({}, 42), right({}, 42);
    left.adopt(&one.view(), nullptr);
    right.adopt(&other.view(), nullptr);
    for (const RandomQuestion& question : make_random_questions(world, seed, 100)) {
      const AnswerRequest request{question.target, question.asker.address(), 1'700'000'000};
      const Reply a = left.answer(request), b = right.answer(request);
      EXPECT_EQ(a.status, b.status);
      EXPECT_EQ(a.location, b.location);
      for (size_t i = 0; i < a.body.size(); ++i) EXPECT_EQ(a.body[i], b.body[i]) << question.target;
    }
  }
}

TEST(Determinism, OtherSeedsGiveOtherOrders) {
  const Held held(world_of_weights(std::vector<std::optional<int64_t>>(20, 100)));
  Answerer left({}, 1), right({}, 2);
  left.adopt(&held.view(), nullptr);
  right.adopt(&held.view(), nullptr);
  const AnswerRequest request{"/mirrorlist?path=pub", *IpAddress::parse("192.0.2.1"), 0};
  const Reply a = left.answer(request), b = right.answer(request);
  EXPECT_NE(std::string(a.body[0]) + std::string(a.body[1]),
            std::string(b.body[0]) + std::string(b.body[1]));
}

// 20 mirrors of one weight have 20! orders: two equal ones in a row mean that nothing is random.
TEST(Determinism, EveryAnswerHasAnOrderOfItsOwn) {
  const Held held(world_of_weights(std::vector<std::optional<int64_t>>(20, 100)));
  Answerer answerer({}, 1);
  answerer.adopt(&held.view(), nullptr);
  std::string last;
  for (int i = 0; i < 100; ++i) {
    const Reply reply =
        answerer.answer({"/mirrorlist?path=pub", *IpAddress::parse("192.0.2.1"), 0});
    const std::string body =
        std::string(reply.body[0]) + std::string(reply.body[1]) + std::string(reply.body[2]);
    EXPECT_NE(body, last);
    last = body;
  }
}

}  // namespace
}  // namespace mirror
