#include "edge/answer/place.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <string>

#include "tests/unit/answer/answer_world.h"
#include "tests/unit/answer/mmdb_writer.h"

namespace mirror {
namespace {

// So many countries that some displace each other in what a Locator remembers.
constexpr uint32_t kNetworks = 600;

IpAddress client_of(uint32_t network) { return IpAddress::from_ipv4(network << 16 | 1); }

// Two letters for each of the networks, with a shift from one database to the next.
std::string country_of(uint32_t network, uint32_t shift) {
  const uint32_t number = network + shift;
  return {static_cast<char>('A' + number / 26 % 26), static_cast<char>('A' + number % 26)};
}

std::unique_ptr<GeoDatabase> make_database(uint32_t shift) {
  MmdbWriter writer(4);
  for (uint32_t network = 1; network <= kNetworks; ++network) {
    writer.add(IpPrefix::of(client_of(network), 16).to_string(), country_of(network, shift));
  }
  const std::string path = testing::TempDir() + "/place_test." + std::to_string(::getpid());
  const std::string bytes = writer.bytes();
  std::ofstream(path, std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  auto database = GeoDatabase::open(path);
  ::unlink(path.c_str());
  EXPECT_TRUE(database.has_value());
  return database ? std::move(*database) : nullptr;
}

// Every so many countries have a mirror.
SnapshotInMemory make_snapshot(uint32_t step = 2) {
  WorldBuilder world;
  std::vector<uint32_t> hosts;
  for (uint32_t network = 0; network <= kNetworks; network += step) {
    hosts.push_back(world.host({.country = country_of(network, 0), .urls = {"http://m.example"}}));
  }
  world.directory("pub/a", "a", hosts);
  world.category("Category", {"pub/a"});
  return world.build();
}

TEST(Locator, SaysTheSameWhetherItRemembersOrNot) {
  const SnapshotInMemory snapshot = make_snapshot();
  const SnapshotView& view = snapshot.view();
  Locator locator;
  size_t known = 0;
  // The countries of one database must be forgotten with it.
  for (const uint32_t shift : {0u, 1u, 0u}) {
    const auto database = make_database(shift);
    ASSERT_NE(database, nullptr);
    locator.adopt(view, database.get());
    for (int round = 0; round < 2; ++round) {
      for (uint32_t network = 1; network <= kNetworks; ++network) {
        for (int again = 0; again < 2; ++again) {
          const Place place = locator.locate(client_of(network), true);
          ASSERT_EQ(place.country, country_of(network, shift)) << network;
          ASSERT_EQ(place.country_source, CountrySource::kGeoIp);
          ASSERT_EQ(place.country_index, view.find_country(country_of(network, shift))) << network;
          if (place.country_index != kNone) ++known;
        }
      }
    }
  }
  EXPECT_GT(known, size_t{kNetworks});
}

TEST(Locator, ForgetsTheCountriesOfTheSnapshotBefore) {
  const auto database = make_database(0);
  ASSERT_NE(database, nullptr);
  const SnapshotInMemory many = make_snapshot(1);
  const SnapshotInMemory few = make_snapshot(50);
  ASSERT_GT(many.view().countries.size(), few.view().countries.size());
  Locator locator;
  for (const auto* snapshot : {&many, &few, &many}) {
    locator.adopt(snapshot->view(), database.get());
    for (uint32_t network = 1; network <= kNetworks; ++network) {
      ASSERT_EQ(locator.locate(client_of(network), true).country_index,
                snapshot->view().find_country(country_of(network, 0)))
          << network;
    }
  }
}

TEST(Locator, KnowsNoCountryWithoutARecordOrADatabase) {
  const SnapshotInMemory snapshot = make_snapshot();
  const auto database = make_database(0);
  ASSERT_NE(database, nullptr);
  Locator locator;
  for (const GeoDatabase* geo : {static_cast<const GeoDatabase*>(database.get()),
                                 static_cast<const GeoDatabase*>(nullptr)}) {
    locator.adopt(snapshot.view(), geo);
    for (int again = 0; again < 2; ++again) {
      const Place place = locator.locate(*IpAddress::parse("203.0.113.1"), true);
      EXPECT_EQ(place.country, "N/A");
      EXPECT_EQ(place.country_source, CountrySource::kNobody);
      EXPECT_EQ(place.country_index, kNone);
    }
  }
}

}  // namespace
}  // namespace mirror
