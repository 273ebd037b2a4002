// The PostgreSQL driver. Rows come in single-row mode as texts, with flat memory and one decoder
// for every type; those of the tables with millions of rows by COPY in binary.
#include <charconv>
#include <utility>

#include "base/core/text.h"
#include "schema/database/drivers.h"
#include "schema/database/postgresql_connection.h"

namespace mirror {
namespace {

constexpr Oid kByteaType = 17;  // pg_type.dat; libpq has no header for it
// How much goes out before the answers are read: enough to keep both ends busy, little enough to
// stay flat.
constexpr size_t kPipelineStatements = 500;
constexpr size_t kPipelineBytes = size_t{1} << 20;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

class PostgresqlRow final : public Row {
 public:
  void set(const PGresult* result) { result_ = result; }

  bool is_null(int column) const override { return PQgetisnull(result_, 0, column) != 0; }
  int64_t int64(int column) const override {
    const std::string_view value = text(column);
    int64_t number = 0;
    const auto [end, code] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (code == std::errc{} && end == value.data() + value.size()) return number;
    if (value == "t") return 1;
    return code == std::errc{} ? number : 0;
  }
  double real(int column) const override {
    const std::string_view value = text(column);
    double number = 0;
    (void)std::from_chars(value.data(), value.data() + value.size(), number);
    return number;
  }
  bool boolean(int column) const override {
    const std::string_view value = text(column);
    return value == "t" || value == "true" || int64(column) != 0;
  }
  std::string_view text(int column) const override {
    const int length = PQgetlength(result_, 0, column);
    return {PQgetvalue(result_, 0, column), static_cast<size_t>(length)};
  }
  std::string_view bytes(int column) const override {
    const std::string_view value = text(column);
    if (PQftype(result_, column) != kByteaType || !value.starts_with("\\x")) return value;
    decoded_.resize(static_cast<size_t>(std::max(PQnfields(result_), column + 1)));
    std::string& out = decoded_[static_cast<size_t>(column)];
    out.clear();
    for (size_t i = 2; i + 1 < value.size(); i += 2) {
      out += static_cast<char>(hex_digit(value[i]) * 16 + hex_digit(value[i + 1]));
    }
    return out;
  }

 private:
  const PGresult* result_ = nullptr;
  mutable std::vector<std::string> decoded_;  // one a column, so that two views live side by side
};

class PostgresqlDatabase final : public Database {
 public:
  PostgresqlDatabase(DatabaseUrl url, std::unique_ptr<PostgresqlConnection> connection,
                     OpenMode mode)
      : url_(std::move(url)), connection_(std::move(connection)), mode_(mode) {}
  Engine engine() const override { return Engine::kPostgresql; }
  const DatabaseUrl& url() const override { return url_; }
  Result<std::unique_ptr<Transaction>> begin(TransactionMode mode) override;
  Result<std::unique_ptr<Transaction>> begin_at(std::string_view exported_snapshot) override;
  Result<void> let_readers_and_writer_overlap() override { return {}; }

 private:
  [[nodiscard]] Result<void> check_idle() const;

  DatabaseUrl url_;
  std::unique_ptr<PostgresqlConnection> connection_;
  OpenMode mode_;
};

class PostgresqlTransaction final : public Transaction {
 public:
  explicit PostgresqlTransaction(PostgresqlConnection& connection) : connection_(connection) {}
  ~PostgresqlTransaction() override {
    if (!ended_ && PQstatus(connection_.raw()) == CONNECTION_OK) (void)connection_.run("ROLLBACK");
  }
  using Transaction::execute;
  using Transaction::query;
  Result<void> query(std::string_view sql, std::span<const Value> parameters,
                     const RowCallback& callback) override {
    return guarded([&] { return run(sql, parameters, &callback, nullptr); });
  }
  Result<void> query_numbers(std::string_view sql, size_t columns,
                             const NumbersCallback& callback) override {
    return guarded([&] { return copy_numbers(sql, columns, callback); });
  }
  Result<int64_t> execute(std::string_view sql, std::span<const Value> parameters) override {
    int64_t changed = 0;
    MIRROR_CHECK(guarded([&] { return run(sql, parameters, nullptr, &changed); }));
    return changed;
  }
  Result<int64_t> execute_many(std::string_view sql,
                               std::span<const std::vector<Value>> parameter_sets) override {
    int64_t changed = 0;
    MIRROR_CHECK(guarded([&] { return run_many(sql, parameter_sets, &changed); }));
    return changed;
  }
  Result<void> execute_script(std::string_view sql) override {
    return guarded([&]() -> Result<void> {
      MIRROR_CHECK(connection_.run(sql));
      connection_.forget_prepared();
      return {};
    });
  }
  Result<void> commit() override {
    return guarded([&]() -> Result<void> {
      const Result<std::string> tag = connection_.run("COMMIT");
      if (!tag) return tl::unexpected(tag.error());
      ended_ = true;
      // PostgreSQL answers a COMMIT of a failed transaction so.
      if (*tag == "ROLLBACK")
        return fail(ErrorKind::kDatabase, "the transaction had failed and was rolled back");
      return {};
    });
  }

