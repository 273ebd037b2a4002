// The tools of the property tests themselves: a world survives either engine, the GeoIP file says
// what its records say, and the questions hit what they shall hit.
#include "tests/property/random_world.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>

#include "edge/answer/client_address.h"
#include "edge/answer/geo_database.h"
#include "schema/database/row_readers.h"
#include "schema/database/schema.h"
#include "tests/property/geo_file.h"
#include "tests/property/odd_rows.h"
#include "tests/property/row_writer.h"
#include "tests/system/test_database.h"

namespace mirror {
namespace {

constexpr uint64_t kSeeds = 20;

// Every column of a few telling tables as one text.
std::string text_of(const DatabaseRows& rows) {
  std::string text;
  const auto add = [&](const auto& value) {
    text += (value ? fmt::format("{}", *value) : "NULL") + "|";
  };
  for (const HostRow& row : rows.hosts) {
    text += fmt::format("host {} {}|", row.id, row.name);
    add(row.site_id), add(row.admin_active), add(row.user_active), add(row.is_private);
    add(row.asn_clients), add(row.country), add(row.bandwidth), add(row.asn);
  }
  for (const HostNetblockRow& row : rows.host_netblocks) add(row.host_id), add(row.netblock);
  for (const HostCategoryRow& row : rows.host_categories)
    add(row.host_id), add(row.category_id), add(row.always_up2date);
  for (const HostCategoryDirRow& row : rows.host_category_dirs)
    text += fmt::format("dir {} {}|", row.id, row.host_category_id), add(row.directory_id);
  for (const HostCategoryUrlRow& row : rows.host_category_urls) add(row.url), add(row.is_private);
  for (const RepositoryRow& row : rows.repositories)
    add(row.prefix), add(row.version_id), add(row.arch_id), add(row.directory_id),
        add(row.disabled);
  for (const FileDetailRow& row : rows.file_details) {
    text += fmt::format("file {} {} {}|", row.id, row.directory_id, row.filename);
    add(row.timestamp), add(row.size);
    for (const auto* hash : {&row.md5, &row.sha1, &row.sha256, &row.sha512})
      text += hash->value_or("") + "|";  // an empty checksum may read as none
  }
  text += fmt::format("{} {} {} {} {}", rows.host_peer_asns.size(),
                      rows.host_countries_allowed.size(), rows.host_countries.size(),
                      rows.netblock_countries.size(), rows.repository_redirects.size());
  return text;
}

class RandomWorldTest : public testing::TestWithParam<std::tuple<Engine, bool>> {};

TEST_P(RandomWorldTest, SurvivesTheDatabase) {
  const auto [engine, drifted] = GetParam();
  if (!TestDatabase::available(engine)) GTEST_SKIP() << "no server";
  const auto test_database = TestDatabase::create(engine);
  ASSERT_TRUE(test_database) << test_database.error().message;
  const auto database = (*test_database)->open(OpenMode::kCreate);
  ASSERT_TRUE(database) << database.error().message;
  const auto made =
      drifted ? create_tables_without_constraints(**database) : create_schema(**database);
  ASSERT_TRUE(made) << made.error().message;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const RandomWorld world = make_random_world(seed, is_drifted_seed(seed));
    if (world.drifted != drifted) continue;
    auto writer = (*database)->begin(TransactionMode::kWrite);
    ASSERT_TRUE(writer);
    const auto written = write_database_rows(**writer, world.rows, world.stale_dirs, seed);
    ASSERT_TRUE(written) << "seed " << seed << ": " << written.error().message;
    ASSERT_TRUE((*writer)->commit());
    auto reader = (*database)->begin(TransactionMode::kRead);
    ASSERT_TRUE(reader);
    const auto rows = read_database_rows(**reader);
    ASSERT_TRUE(rows) << "seed " << seed << ": " << rows.error().message;
    EXPECT_EQ(text_of(*rows), text_of(world.rows)) << "seed " << seed;
  }
}

std::string name_of_test(const testing::TestParamInfo<std::tuple<Engine, bool>>& info) {
  return std::string(std::get<0>(info.param) == Engine::kSqlite ? "Sqlite" : "Postgresql") +
         (std::get<1>(info.param) ? "Drifted" : "");
}

INSTANTIATE_TEST_SUITE_P(Engines, RandomWorldTest,
                         testing::Combine(testing::Values(Engine::kSqlite, Engine::kPostgresql),
                                          testing::Bool()),
                         name_of_test);

// The worlds of CI hold every odd row that the specification names, and each in several worlds.
TEST(RandomWorld, HoldsEveryOddRow) {
  constexpr uint64_t kSeedsOfCi = 300;
  constexpr size_t kWorldsMin = 5;
  std::map<const OddKind*, size_t> worlds, count;
  for (uint64_t seed = 1; seed <= kSeedsOfCi; ++seed) {
    const RandomWorld world = make_random_world(seed, is_drifted_seed(seed));
    for (const OddKind& kind : odd_kinds()) {
      const size_t found = kind.count(world);
      count[&kind] += found;
      worlds[&kind] += found > 0;
    }
  }
  for (const OddKind& kind : odd_kinds()) {
    std::printf("%-5s %-52s %6zu rows in %3zu worlds\n", kind.quirk, kind.what, count[&kind],
                worlds[&kind]);
    EXPECT_GE(worlds[&kind], kWorldsMin) << kind.quirk << " " << kind.what;
  }
}

TEST(RandomWorld, IsAFunctionOfItsSeed) {
  EXPECT_EQ(text_of(make_random_world(7).rows), text_of(make_random_world(7).rows));
  EXPECT_NE(text_of(make_random_world(7).rows), text_of(make_random_world(8).rows));
}

TEST(GeoFile, SaysWhatItsRecordsSay) {
  const std::string path = testing::TempDir() + "/geo_file_test." + std::to_string(::getpid());
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const RandomWorld world = make_random_world(seed, is_drifted_seed(seed));
    std::ofstream(path, std::ios::binary) << make_geo_file(world.geo);
    const auto database = GeoDatabase::open(path);
    ASSERT_TRUE(database) << database.error().message;
    const OracleWorld oracle{&world.rows, {}, {}, {}, {}};
    for (const RandomQuestion& question : make_random_questions(world, seed, 200)) {
      const IpAddress address = question.asker.address();
      EXPECT_EQ((*database)->country(address), geo_country(world, address))
          << "seed " << seed << ", " << address.to_string();
    }
  }
  ::unlink(path.c_str());
}

