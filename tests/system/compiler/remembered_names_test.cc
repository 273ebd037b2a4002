// The cache of resolved netblock names, from one compile to the next, on both engines (C-12).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiler/database_input.h"
#include "schema/database/schema.h"
#include "tests/property/row_writer.h"
#include "tests/system/test_database.h"
#include "tests/unit/compiler/small_compile.h"

namespace mirror {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class FixedClock final : public Clock {
 public:
  int64_t seconds = 1'700'000'000;
  [[nodiscard]] int64_t unix_seconds() const override { return seconds; }
  [[nodiscard]] int64_t monotonic_ns() const override { return 0; }
};

class NameCache : public ::testing::TestWithParam<Engine> {
 protected:
  void SetUp() override {
    if (!TestDatabase::available(GetParam())) GTEST_SKIP() << "no server; see with_postgresql";
    database_ = std::move(*TestDatabase::create(GetParam()));
    const auto database = database_->open(OpenMode::kCreate);
    ASSERT_TRUE(database) << database.error().message;
    ASSERT_TRUE(create_schema(**database));
    auto rows = simple_rows();
    rows.host_netblocks = {{1, 1, "mirror.example"}};
    const auto transaction = (*database)->begin(TransactionMode::kWrite);
    ASSERT_TRUE(transaction);
    const auto written = write_database_rows(**transaction, rows, {});
    ASSERT_TRUE(written) << written.error().message;
    ASSERT_TRUE((*transaction)->commit());
  }

  // One compile: what netblocks the world has, and what was remembered.
  std::vector<std::string> compile(std::vector<IpAddress> answer) {
    ScriptedResolver resolver;
    if (!answer.empty()) resolver.answers["mirror.example"] = std::move(answer);
    diagnostics_ = Diagnostics();
    auto input = read_database(database_->url(), 2, clock_, true, resolver, diagnostics_);
    EXPECT_TRUE(input) << (input ? "" : input.error().message);
    remembered_ = input->new_names.size();
    remember_names(database_->url(), input->new_names, clock_, log_);
    EXPECT_EQ(input->world.created_at, static_cast<uint64_t>(clock_.seconds));
    std::vector<std::string> prefixes;
    for (const auto& netblock : input->world.netblocks)
      prefixes.push_back(netblock.prefix.to_string());
    return prefixes;
  }

  std::unique_ptr<TestDatabase> database_;
  FixedClock clock_;
  Log log_{"test", LogLevel::kInfo};
  Diagnostics diagnostics_;
  size_t remembered_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Engines, NameCache,
                         ::testing::Values(Engine::kSqlite, Engine::kPostgresql));

TEST_P(NameCache, ServeWhenTheResolverIsDead) {
  const auto one = *IpAddress::parse("192.0.2.1");
  const auto two = *IpAddress::parse("2001:db8::2");
  EXPECT_THAT(compile({}), IsEmpty());
  EXPECT_EQ(
      diagnostics_.count("host_netblock", "names could not be resolved and never were; left out"),
      1u);
  EXPECT_THAT(compile({one}), ElementsAre("192.0.2.1/32"));
  EXPECT_EQ(remembered_, 1u);
  EXPECT_THAT(compile({}), ElementsAre("192.0.2.1/32"));
  EXPECT_EQ(diagnostics_.count("host_netblock",
                               "names could not be resolved; the last good answer is used"),
            1u);
  EXPECT_THAT(compile({one}), ElementsAre("192.0.2.1/32"));
  EXPECT_EQ(remembered_, 0u);
  EXPECT_THAT(compile({one, two}), ElementsAre("192.0.2.1/32", "2001:db8::2/128"));
  EXPECT_THAT(compile({}), ElementsAre("192.0.2.1/32", "2001:db8::2/128"));
}

TEST_P(NameCache, ADatabaseWithoutOurTableWorksAllTheSame) {
  {
    const auto database = database_->open(OpenMode::kWrite);
    const auto transaction = (*database)->begin(TransactionMode::kWrite);
    ASSERT_TRUE((*transaction)->execute_script("DROP TABLE mw_netblock_name"));
    ASSERT_TRUE((*transaction)->commit());
  }
  EXPECT_THAT(compile({*IpAddress::parse("192.0.2.1")}), ElementsAre("192.0.2.1/32"));
  EXPECT_THAT(compile({}), IsEmpty());
}

TEST(SystemResolver, KnowsTheHostsFile) {
  const auto resolver = make_system_resolver(std::chrono::milliseconds(10'000));
  const std::vector<std::string> names = {"localhost"};
  const auto results = resolver->resolve(names);
  ASSERT_EQ(results.size(), 1u);
  ASSERT_TRUE(results[0]) << results[0].error().message;
  for (const auto& address : *results[0])
    EXPECT_THAT(address.to_string(), ::testing::AnyOf("127.0.0.1", "::1"));
  EXPECT_TRUE(resolver->resolve({}).empty());
}

}  // namespace
}  // namespace mirror
