// mirrorctl doctor on both engines, with reports that the real mirror-compile writes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/core/files.h"
#include "compiler/report.h"
#include "ops/mirrorctl/command_group.h"
#include "schema/database/schema.h"
#include "schema/snapshot/snapshot_directory.h"
#include "tests/property/row_writer.h"
#include "tests/system/command_outcome.h"
#include "tests/system/test_database.h"
#include "tests/unit/compiler/small_compile.h"

namespace mirror {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class DoctorTest : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    if (test_database_ == nullptr) return;
    folder_ = (std::filesystem::temp_directory_path() / "doctor_test.XXXXXX").string();
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
    const auto database = test_database_->open(OpenMode::kCreate);
    ASSERT_TRUE(database) << database.error().message;
    const auto created = create_schema(**database);
    ASSERT_TRUE(created) << created.error().message;
    rows_ = simple_rows();
    rows_.file_details = {{1, 3, "repomd.xml", 1, 1, {}, {}, "aa", {}}};
    write();
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  void write() {
    const auto database = test_database_->open(OpenMode::kWrite);
    ASSERT_TRUE(database) << database.error().message;
    const auto transaction = (*database)->begin(TransactionMode::kWrite);
    const auto written = write_database_rows(**transaction, rows_, {});
    ASSERT_TRUE(written) << written.error().message;
    ASSERT_TRUE((*transaction)->commit());
  }
  void change(const std::string& script) {
    const auto database = test_database_->open(OpenMode::kWrite);
    const auto transaction = (*database)->begin(TransactionMode::kWrite);
    const auto done = (*transaction)->execute_script(script);
    ASSERT_TRUE(done) << done.error().message;
    ASSERT_TRUE((*transaction)->commit());
  }
  // The real program; its exit code.
  int compile(const std::string& options) {
    const char* programs = std::getenv("MIRROR_BIN");
    EXPECT_NE(programs, nullptr) << "MIRROR_BIN names the folder of the programs";
    const std::string command =
        fmt::format("'{}/mirror-compile' --quiet --database '{}' --snapshots '{}' {}", programs,
                    test_database_->url(), folder_, options);
    const int status = std::system(command.c_str());
    return WEXITSTATUS(status);
  }
  [[nodiscard]] std::string report() const { return folder_ + "/report.json"; }

  Outcome doctor(std::vector<std::string> arguments, bool database = true) {
    arguments.insert(arguments.begin(), "doctor");
    if (database) arguments.insert(arguments.end(), {"--database", test_database_->url()});
    return run_command([](CommandLine& line) { return make_doctor_command(line); }, arguments);
  }

  std::string folder_;
  DatabaseRows rows_;
};
INSTANTIATE_TEST_SUITE_P(Engines, DoctorTest,
                         ::testing::Values(Engine::kSqlite, Engine::kPostgresql), engine_test_name);

TEST_P(DoctorTest, AWarningIsNoError) {
  for (auto& host_category : rows_.host_categories) host_category.always_up2date = false;
  rows_.host_categories[0].always_up2date = true;
  rows_.hosts.push_back(rows_.hosts[0]);
  rows_.hosts.back().id = 3;
  rows_.hosts.back().name = "three.example";
  rows_.hosts.back().site_id = std::nullopt;
  write();
  const auto outcome = doctor({});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("host: hosts have no site; left out: 1\n    3 \"three.example\"\n"),
                    HasSubstr("warning host_listed_for_nothing: 1\n"),
                    HasSubstr("\"two.example\" (site \"Site One\", id 2)"),
                    HasSubstr("note    always_up_to_date: 1\n"), HasSubstr("remedy: ")));
}

TEST_P(DoctorTest, AnErrorEndsWithFour) {
  for (auto& host_category : rows_.host_categories) host_category.always_up2date = false;
  write();
  const auto outcome = doctor({});
  EXPECT_EQ(outcome.code, 4);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("error   nothing_listed: 1\n"),
                                 HasSubstr("error   repository_without_mirrors: 1\n")));
  EXPECT_EQ(outcome.err, "");
}

TEST_P(DoctorTest, TheReportOfACompileIsTheSame) {
  change("UPDATE host SET country = 'UK' WHERE id = 1");
  ASSERT_EQ(compile("--created-at 1700000000 --report " + report()), 0);
  const auto read = read_report(report());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->created_at, 1'700'000'000u);
  const auto of_report = doctor({"--report", report()}, false);
  EXPECT_EQ(of_report.code, 0) << of_report.err;
  EXPECT_THAT(of_report.out, AllOf(HasSubstr("warning country_unknown: 1\n"),
                                   HasSubstr("\"UK\" of \"one.example\""),
                                   HasSubstr("read at 2023-11-14T22:13:20Z")));
  const auto of_rows = doctor({});
  const auto findings = [](const std::string& text) { return text.substr(text.find("\nwarning")); };
  EXPECT_EQ(findings(of_rows.out), findings(of_report.out));
}

TEST_P(DoctorTest, AReportIsReplacedAsAWholeAlsoIfNothingIsPublished) {
  ASSERT_EQ(compile("--report " + report()), 0);
  change("DELETE FROM host_category_url; DELETE FROM host_category; DELETE FROM host");
  EXPECT_EQ(compile("--report " + report() + " 2>/dev/null"), 3);
  const auto read = read_report(report());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(worst_of(*read), Severity::kError);
  EXPECT_FALSE(std::filesystem::exists(report() + ".tmp"));
}

TEST_P(DoctorTest, AReportThatCannotBeWrittenKeepsNothingFromBeingPublished) {
  EXPECT_EQ(compile("--report " + folder_ + "/none/report.json 2>/dev/null"), 4);
  EXPECT_EQ(compile("--report " + report()), 0);
}