TEST(ClientAddress, IsTheOneThatTheTextOfTheSpecificationNames) {
  size_t forwarded = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const RandomWorld world = make_random_world(seed, is_drifted_seed(seed));
    for (const RandomQuestion& question : make_random_questions(world, seed, 500)) {
      const NaiveClient& asker = question.asker;
      const std::vector<std::string_view> lines(asker.forwarded_for.begin(),
                                                asker.forwarded_for.end());
      const IpAddress client =
          resolve_client(Peer{asker.peer}, lines, TrustedProxies(asker.trusted));
      EXPECT_EQ(client, asker.address())
          << "peer " << asker.peer.to_string() << ", "
          << fmt::format("{}", fmt::join(asker.forwarded_for, " / "));
      forwarded += client != asker.peer.unmapped();
    }
  }
  EXPECT_GT(forwarded, kSeeds * 100);
}

// A generator that never hits proves nothing: every kind of answer must be common.
TEST(RandomQuestions, HitEverything) {
  std::map<std::string, int> seen;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    const RandomWorld world = make_random_world(seed, is_drifted_seed(seed));
    OracleWorld oracle{
        &world.rows, world.country_continent_csv, world.global_netblocks, {}, world.names};
    oracle.geo_country = [&](const IpAddress& address) { return geo_country(world, address); };
    oracle.minimum = world.minimum;
    for (const RandomQuestion& question : make_random_questions(world, seed, 100)) {
      const OracleAnswer answer =
          oracle_answer(oracle, {question.target, question.asker.address(), 0});
      ++seen[fmt::format("status {}{}", answer.status, answer.metalink_type ? " metalink" : "")];
      for (const OracleGroup& group : answer.groups)
        ++seen[fmt::format("group {}", static_cast<int>(group.kind))];
      if (answer.groups.size() > 2) ++seen["several groups"];
      if (answer.text == "repo disabled") ++seen["disabled"];
      if (answer.head.find("Using ASN") != std::string::npos) ++seen["ASN"];
      if (answer.head.find("<mm0:alternates>") != std::string::npos) ++seen["alternates"];
      if (answer.head.find("protocol = ") != std::string::npos && !answer.groups.empty())
        ++seen["protocol"];
      if (!answer.log.empty()) ++seen["logged"];
      if (question.bad_text) ++seen["bad text"];
    }
  }
  std::string all;
  for (const auto& [what, count] : seen) all += fmt::format("{}: {}\n", what, count);
  SCOPED_TRACE(all);
  for (const char* what : {"status 200",
                           "status 200 metalink",
                           "status 302",
                           "status 404",
                           "status 404 metalink",
                           "status 500",
                           "status 500 metalink",
                           "group 0",
                           "group 1",
                           "group 2",
                           "group 3",
                           "group 4",
                           "group 5",
                           "several groups",
                           "disabled",
                           "ASN",
                           "alternates",
                           "protocol",
                           "logged",
                           "bad text"})
    EXPECT_GT(seen[what], 30) << what;
}

}  // namespace
}  // namespace mirror
