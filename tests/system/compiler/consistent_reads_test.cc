// Writers and the compiler at once, on both engines: each transaction of a writer changes rows of
// many tables together, and every snapshot that mirror-compile makes meanwhile must show one state
// between two transactions. The tables are read one after the other, so a compile without one
// consistent view of them mixes states at once.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <thread>

#include "base/core/files.h"
#include "base/core/text.h"
#include "schema/database/schema.h"
#include "schema/snapshot/snapshot_directory.h"
#include "tests/property/row_writer.h"
#include "tests/system/test_database.h"
#include "tests/unit/compiler/small_compile.h"

extern char** environ;

namespace mirror {
namespace {

constexpr int kWriters = 3;
constexpr int kCompiles = 30;
// What a compile must read between the first table that a writer changes and the last one.
constexpr int64_t kDirectories = 400;
constexpr int64_t kOtherHosts = 9;
constexpr int64_t kFirstDirectory = 10;
// More blocks than this make a table of PostgreSQL worth several readers (up_to_date_reader.cc).
constexpr int64_t kSharedBlocksMin = 1024;
constexpr size_t kStatesMin = 5;  // that the compiles must have met, or nothing was proved

// Hosts 1 and 2 carry the directories pub/linux/d... in turn: host 1 in even states, host 2 in odd
// ones. Others carry all of them.
DatabaseRows first_state() {
  auto rows = simple_rows();
  for (int64_t i = 0; i < kOtherHosts; ++i) {
    auto host = rows.hosts.front();
    host.id = 3 + i;
    host.name = fmt::format("other{}.example", i);
    rows.hosts.push_back(host);
    rows.host_categories.push_back({host.id, host.id, 1, false});
    rows.host_category_urls.push_back(
        {host.id, host.id, fmt::format("https://other{}.example", i), false});
  }
  for (auto& host : rows.hosts) host.bandwidth = 1;
  rows.host_categories[0].always_up2date = rows.host_categories[1].always_up2date = false;
  rows.host_category_urls[0].url = "https://one.example/state1";
  rows.host_category_urls[1].url = "https://two.example/state1";
  rows.host_netblocks = {{1, 1, "10.0.1.0/24"}};
  rows.repository_redirects = {{1, "moved", "state1"}};
  rows.file_details = {{1, 3, "repomd.xml", 5, 1, "", "", "", ""}};
  int64_t id = 0;
  for (int64_t i = 0; i < kDirectories; ++i) {
    rows.directories.push_back({kFirstDirectory + i, fmt::format("pub/linux/d{:04}", i)});
    rows.category_directories.push_back({1, kFirstDirectory + i});
    for (int64_t host = 2; host <= 2 + kOtherHosts; ++host)
      rows.host_category_dirs.push_back({++id, host, kFirstDirectory + i});
  }
  return rows;
}

// The rows of host 1 in host_category_dir, which say up2date = false in state 1.
std::vector<HostCategoryDirRow> stale_rows() {
  std::vector<HostCategoryDirRow> rows;
  for (int64_t i = 0; i < kDirectories; ++i)
    rows.push_back({1'000'000 + i, 1, kFirstDirectory + i});
  return rows;
}

// From one state to the next, everything in one transaction. The first statement keeps the other
// writers out.
Result<void> write_next_state(Database& database) {
  MIRROR_TRY(const auto transaction, database.begin(TransactionMode::kWrite));
  const auto change = [&](std::string_view sql,
                          std::initializer_list<Value> parameters) -> Result<void> {
    MIRROR_TRY([[maybe_unused]] const auto changed, transaction->execute(sql, parameters));
    return {};
  };
  MIRROR_CHECK(change("UPDATE host SET bandwidth_int = bandwidth_int + 1 WHERE id = 1", {}));
  int64_t state = 0;
  MIRROR_CHECK(transaction->query("SELECT bandwidth_int FROM host WHERE id = 1", {},
                                  [&](const Row& row) -> Result<void> {
                                    state = row.int64(0);
                                    return {};
                                  }));
  const auto one = fmt::format("https://one.example/state{}", state);
  const auto two = fmt::format("https://two.example/state{}", state);
  const auto netblock = fmt::format("10.{}.{}.0/24", state / 256 % 256, state % 256);
  const auto target = fmt::format("state{}", state);
  // Against the order in which a compile reads them.
  MIRROR_CHECK(change("UPDATE host_netblock SET netblock = ?1, host_id = ?2 WHERE id = 1",
                      {std::string_view(netblock), 2 - state % 2}));
  MIRROR_CHECK(change("UPDATE repository_redirect SET to_repo = ?1 WHERE id = 1",
                      {std::string_view(target)}));
  MIRROR_CHECK(change("UPDATE file_detail SET size = ?1 WHERE id = 1", {state}));
  MIRROR_CHECK(change(
      "UPDATE host_category_dir SET up2date = NOT up2date WHERE host_category_id IN (1, 2)", {}));
  MIRROR_CHECK(
      change("UPDATE host_category_url SET url = ?1 WHERE id = 1", {std::string_view(one)}));
  MIRROR_CHECK(
      change("UPDATE host_category_url SET url = ?1 WHERE id = 2", {std::string_view(two)}));
  MIRROR_CHECK(change("UPDATE host SET bandwidth_int = ?1 WHERE id = 2", {state}));
  return transaction->commit();
}

// Exit code, or -1; what it says goes to `output`.
int run(const std::vector<std::string>& command, const std::string& output) {
  std::vector<char*> arguments;
  for (const auto& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                     0600);
  ::posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_t child = -1;
  const int error =
      ::posix_spawn(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  if (error != 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

// The states that the parts of one snapshot show, and who carries the directories.
struct Seen {
  std::set<std::string> states;
  std::map<std::set<int64_t>, int> carriers;  // hosts 1 and 2 among them -> directories
  std::set<int64_t> netblock_hosts;
};

Seen look_at(const SnapshotView& view) {
  Seen seen;
  for (size_t i = 0; i < view.hosts.size(); ++i)
    if (view.host_infos[i].id() <= 2) seen.states.insert(fmt::to_string(view.hosts[i].weight()));
  const auto after = [&](std::string_view text, std::string_view word) {
    const auto begin = text.find(word);
    if (begin == text.npos) return;
    const auto end = text.find_first_not_of("0123456789", begin + word.size());
    seen.states.emplace(text.substr(begin + word.size(), end - begin - word.size()));
  };
  for (const auto& url : view.urls) after(view.text(url.base()), "/state");
  for (const auto& prefix : view.prefixes) after(view.text(prefix.redirect()), "state");
  for (const auto& file : view.files) after(view.text(file.block()), "<size>");
  for (const auto& range : view.netblocks4) {
    if (range.value() == kNone) continue;
    seen.states.insert(
        fmt::to_string((range.first() >> 16 & 255) * 256 + (range.first() >> 8 & 255)));
    for (const auto& match :
         SnapshotView::part(view.netblock_matches, view.netblock_lists[range.value()]))
      seen.netblock_hosts.insert(view.host_infos[match.host()].id());
  }
  for (const auto& directory : view.directories) {
    if (view.text(directory.name()).find("/d") == std::string_view::npos) continue;
    std::set<int64_t> carriers;
    for (const auto& carrier :
         SnapshotView::part(view.carriers, view.carrier_sets[directory.carrier_set()].carriers()))
      if (const auto id = view.host_infos[carrier.host()].id(); id <= 2) carriers.insert(id);
    ++seen.carriers[carriers];
  }
  return seen;
}

class ConsistentReads : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    if (!test_database_) return;
    const char* programs = std::getenv("MIRROR_BIN");
    ASSERT_NE(programs, nullptr) << "MIRROR_BIN names the folder of the programs";
    compiler_ = std::string(programs) + "/mirror-compile";
    folder_ =
        (std::filesystem::temp_directory_path() / fmt::format("mirror_consistent_{}", ::getpid()))
            .string();
    std::filesystem::create_directories(folder_);
    const auto database = test_database_->open(OpenMode::kCreate);
    ASSERT_TRUE(database) << database.error().message;
    ASSERT_TRUE(create_schema(**database));
    const auto transaction = (*database)->begin(TransactionMode::kWrite);
    ASSERT_TRUE(transaction);
    const auto written = write_database_rows(**transaction, first_state(), stale_rows());
    ASSERT_TRUE(written) << written.error().message;
    ASSERT_TRUE((*transaction)->commit());
  }
  ~ConsistentReads() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  // One compile into a directory of its own, where no gate compares it with another state.
  void compile(int number, std::vector<std::string> more) {
    const auto snapshots = fmt::format("{}/{}", folder_, number);
    std::vector<std::string> command = {compiler_,     "--database", test_database_->url(),
                                        "--snapshots", snapshots,    "--quiet"};
    command.insert(command.end(), more.begin(), more.end());
    const auto output = folder_ + "/output";
    ASSERT_EQ(run(command, output), 0) << read_file(output, 1 << 20).value_or("");
    SnapshotDirectory directory(snapshots);
    const auto current = directory.current();
    ASSERT_TRUE(current) << current.error().message;
    const auto snapshot = directory.open(*current);
    ASSERT_TRUE(snapshot) << snapshot.error().message;
    const Seen seen = look_at(snapshot->view());
    ASSERT_EQ(seen.states.size(), 1u)
        << "compile " << number
        << " mixes states: " << fmt::format("{}", fmt::join(seen.states, " "));
    const int64_t state = static_cast<int64_t>(*parse_uint64(*seen.states.begin()));
    const std::set<int64_t> carrier = {state % 2 == 0 ? 1 : 2};
    EXPECT_EQ(seen.carriers, (std::map<std::set<int64_t>, int>{{carrier, kDirectories}}))
        << "in state " << state;
    EXPECT_EQ(seen.netblock_hosts, (std::set<int64_t>{2 - state % 2}));
    states_.insert(state);
  }

  // Makes the table so large that several readers share it: PostgreSQL keeps four of these rows in
  // a block. SQLite has one reader always.
  void widen_rows() {
    if (GetParam() == Engine::kSqlite) return;
    const auto database = test_database_->open(OpenMode::kWrite);
    ASSERT_TRUE(database) << database.error().message;
    const auto transaction = (*database)->begin(TransactionMode::kWrite);
    ASSERT_TRUE(transaction);
    const auto done =
        (*transaction)
            ->execute_script("UPDATE host_category_dir SET path = id || repeat('x', 1900)");
    ASSERT_TRUE(done) << done.error().message;
    int64_t blocks = 0;
    const auto asked = (*transaction)
                           ->query(
                               "SELECT pg_relation_size('host_category_dir') / "
                               "current_setting('block_size')::integer",
                               {}, [&](const Row& row) -> Result<void> {
                                 blocks = row.int64(0);
                                 return {};
                               });
    ASSERT_TRUE(asked) << asked.error().message;
    ASSERT_GT(blocks, kSharedBlocksMin);
    ASSERT_TRUE((*transaction)->commit());
  }

  // The bytes of the snapshot that so many readers make.
  std::string bytes_of_readers(int readers) {
    compile(readers, {"--readers", std::to_string(readers), "--created-at", "1700000000"});
    const SnapshotDirectory directory(fmt::format("{}/{}", folder_, readers));
    const auto current = directory.current();
    EXPECT_TRUE(current);
    const auto bytes =
        read_file(directory.path() + "/" + current->name.to_string(), uint64_t{1} << 30);
    EXPECT_TRUE(bytes);
    return bytes.value_or("");
  }

  // Compiles while the writers write.
  void compile_beside_writers(const std::vector<std::string>& options) {
    std::atomic<bool> stop = false;
    std::atomic<int> written = 0;
    std::vector<std::thread> writers;
    for (int i = 0; i < kWriters; ++i) {
      writers.emplace_back([&] {
        // SQLite's lock is not fair: on a slow machine a writer may find it taken for 10 s.
        DatabaseLimits limits;
        limits.busy_timeout_ms = 60'000;
        const auto database = test_database_->open(OpenMode::kWrite, limits);
        EXPECT_TRUE(database) << database.error().message;
        while (database && !stop) {
          const auto done = write_next_state(**database);
          EXPECT_TRUE(done) << done.error().message;
          if (!done) break;
          ++written;
        }
      });
    }
    for (int i = 0; i < kCompiles && !HasFailure(); ++i) compile(i, options);
    stop = true;
    for (auto& writer : writers) writer.join();
    std::printf("%d transactions; %d compiles met %zu states\n", written.load(), kCompiles,
                states_.size());
    EXPECT_GE(states_.size(), kStatesMin);
  }

  std::string compiler_;
  std::string folder_;
  std::set<int64_t> states_;
};

TEST_P(ConsistentReads, EverySnapshotShowsOneState) { compile_beside_writers({}); }

TEST_P(ConsistentReads, SoDoesEverySnapshotOfSeveralReaders) {
  ASSERT_NO_FATAL_FAILURE(widen_rows());
  compile_beside_writers({"--readers", "3"});
}

TEST_P(ConsistentReads, AnyNumberOfReadersGivesTheSameBytes) {
  ASSERT_NO_FATAL_FAILURE(widen_rows());
  // Moves rows to other blocks.
  const auto database = test_database_->open(OpenMode::kWrite);
  ASSERT_TRUE(database) << database.error().message;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(write_next_state(**database));
  const auto one = bytes_of_readers(1);
  for (const int readers : {2, 3, 7})
    EXPECT_TRUE(bytes_of_readers(readers) == one) << readers << " readers";
}

INSTANTIATE_TEST_SUITE_P(Engines, ConsistentReads,
                         testing::Values(Engine::kSqlite, Engine::kPostgresql), engine_test_name);

}  // namespace
}  // namespace mirror