TEST_P(DoctorTest, AHostileReportIsRefused) {
  std::ofstream(report()) << "{\"format\": 1, \"source\": ";
  const auto outcome = doctor({"--report", report()}, false);
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("report.json: no JSON document"));
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(doctor({"--report", report() + ".none"}, false).code, 1);
}

TEST_P(DoctorTest, ADatabaseThatCannotBeUsedIsAnError) {
  change("DROP TABLE repository_redirect");
  const auto outcome = doctor({});
  EXPECT_EQ(outcome.code, 4);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("error   schema_unusable: 1\n"),
                                 HasSubstr("table repository_redirect is missing")));
}

// A database that is down says nothing, and the rest is looked at all the same.
TEST_P(DoctorTest, WhatCannotBeReadHidesNothingElse) {
  ASSERT_EQ(compile("--report " + report()), 0);
  const std::vector<std::string> down{"--database", "sqlite:" + folder_ + "/none.db"};
  auto arguments = down;
  arguments.insert(arguments.end(), {"--report", report(), "--examples", "1"});
  const auto outcome = doctor(arguments, false);
  EXPECT_EQ(outcome.code, 4);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("error   database_unusable: 1\n"), HasSubstr("none.db"),
                                 HasSubstr("and 1 more")));
  EXPECT_EQ(doctor(down, false).code, 1);
  std::ofstream(report()) << "{";
  const auto both = doctor({"--report", report()});
  EXPECT_EQ(both.code, 4);
  EXPECT_THAT(both.out, HasSubstr("error   report_unusable: 1\n"));
}

TEST_P(DoctorTest, ADatabaseWithoutOurTablesIsAWarning) {
  change("DROP TABLE mw_netblock_name; DELETE FROM mw_migration WHERE number = 2");
  const auto outcome = doctor({});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("warning schema_lacks_additions: 1\n"),
                                 HasSubstr("table mw_netblock_name")));
}

TEST_P(DoctorTest, TheLiveSnapshotIsLookedAt) {
  const auto missing = doctor({"--snapshots", folder_}, false);
  EXPECT_EQ(missing.code, 4);
  EXPECT_THAT(missing.out, HasSubstr("error   snapshot_missing: 1\n"));

  ASSERT_EQ(compile(""), 0);
  const auto good = doctor({"--snapshots", folder_}, false);
  EXPECT_EQ(good.code, 0);
  EXPECT_THAT(good.out, AllOf(StartsWith("snapshot    generation 1, data read at "),
                              HasSubstr("nothing to complain about")));

  change("UPDATE host SET country = 'US' WHERE id = 1");
  ASSERT_EQ(compile("--created-at 1700000000"), 0);
  SnapshotDirectory directory(folder_);
  {
    auto writer = directory.lock();
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->set_hold({"me@host", 1'700'000'000, "a \x1b[2J reason"}));
  }
  const auto old = doctor({"--snapshots", folder_}, false);
  EXPECT_EQ(old.code, 0);
  EXPECT_THAT(old.out, AllOf(HasSubstr("warning snapshot_old: 1\n"), HasSubstr("generation 2"),
                             HasSubstr("warning snapshot_held: 1\n"), HasSubstr("\"me@host\""),
                             Not(HasSubstr("\x1b"))));

  const auto current = directory.current();
  ASSERT_TRUE(current);
  std::filesystem::resize_file(directory.path_of(current->name), 100);
  const auto damaged = doctor({"--snapshots", folder_}, false);
  EXPECT_EQ(damaged.code, 4);
  EXPECT_THAT(damaged.out, HasSubstr("error   snapshot_damaged: 1\n"));
}

TEST_P(DoctorTest, MoreExamplesOnRequestAndJson) {
  for (int64_t id = 3; id < 20; ++id) {
    rows_.hosts.push_back(rows_.hosts[0]);
    rows_.hosts.back().id = id;
    rows_.hosts.back().name = fmt::format("host{}.example", id);
    rows_.host_netblocks.push_back({id, id, "10.0.0.0/33"});
  }
  write();
  EXPECT_THAT(doctor({}).out, AllOf(HasSubstr("host7.example"), Not(HasSubstr("host8.example")),
                                    HasSubstr("and 12 more")));
  const auto all = doctor({"--examples", "100"});
  EXPECT_THAT(all.out, AllOf(HasSubstr("host19.example"), HasSubstr("    19 \"10.0.0.0/33\""),
                             Not(HasSubstr(" more\n"))));
  const auto json = doctor({"--json"});
  EXPECT_THAT(json.out, AllOf(StartsWith("{\n\"severity\": \"warning\""),
                              HasSubstr("\"code\": \"host_without_category\""),
                              HasSubstr("\"count\": 17"), HasSubstr("\"snapshot\": null")));
  // The whole is a document, and the report in it one that --report takes.
  const size_t at = json.out.find("\"report\": ");
  ASSERT_NE(at, std::string::npos);
  const auto inner = json.out.substr(at + 10, json.out.size() - at - 12);
  const auto parsed = parse_report(inner);
  EXPECT_TRUE(parsed) << parsed.error().message;
}

TEST_P(DoctorTest, OptionsAreChecked) {
  EXPECT_EQ(doctor({}, false).code, 2);
  EXPECT_EQ(doctor({"--examples", "0"}).code, 2);
  EXPECT_EQ(doctor({"--country-continent", folder_ + "/none.csv"}).code, 1);
  std::ofstream(folder_ + "/own.csv") << "DE,EU\n";
  EXPECT_THAT(doctor({"--country-continent", folder_ + "/own.csv"}).out,
              HasSubstr("\"SE\" of \"two.example\""));
}

}  // namespace
}  // namespace mirror
