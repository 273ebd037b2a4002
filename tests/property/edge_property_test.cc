// The main property: for all worlds and all questions the edge answers what the oracle permits,
// whatever held the data on the way. Each seeded world goes through SQLite and through PostgreSQL,
// whose snapshots must be the same bytes, and through the compiler's rows in memory; questions are
// put to the model in memory, to the mapped file, and to an answerer that has served another
// generation in between.
//
// MIRROR_SEED=N asks that world alone, MIRROR_SEEDS=N asks worlds 1 to N (300).
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "base/core/text.h"
#include "edge/answer/answerer.h"
#include "edge/answer/client_address.h"
#include "schema/database/schema.h"
#include "schema/snapshot/snapshot_directory.h"
#include "tests/property/compile_world.h"
#include "tests/property/expectation.h"
#include "tests/property/geo_file.h"
#include "tests/property/random_world.h"
#include "tests/property/row_writer.h"
#include "tests/system/test_database.h"

namespace mirror {
namespace {

constexpr size_t kQuestionsPerSeed = 200;
constexpr uint64_t kSeedsInCi = 300;
constexpr uint64_t kCreatedAt = 1'700'000'000;
constexpr int kFailuresMax = 10;  // enough to see a pattern

std::optional<uint64_t> number_of_environment(const char* name) {
  const char* text = std::getenv(name);
  return text ? parse_uint64(text) : std::nullopt;
}

// One database for all worlds of a kind: making one takes longer than compiling from it.
class Engines {
 public:
  Engines(Engine engine, bool drifted) {
    if (!TestDatabase::available(engine)) return;
    auto created = TestDatabase::create(engine);
    EXPECT_TRUE(created) << created.error().message;
    test_database_ = std::move(*created);
    auto opened = test_database_->open(OpenMode::kCreate);
    EXPECT_TRUE(opened) << opened.error().message;
    database_ = std::move(*opened);
    const auto made =
        drifted ? create_tables_without_constraints(*database_) : create_schema(*database_);
    EXPECT_TRUE(made) << made.error().message;
  }
  [[nodiscard]] bool available() const { return database_ != nullptr; }

  // The seed draws the order in which rows are inserted: what a snapshot holds must not depend on
  // it.
  Result<CompiledWorld> compile_from(const RandomWorld& world, uint64_t seed, uint64_t created_at) {
    {
      MIRROR_TRY(const auto writer, database_->begin(TransactionMode::kWrite));
      MIRROR_CHECK(write_database_rows(*writer, world.rows, world.stale_dirs, seed));
      MIRROR_CHECK(writer->commit());
    }
    MIRROR_TRY(const auto reader, database_->begin(TransactionMode::kRead));
    DatabaseRowSource source(DatabaseRowReader(*database_, *reader, 2, true));
    return compile_world(source, world, created_at);
  }

