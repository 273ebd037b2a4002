#include "edge/answer/geo_database.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/answer/mmdb_writer.h"
#include "tests/unit/answer/seed.h"

namespace mirror {
namespace {

class GeoDatabaseTest : public testing::Test {
 protected:
  GeoDatabaseTest() {
    std::string folder = testing::TempDir() + "/geo_XXXXXX";
    EXPECT_NE(::mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    path_ = folder + "/test.mmdb";
  }
  ~GeoDatabaseTest() override { std::filesystem::remove_all(folder_); }

  void write(std::string_view bytes) const {
    std::ofstream(path_, std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  [[nodiscard]] std::unique_ptr<GeoDatabase> open(std::string_view bytes) const {
    write(bytes);
    auto database = GeoDatabase::open(path_);
    EXPECT_TRUE(database.has_value()) << database.error().message;
    return database ? std::move(*database) : nullptr;
  }
  static std::string_view country(const GeoDatabase& database, std::string_view address) {
    return database.country(*IpAddress::parse(address));
  }

  std::string folder_, path_;
};

TEST_F(GeoDatabaseTest, BothFamiliesInOneTree) {
  MmdbWriter writer(6);
  writer.add("89.160.20.0/24", "SE");
  writer.add("2001:218::/32", "JP");
  writer.add("81.2.69.160", "GB", MmdbWriter::Layout::kFlat);
  writer.add_registered_only("1.2.3.0/24", "US");
  const auto database = open(writer.bytes());
  ASSERT_NE(database, nullptr);
  EXPECT_EQ(country(*database, "89.160.20.113"), "SE");
  EXPECT_EQ(country(*database, "89.160.21.1"), "");
  EXPECT_EQ(country(*database, "2001:218::1"), "JP");
  EXPECT_EQ(country(*database, "2001:219::1"), "");
  EXPECT_EQ(country(*database, "81.2.69.160"), "GB");
  EXPECT_EQ(country(*database, "1.2.3.4"), "") << "the registered country is another thing";
  EXPECT_EQ(database->build_epoch(), 1700000000);
  EXPECT_EQ(database->database_type(), "Test-Country");
}

TEST_F(GeoDatabaseTest, AnIpv6AddressIsInNoCountryOfAnIpv4File) {
  MmdbWriter writer(4);
  writer.add("89.160.20.0/24", "SE");
  const auto database = open(writer.bytes());
  ASSERT_NE(database, nullptr);
  EXPECT_EQ(country(*database, "89.160.20.113"), "SE");
  EXPECT_EQ(country(*database, "2001:218::1"), "");
}

TEST_F(GeoDatabaseTest, ACountryThatCouldBreakALineIsNone) {
  MmdbWriter writer(4);
  writer.add("1.0.0.0/8", "S\nE");
  writer.add("2.0.0.0/8", "S E");
  writer.add("3.0.0.0/8", "a country with a long name");
  writer.add("4.0.0.0/8", "");
  writer.add("5.0.0.0/8", "se");
  const auto database = open(writer.bytes());
  ASSERT_NE(database, nullptr);
  for (const char* address : {"1.1.1.1", "2.1.1.1", "3.1.1.1", "4.1.1.1"}) {
    EXPECT_EQ(country(*database, address), "") << address;
  }
  EXPECT_EQ(country(*database, "5.1.1.1"), "se");
}

TEST_F(GeoDatabaseTest, AFileThatIsOverwrittenOrTruncatedDoesNotMatterAfterOpen) {
  MmdbWriter writer(4);
  writer.add("1.0.0.0/8", "SE");
  const auto database = open(writer.bytes());
  ASSERT_NE(database, nullptr);
  std::filesystem::resize_file(path_, 0);
  EXPECT_EQ(country(*database, "1.1.1.1"), "SE");
}

TEST_F(GeoDatabaseTest, BadFilesAreRefusedByName) {
  MmdbWriter empty(4);
  empty.add_registered_only("1.0.0.0/8", "SE");
  MmdbWriter good(4);
  good.add("1.0.0.0/8", "SE");
  std::string damaged = good.bytes();
  damaged.replace(0, 3, "\xff\xff\xff");
  for (const std::string& bytes : {std::string(), std::string("not a database"),
                                   good.bytes().substr(0, 100), empty.bytes(), damaged}) {
    write(bytes);
    const auto database = GeoDatabase::open(path_);
    ASSERT_FALSE(database.has_value());
    EXPECT_NE(database.error().message.find(path_), std::string::npos) << database.error().message;
  }
  EXPECT_FALSE(GeoDatabase::open(folder_).has_value());
  EXPECT_FALSE(GeoDatabase::open(folder_ + "/missing").has_value());
}

TEST_F(GeoDatabaseTest, DamagedFilesNeverCrash) {
  Random random(test_seed());
  MmdbWriter writer(6);
  for (int i = 1; i < 20; ++i) writer.add(std::to_string(i) + ".0.0.0/8", "SE");
  writer.add("2001:218::/32", "JP");
  const std::string good = writer.bytes();
  for (int round = 0; round < 200; ++round) {
    std::string bad = good;
    for (uint64_t flips = random.below(6) + 1; flips > 0; --flips) {
      bad[random.below(bad.size())] = static_cast<char>(random.next());
    }
    if (random.below(4) == 0) bad.resize(random.below(bad.size()));
    write(bad);
    const auto database = GeoDatabase::open(path_);
    if (!database) continue;
    for (int i = 0; i < 20; ++i) {
      (void)(*database)->country(IpAddress::from_ipv4(static_cast<uint32_t>(random.next())));
      (void)(*database)->country(IpAddress::from_ipv6(random.next(), random.next()));
    }
  }
}

}  // namespace
}  // namespace mirror
