// One way to talk to both engines: a database by its URL, transactions, prepared statements with
// typed parameters, rows handed to a callback one by one (never a whole result in memory).
//
// Statements come from schema/sql/ and are written once, with ?1 ?2 for parameters; the PostgreSQL
// driver turns them into $1 $2. A connection belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/core/error.h"

namespace mirror {

enum class Engine { kSqlite, kPostgresql };

// sqlite:PATH, or anything that libpq takes: postgresql://..., postgres://..., or a conninfo
// string.
struct DatabaseUrl {
  Engine engine = Engine::kSqlite;
  std::string target;  // the path, or what libpq gets
  [[nodiscard]] static Result<DatabaseUrl> parse(std::string_view text);
  // For messages: without a password.
  [[nodiscard]] std::string display() const;
};

struct Blob {
  std::string_view bytes;
};
// What a parameter can be; texts and blobs are borrowed for the call.
using Value = std::variant<std::monostate, bool, int64_t, double, std::string_view, Blob>;

// optional -> Value, empty -> NULL.
template <typename T>
[[nodiscard]] Value value_of(const std::optional<T>& value) {
  return value ? Value(*value) : Value(std::monostate{});
}
[[nodiscard]] inline Value value_of(const std::optional<std::string>& value) {
  return value ? Value(std::string_view(*value)) : Value(std::monostate{});
}

// One row of a result; valid only inside the callback, and a view of a column only until the same
// column is asked for again. Columns count from 0. A column that does not hold what is asked for
// (SQLite lets anything be anywhere) reads as the nearest sensible value: texts that are no number
// as 0, NULL as 0, false or "". Ask is_null or use the optional forms where NULL matters.
class Row {
 public:
  virtual ~Row() = default;
  [[nodiscard]] virtual bool is_null(int column) const = 0;
  [[nodiscard]] virtual int64_t int64(int column) const = 0;
  [[nodiscard]] virtual double real(int column) const = 0;
  [[nodiscard]] virtual bool boolean(int column) const = 0;
  [[nodiscard]] virtual std::string_view text(int column) const = 0;   // also for timestamps
  [[nodiscard]] virtual std::string_view bytes(int column) const = 0;  // bytea, BLOB

  [[nodiscard]] std::optional<int64_t> optional_int64(int column) const {
    return is_null(column) ? std::nullopt : std::optional(int64(column));
  }
  [[nodiscard]] std::optional<bool> optional_boolean(int column) const {
    return is_null(column) ? std::nullopt : std::optional(boolean(column));
  }
  [[nodiscard]] std::optional<std::string> optional_text(int column) const {
    return is_null(column) ? std::nullopt : std::optional(std::string(text(column)));
  }
  [[nodiscard]] std::optional<std::string> optional_bytes(int column) const {
    return is_null(column) ? std::nullopt : std::optional(std::string(bytes(column)));
  }
};

// Called for each row; an error ends the query and is handed on. Must not use the transaction: the
// connection is busy with the rows.
using RowCallback = std::function<Result<void>(const Row&)>;

// Rows of whole numbers, one behind the other; valid only inside the callback. An error ends the
// query and is handed on.
using NumbersCallback = std::function<Result<void>(std::span<const int64_t>)>;
inline constexpr int64_t kNullNumber = INT64_MIN;

enum class TransactionMode {
  kRead,   // one consistent state for all queries: REPEATABLE READ, READ ONLY (SQLite: a WAL read
           // snapshot, or a lock that makes a writer's commit wait where WAL is not on)
  kWrite,  // SQLite: BEGIN IMMEDIATE, waiting a bounded time for another writer
};

// Ends in exactly one of commit() and the destructor's rollback. Must not outlive its Database,
// which has at most one at a time. After an error it can only be rolled back: everything else,
// commit() too, is refused (PostgreSQL's rule, on both engines).
class Transaction {
 public:
  virtual ~Transaction() = default;
  // Runs a statement and streams its rows.
  [[nodiscard]] virtual Result<void> query(std::string_view sql, std::span<const Value> parameters,
                                           const RowCallback& callback) = 0;
  // Runs a SELECT without parameters whose `columns` columns are whole numbers or NULL, and hands
  // over many rows at once: for tables of millions of rows. PostgreSQL: COPY in binary.
  [[nodiscard]] virtual Result<void> query_numbers(std::string_view sql, size_t columns,
                                                   const NumbersCallback& callback) = 0;
  // Runs a statement without rows; the number of rows that it changed.
  [[nodiscard]] virtual Result<int64_t> execute(std::string_view sql,
                                                std::span<const Value> parameters) = 0;
  // The same statement once for each set of parameters, pipelined where the engine can; the rows
  // changed in all.
  [[nodiscard]] virtual Result<int64_t> execute_many(
      std::string_view sql, std::span<const std::vector<Value>> parameter_sets) = 0;
  // Several statements in one text, without parameters: DDL.
  [[nodiscard]] virtual Result<void> execute_script(std::string_view sql) = 0;
  [[nodiscard]] virtual Result<void> commit() = 0;

  [[nodiscard]] Result<void> query(std::string_view sql, std::initializer_list<Value> parameters,
                                   const RowCallback& callback) {
    return query(sql, std::span<const Value>(parameters.begin(), parameters.size()), callback);
  }
  [[nodiscard]] Result<int64_t> execute(std::string_view sql,
                                        std::initializer_list<Value> parameters) {
    return execute(sql, std::span<const Value>(parameters.begin(), parameters.size()));
  }
};

// How long to wait for what is outside of this process.
struct DatabaseLimits {
  int connect_timeout_s = 10;  // PostgreSQL; the URL's connect_timeout beats it
  int64_t statement_timeout_ms =
      600'000;  // PostgreSQL, one statement; the server's or the URL's setting beats it
  int64_t silence_timeout_ms =
      660'000;  // PostgreSQL: not a byte from the server for so long = it is gone
  int busy_timeout_ms =
      10'000;  // SQLite, another writer; PostgreSQL, a lock of another transaction
};

enum class OpenMode {
  kRead,    // must exist; no statement may write
  kWrite,   // must exist
  kCreate,  // SQLite: created if absent. PostgreSQL: as kWrite, the database itself must exist
};

class Database {
 public:
  virtual ~Database() = default;
  // Connects, with a bounded time. Errors name the URL without its password and say what to do.
  [[nodiscard]] static Result<std::unique_ptr<Database>> open(const DatabaseUrl& url, OpenMode mode,
                                                              const DatabaseLimits& limits = {});

  [[nodiscard]] virtual Engine engine() const = 0;
  [[nodiscard]] virtual const DatabaseUrl& url() const = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<Transaction>> begin(TransactionMode mode) = 0;
  // PostgreSQL: for reading, in the very state that another transaction sees, which has exported it
  // (pg_export_snapshot()) and is still open.
  [[nodiscard]] virtual Result<std::unique_ptr<Transaction>> begin_at(
      std::string_view exported_snapshot) = 0;

  // SQLite: from now on, and for every program, readers and a writer do not wait for each other
  // (WAL mode; it is written into the file). Opening never does this: a file may be somebody
  // else's. PostgreSQL: nothing to do. Not while a transaction is open.
  [[nodiscard]] virtual Result<void> let_readers_and_writer_overlap() = 0;
};

}  // namespace mirror