 private:
  std::unique_ptr<TestDatabase> test_database_;
  std::unique_ptr<Database> database_;
};

// A folder of this test alone, gone with it.
class Scratch {
 public:
  Scratch()
      : path_(std::filesystem::temp_directory_path() /
              ("edge_property." + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path_);
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class EdgeProperty : public testing::Test {
 protected:
  // One world: compiled in every way, asked in every way.
  void check_world(uint64_t seed) {
    const RandomWorld world = make_random_world(seed, is_drifted_seed(seed));
    const uint64_t created_at = kCreatedAt + seed;
    MemoryRowSource rows{MemoryRowReader(world.rows)};
    const auto memory = compile_world(rows, world, created_at);
    ASSERT_TRUE(memory) << memory.error().message;
    check_engines(world, seed, memory->file);
    if (HasFatalFailure()) return;
    SnapshotDirectory directory(scratch_.path() + "/snapshots");
    auto mapped = publish(directory, memory->file);
    ASSERT_TRUE(mapped) << mapped.error().message;
    SnapshotView model = memory->model.view();
    model.body_size_max = mapped->view().body_size_max;  // which only validate() computes

    const std::string geo_path = scratch_.path() + "/geo.mmdb";
    std::ofstream(geo_path, std::ios::binary) << make_geo_file(world.geo);
    const auto geo = world.geo.empty() ? nullptr : GeoDatabase::open(geo_path).value_or(nullptr);

    const AnswerOptions options{world.minimum, world.ip_parameter};
    Answerer of_model(options, seed), of_file(options, seed + 1), of_swapped(options, seed + 2);
    of_model.adopt(&model, geo.get());
    of_file.adopt(&mapped->view(), geo.get());
    of_swapped.adopt(&mapped->view(), geo.get());
    (void)of_swapped.answer({"/mirrorlist?path=pub/alpha", *IpAddress::parse("10.0.0.1"), 0});
    if (previous_) of_swapped.adopt(&previous_->view(), nullptr);
    (void)of_swapped.answer({"/metalink?path=pub/beta/boot.iso", *IpAddress::parse("10.0.0.1"), 0});
    of_swapped.adopt(&mapped->view(), geo.get());

    OracleWorld oracle{&world.rows,
                       world.country_continent_csv,
                       world.global_netblocks,
                       {},
                       world.names,
                       created_at,
                       world.minimum,
                       world.ip_parameter};
    if (geo)
      oracle.geo_country = [&](const IpAddress& address) { return geo_country(world, address); };
    size_t number = 0;
    for (const RandomQuestion& question : make_random_questions(world, seed, kQuestionsPerSeed)) {
      ++number;
      const std::vector<std::string_view> lines(question.asker.forwarded_for.begin(),
                                                question.asker.forwarded_for.end());
      const IpAddress client =
          resolve_client(Peer{question.asker.peer}, lines, TrustedProxies(question.asker.trusted));
      const int64_t now = 1'700'000'000 + static_cast<int64_t>(number) * 100'003;
      const OracleAnswer want =
          oracle_answer(oracle, {question.target, question.asker.address(), now});
      const std::pair<const char*, Answerer*> holders[] = {
          {"model", &of_model}, {"file", &of_file}, {"file after a swap", &of_swapped}};
      for (const auto& [holder, answerer] : holders) {
        const Reply got = answerer->answer({question.target, client, now});
        std::string said = difference(want, got);
        if (question.bad_text && (got.status == 400 || !said.empty())) said = unsafe_part(got);
        if (said.empty()) continue;
        ADD_FAILURE() << "question " << number << " to the " << holder << ": " << question.target
                      << "\nclient " << client.to_string() << ", minimum " << world.minimum << "\n"
                      << said << "\n"
                      << describe(want, got);
        if (++failures_ >= kFailuresMax) return;
        break;
      }
    }
    previous_ = std::make_unique<Snapshot>(std::move(*mapped));
  }

  // Both must make the same bytes.
  void check_engines(const RandomWorld& world, uint64_t seed, const std::string& want) {
    const std::pair<const char*, Engines*> engines[] = {
        {"SQLite", world.drifted ? &drifted_sqlite_ : &sqlite_},
        {"PostgreSQL", world.drifted ? &drifted_postgresql_ : &postgresql_}};
    for (const auto& [name, engine] : engines) {
      if (!engine->available()) continue;
      const auto compiled = engine->compile_from(world, seed, kCreatedAt + seed);
      ASSERT_TRUE(compiled) << compiled.error().message;
      EXPECT_TRUE(compiled->file == want) << "the snapshot of " << name << " has other bytes";
    }
  }

  static Result<Snapshot> publish(SnapshotDirectory& directory, const std::string& file) {
    MIRROR_TRY(auto writer, directory.lock());
    MIRROR_TRY(const Current added, writer.add(file));
    MIRROR_CHECK(writer.publish(added));
    MIRROR_CHECK(writer.collect(2));
    MIRROR_TRY(const Current current, directory.current());
    return directory.open(current);
  }

  Scratch scratch_;
  Engines sqlite_{Engine::kSqlite, false};
  Engines postgresql_{Engine::kPostgresql, false};
  Engines drifted_sqlite_{Engine::kSqlite, true};
  Engines drifted_postgresql_{Engine::kPostgresql, true};
  std::unique_ptr<Snapshot> previous_;
  int failures_ = 0;
};

TEST_F(EdgeProperty, AnswersAreThoseOfTheOracle) {
  if (!postgresql_.available()) std::fprintf(stderr, "NOTE: no PostgreSQL server, SQLite only\n");
  const auto only = number_of_environment("MIRROR_SEED");
  const uint64_t last = only ? *only : number_of_environment("MIRROR_SEEDS").value_or(kSeedsInCi);
  for (uint64_t seed = only.value_or(1); seed <= last && failures_ < kFailuresMax; ++seed) {
    SCOPED_TRACE(fmt::format("world {}; reproduce with MIRROR_SEED={}", seed, seed));
    check_world(seed);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace mirror