 private:
  template <typename Work>
  Result<void> guarded(Work&& work) {
    return guard_.run(ended_, work);
  }
  Result<void> send(const std::string& statement, std::span<const Value> parameters);
  Result<void> run(std::string_view sql, std::span<const Value> parameters,
                   const RowCallback* callback, int64_t* changed);
  Result<void> read_results(const RowCallback* callback, int64_t* changed);
  Result<void> copy_numbers(std::string_view sql, size_t columns, const NumbersCallback& callback);
  Result<void> read_copied_rows(size_t columns, const NumbersCallback& callback);
  Result<void> run_many(std::string_view sql, std::span<const std::vector<Value>> parameter_sets,
                        int64_t* changed);
  Result<size_t> send_batch(const std::string& statement,
                            std::span<const std::vector<Value>> parameter_sets);
  Result<void> read_batch(int64_t* changed);

  PostgresqlConnection& connection_;
  PostgresqlParameters parameters_;
  PostgresqlRow row_;
  TransactionGuard guard_;
  bool ended_ = false;
};

int64_t rows_changed(PGresult* result) { return parse_int64(PQcmdTuples(result)).value_or(0); }

// SELECT reports its rows too, which SQLite does not.
bool changes_rows(PGresult* result) {
  return !std::string_view(PQcmdStatus(result)).starts_with("SELECT");
}

Result<void> PostgresqlTransaction::send(const std::string& statement,
                                         std::span<const Value> parameters) {
  MIRROR_CHECK(parameters_.assign(parameters));
  if (PQsendQueryPrepared(connection_.raw(), statement.c_str(), parameters_.count(),
                          parameters_.values(), parameters_.lengths(), parameters_.formats(),
                          0) == 0) {
    return connection_.error(nullptr);
  }
  return {};
}

Result<void> PostgresqlTransaction::run(std::string_view sql, std::span<const Value> parameters,
                                        const RowCallback* callback, int64_t* changed) {
  MIRROR_TRY(const std::string statement, connection_.prepared(sql));
  MIRROR_CHECK(send(statement, parameters));
  if (PQsetSingleRowMode(connection_.raw()) == 0) return connection_.error(nullptr);
  return read_results(callback, changed);
}

Result<void> PostgresqlTransaction::read_results(const RowCallback* callback, int64_t* changed) {
  Result<void> first_error;
  for (;;) {
    MIRROR_TRY(const PostgresqlResult result, connection_.next_result());
    if (!result) return first_error;
    switch (PQresultStatus(result.get())) {
      case PGRES_SINGLE_TUPLE:
        if (callback == nullptr || !first_error) break;
        row_.set(result.get());
        first_error = (*callback)(row_);
        if (!first_error) {
          connection_.cancel();
          return first_error;
        }
        break;
      case PGRES_TUPLES_OK:
      case PGRES_COMMAND_OK:
        if (changed != nullptr && changes_rows(result.get()))
          *changed += rows_changed(result.get());
        break;
      default:
        if (first_error) first_error = connection_.error(result.get());
    }
  }
}

// COPY in binary format (https://www.postgresql.org/docs/15/sql-copy.html#id-1.9.3.55.9.4): a
// header, then rows of a 16-bit count of fields and the fields, each behind its 32-bit length, all
// in network byte order. The server sends each row in a message of its own; the header comes with
// the first one, or alone.
constexpr std::string_view kCopySignature("PGCOPY\n\377\r\n\0", 11);
constexpr size_t kCopyHeaderSize = 19;

template <typename Number>
Number big_endian(const char* bytes) {
  std::make_unsigned_t<Number> number = 0;
  for (size_t i = 0; i < sizeof number; ++i)
    number =
        static_cast<std::make_unsigned_t<Number>>(number << 8 | static_cast<uint8_t>(bytes[i]));
  return static_cast<Number>(number);
}

tl::unexpected<Error> unexpected_copy() {
  return fail(ErrorKind::kDatabase,
              "a row of COPY in binary is not one of whole numbers; mirrorctl database check says "
              "what the schema has");
}

// Takes one row off the front of `bytes`. False: the trailer, which ends all.
Result<bool> take_copied_row(std::span<const char>& bytes, size_t columns, NumberBatch& batch) {
  if (bytes.size() < sizeof(int16_t)) return unexpected_copy();
  const auto fields = big_endian<int16_t>(bytes.data());
  bytes = bytes.subspan(sizeof fields);
  if (fields == -1) return false;
  if (fields < 0 || static_cast<size_t>(fields) != columns) return unexpected_copy();
  for (size_t i = 0; i < columns; ++i) {
    if (bytes.size() < sizeof(int32_t)) return unexpected_copy();
    const auto size = big_endian<int32_t>(bytes.data());
    bytes = bytes.subspan(sizeof size);
    if (size > 0 && static_cast<size_t>(size) > bytes.size()) return unexpected_copy();
    switch (size) {
      case -1:
        batch.push(kNullNumber);
        continue;
      case sizeof(int16_t):
        batch.push(big_endian<int16_t>(bytes.data()));
        break;
      case sizeof(int32_t):
        batch.push(big_endian<int32_t>(bytes.data()));
        break;
      case sizeof(int64_t):
        batch.push(big_endian<int64_t>(bytes.data()));
        break;
      default:
        return unexpected_copy();
    }
    bytes = bytes.subspan(static_cast<size_t>(size));
  }
  return true;
}

Result<void> PostgresqlTransaction::copy_numbers(std::string_view sql, size_t columns,
                                                 const NumbersCallback& callback) {
  auto query = trim(sql);
  if (query.ends_with(';')) query.remove_suffix(1);
  const std::string copy = fmt::format("COPY ({}) TO STDOUT (FORMAT binary)", query);
  if (PQsendQuery(connection_.raw(), copy.c_str()) == 0) return connection_.error(nullptr);
  MIRROR_TRY(const PostgresqlResult begun, connection_.next_result());
  if (PQresultStatus(begun.get()) != PGRES_COPY_OUT) {
    const auto refused = connection_.error(begun.get());
    static_cast<void>(read_results(nullptr, nullptr));
    return refused;
  }
  if (auto read = read_copied_rows(columns, callback); !read) {
    connection_.cancel();
    return read;
  }
  // Whether the rows were all of them.
  return read_results(nullptr, nullptr);
}

Result<void> PostgresqlTransaction::read_copied_rows(size_t columns,
                                                     const NumbersCallback& callback) {
  NumberBatch batch(columns, callback);
  bool header = true;
  for (;;) {
    MIRROR_TRY(auto bytes, connection_.next_copied_row());
    if (bytes.empty()) return batch.flush();
    if (std::exchange(header, false)) {
      if (bytes.size() < kCopyHeaderSize ||
          std::string_view(bytes.data(), kCopySignature.size()) != kCopySignature ||
          big_endian<int32_t>(bytes.data() + 11) != 0 ||
          big_endian<int32_t>(bytes.data() + 15) != 0)
        return unexpected_copy();
      bytes = bytes.subspan(kCopyHeaderSize);
    }
    while (!bytes.empty()) {
      MIRROR_TRY(const bool row, take_copied_row(bytes, columns, batch));
      if (row) MIRROR_CHECK(batch.end_row());
    }
  }
}

Result<void> PostgresqlTransaction::run_many(std::string_view sql,
                                             std::span<const std::vector<Value>> parameter_sets,
                                             int64_t* changed) {
  MIRROR_TRY(const std::string statement, connection_.prepared(sql));
  if (PQenterPipelineMode(connection_.raw()) == 0) return connection_.error(nullptr);
  Result<void> result;
  while (result && !parameter_sets.empty()) {
    const Result<size_t> sent = send_batch(statement, parameter_sets);
    const Result<void> read = read_batch(changed);
    if (!sent)
      result = tl::unexpected(sent.error());
    else if (!read)
      result = read;
    else
      parameter_sets = parameter_sets.subspan(*sent);
  }
  if (PQexitPipelineMode(connection_.raw()) == 0 && result) return connection_.error(nullptr);
  return result;
}

// Always ends with a sync point, so that read_batch() finds its end whatever happened.
Result<size_t> PostgresqlTransaction::send_batch(
    const std::string& statement, std::span<const std::vector<Value>> parameter_sets) {
  size_t sent = 0;
  size_t bytes = 0;
  Result<void> result;
  while (result && sent < std::min(parameter_sets.size(), kPipelineStatements) &&
         bytes < kPipelineBytes) {
    result = send(statement, parameter_sets[sent]);
    bytes += parameters_.bytes();
    ++sent;
  }
  if (PQpipelineSync(connection_.raw()) == 0) return connection_.error(nullptr);
  if (!result) return tl::unexpected(result.error());
  return sent;
}

Result<void> PostgresqlTransaction::read_batch(int64_t* changed) {
  Result<void> first_error;
  bool between =
      false;  // an empty result ends each statement's results; two in a row would mean no sync
  for (;;) {
    MIRROR_TRY(const PostgresqlResult result, connection_.next_result());
    if (!result) {
      if (std::exchange(between, true))
        return fail(ErrorKind::kDatabase, "the pipeline ended without its sync point");
      continue;
    }
    between = false;
    switch (PQresultStatus(result.get())) {
      case PGRES_PIPELINE_SYNC:
        return first_error;
      case PGRES_TUPLES_OK:
      case PGRES_COMMAND_OK:
        if (changes_rows(result.get())) *changed += rows_changed(result.get());
        break;
      case PGRES_PIPELINE_ABORTED:
        break;
      default:
        if (first_error) first_error = connection_.error(result.get());
    }
  }
}

Result<void> PostgresqlDatabase::check_idle() const {
  const PGTransactionStatusType status = PQtransactionStatus(connection_->raw());
  if (status == PQTRANS_IDLE || status == PQTRANS_UNKNOWN) return {};
  return fail(ErrorKind::kConflict, "{}: a transaction is open already", url_.display());
}

Result<std::unique_ptr<Transaction>> PostgresqlDatabase::begin(TransactionMode mode) {
  MIRROR_CHECK(check_idle());
  if (mode == TransactionMode::kWrite && mode_ == OpenMode::kRead) {
    return fail(ErrorKind::kInvalid, "{}: opened for reading, asked to write", url_.display());
  }
  MIRROR_CHECK(connection_->run(mode == TransactionMode::kRead
                                    ? "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
                                    : "BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE"));
  auto transaction = std::make_unique<PostgresqlTransaction>(*connection_);
  if (mode == TransactionMode::kRead) {
    // The snapshot is taken by the first statement, not by BEGIN.
    MIRROR_CHECK(connection_->run("SELECT 1"));
  }
  return transaction;
}

Result<std::unique_ptr<Transaction>> PostgresqlDatabase::begin_at(
    std::string_view exported_snapshot) {
  MIRROR_CHECK(check_idle());
  MIRROR_CHECK(connection_->run("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"));
  auto transaction = std::make_unique<PostgresqlTransaction>(*connection_);
  // A statement that takes no parameters; the name comes from the server.
  const char* const text = exported_snapshot.data();
  char* const literal = PQescapeLiteral(connection_->raw(), text, exported_snapshot.size());
  if (literal == nullptr) return connection_->error(nullptr);
  const std::string statement = fmt::format("SET TRANSACTION SNAPSHOT {}", literal);
  PQfreemem(literal);
  MIRROR_CHECK(connection_->run(statement));
  return transaction;
}

}  // namespace

Result<std::unique_ptr<Database>> open_postgresql(const DatabaseUrl& url, OpenMode mode,
                                                  const DatabaseLimits& limits) {
  MIRROR_TRY(auto connection, PostgresqlConnection::open(url, limits));
  return std::make_unique<PostgresqlDatabase>(url, std::move(connection), mode);
}

}  // namespace mirror
