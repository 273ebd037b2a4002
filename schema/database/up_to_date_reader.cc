#include "schema/database/up_to_date_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "sql/compiler.h"
#include "sql/compiler_postgresql.h"

namespace mirror {
namespace {

constexpr size_t kColumns = 2;
// Small enough that readers end at about the same time, large enough that a statement more does not
// count.
constexpr uint64_t kPartsPerReader = 16;
constexpr uint64_t kBlocksPerPartMin = 1024;
constexpr uint64_t kBlockEnd = 4294967294;  // storage/block.h: MaxBlockNumber

Result<void> read(Transaction& transaction, std::string_view sql, size_t reader,
                  const UpToDateCallback& callback) {
  std::vector<UpToDateRow> rows;
  return transaction.query_numbers(sql, kColumns, [&](std::span<const int64_t> numbers) {
    rows.clear();
    for (size_t i = 0; i + 1 < numbers.size(); i += kColumns)
      rows.push_back({numbers[i], numbers[i + 1]});
    return callback(reader, rows);
  });
}

struct Table {
  bool can_be_shared = false;
  uint64_t blocks = 0;
  std::string snapshot;
};

// What PostgreSQL says; a standby or a view is read by one reader.
Result<Table> look_at_table(Transaction& transaction) {
  Table table;
  MIRROR_CHECK(
      transaction.query(sql::up_to_date_table_postgresql, {}, [&](const Row& row) -> Result<void> {
        table.can_be_shared = row.boolean(0);
        table.blocks = static_cast<uint64_t>(std::max<int64_t>(0, row.int64(1)));
        return {};
      }));
  if (!table.can_be_shared) return table;
  MIRROR_CHECK(
      transaction.query(sql::export_snapshot_postgresql, {}, [&](const Row& row) -> Result<void> {
        table.snapshot = row.text(0);
        return {};
      }));
  return table;
}

// Several readers of one table. Parts are taken as readers come.
class SharedTable {
 public:
  SharedTable(const DatabaseUrl& url, Table table, size_t readers, const UpToDateCallback& callback)
      : url_(url), table_(std::move(table)), callback_(callback) {
    blocks_per_part_ = std::max(kBlocksPerPartMin, table_.blocks / (readers * kPartsPerReader));
  }

  Result<void> run(Transaction& transaction, size_t readers) {
    std::vector<std::thread> others;
    try {
      for (size_t reader = 1; reader < readers; ++reader)
        others.emplace_back([this, reader] { run_other(reader); });
    } catch (const std::system_error&) {
      // No more threads can be had: those that are there read everything.
    }
    take_parts(transaction, 0);
    for (auto& other : others) other.join();
    return result_;
  }

 private:
  void run_other(size_t reader) {
    auto database = Database::open(url_, OpenMode::kRead);
    if (!database) return;  // the others read its parts
    auto transaction = (*database)->begin_at(table_.snapshot);
    if (!transaction) return;
    take_parts(**transaction, reader);
  }

  void take_parts(Transaction& transaction, size_t reader) {
    while (!failed_.load()) {
      const uint64_t begin = next_part_.fetch_add(1) * blocks_per_part_;
      if (begin > table_.blocks) return;
      // A rewrite may have made the table longer meanwhile: the last part has no end.
      const uint64_t end =
          begin + blocks_per_part_ > table_.blocks ? kBlockEnd : begin + blocks_per_part_;
      const auto sql =
          fmt::format(fmt::runtime(sql::select_up_to_date_of_blocks_postgresql), begin, end);
      if (auto done = read(transaction, sql, reader, callback_); !done) fail_with(std::move(done));
    }
  }

  void fail_with(Result<void> result) {
    const std::lock_guard lock(mutex_);
    if (result_) result_ = std::move(result);
    failed_.store(true);
  }

  const DatabaseUrl& url_;
  const Table table_;
  const UpToDateCallback& callback_;
  uint64_t blocks_per_part_ = 0;
  std::atomic<uint64_t> next_part_{0};
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  Result<void> result_;
};

}  // namespace

Result<void> read_up_to_date(Database& database, Transaction& transaction, size_t readers,
                             const UpToDateCallback& callback) {
  if (readers > 1 && database.engine() == Engine::kPostgresql) {
    MIRROR_TRY(Table table, look_at_table(transaction));
    if (table.can_be_shared && table.blocks > kBlocksPerPartMin)
      return SharedTable(database.url(), std::move(table), readers, callback)
          .run(transaction, readers);
  }
  return read(transaction, sql::select_up_to_date, 0, callback);
}

}  // namespace mirror
