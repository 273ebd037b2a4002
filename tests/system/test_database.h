// A database of its own for one test, on either engine, gone when the test ends. SQLite: a file in
// a temporary folder. PostgreSQL: a database beside the one that MIRROR_TEST_POSTGRESQL names (see
// with_postgresql).
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "schema/database/database.h"

namespace mirror {

class TestDatabase {
 public:
  // Empty. Without MIRROR_TEST_POSTGRESQL no PostgreSQL database can be made: ask available() first
  // and skip.
  [[nodiscard]] static Result<std::unique_ptr<TestDatabase>> create(Engine engine);
  [[nodiscard]] static bool available(Engine engine);
  ~TestDatabase();
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;

  // As a program takes it: sqlite:PATH or postgresql://...
  [[nodiscard]] const std::string& url() const { return url_; }
  [[nodiscard]] Result<std::unique_ptr<Database>> open(OpenMode mode,
                                                       const DatabaseLimits& limits = {}) const;

 private:
  TestDatabase() = default;
  std::string url_;
  std::string folder_;  // SQLite
  std::string name_;    // PostgreSQL
};

// A test over both engines with a database of its own; the PostgreSQL half is skipped where there
// is no server. A SetUp of a derived test ends at once if test_database_ is null after this one.
class EngineTest : public ::testing::TestWithParam<Engine> {
 protected:
  void SetUp() override {
    if (!TestDatabase::available(GetParam()))
      GTEST_SKIP() << "no PostgreSQL: run by tests/system/with_postgresql";
    auto created = TestDatabase::create(GetParam());
    ASSERT_TRUE(created) << created.error().message;
    test_database_ = std::move(*created);
  }

  std::unique_ptr<TestDatabase> test_database_;
};

// The last part of the name of a test that runs over both engines.
[[nodiscard]] inline std::string engine_test_name(const ::testing::TestParamInfo<Engine>& info) {
  return info.param == Engine::kSqlite ? "Sqlite" : "Postgresql";
}

}  // namespace mirror
