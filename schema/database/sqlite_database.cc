// The SQLite driver: https://sqlite.org/c3ref/intro.html, WAL mode (https://sqlite.org/wal.html).
#include <sqlite3.h>

#include <map>
#include <utility>

#include "base/core/text.h"
#include "schema/database/drivers.h"

namespace mirror {
namespace {

struct CloseStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, CloseStatement>;

struct CloseConnection {
  void operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }
};
using Connection = std::unique_ptr<sqlite3, CloseConnection>;

// Enough for every statement of one program.
constexpr size_t kStatementsKept = 256;

class SqliteRow final : public Row {
 public:
  explicit SqliteRow(sqlite3_stmt* statement) : statement_(statement) {}

  bool is_null(int column) const override {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
  }
  int64_t int64(int column) const override { return sqlite3_column_int64(statement_, column); }
  double real(int column) const override { return sqlite3_column_double(statement_, column); }
  bool boolean(int column) const override {
    if (sqlite3_column_type(statement_, column) != SQLITE_TEXT) return int64(column) != 0;
    const std::string word = upper_ascii(trim(text(column)));
    return word == "T" || word == "TRUE" || word == "Y" || word == "YES" || word == "ON" ||
           word == "1";
  }
  std::string_view text(int column) const override {
    // The length is asked for after the conversion; a text may hold NUL bytes.
    const void* data = sqlite3_column_text(statement_, column);
    return view(data, sqlite3_column_bytes(statement_, column));
  }
  std::string_view bytes(int column) const override {
    const void* data = sqlite3_column_blob(statement_, column);
    return view(data, sqlite3_column_bytes(statement_, column));
  }

 private:
  static std::string_view view(const void* data, int size) {
    if (data == nullptr || size <= 0) return {};
    return {static_cast<const char*>(data), static_cast<size_t>(size)};
  }

  sqlite3_stmt* statement_;
};

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(DatabaseUrl url, Connection connection, OpenMode mode,
                 const DatabaseLimits& limits)
      : url_(std::move(url)), connection_(std::move(connection)), mode_(mode), limits_(limits) {}

  Engine engine() const override { return Engine::kSqlite; }
  const DatabaseUrl& url() const override { return url_; }
  Result<std::unique_ptr<Transaction>> begin(TransactionMode mode) override;
  Result<std::unique_ptr<Transaction>> begin_at(std::string_view) override {
    return fail(ErrorKind::kInvalid, "{}: SQLite exports no snapshots", url_.display());
  }
  Result<void> let_readers_and_writer_overlap() override {
    // A file system without shared memory keeps the mode that was there; that is no error.
    return script("PRAGMA journal_mode = WAL");
  }

  // What a user must grant, for errors about access.
  [[nodiscard]] std::string needs_folder() const;
  // The error that SQLite reported last, with what the user can do about it.
  [[nodiscard]] tl::unexpected<Error> error(int code) const;
  [[nodiscard]] Result<void> script(std::string_view sql);
  [[nodiscard]] Result<Statement> prepare(std::string_view sql);
  [[nodiscard]] Result<Statement> take_statement(std::string_view sql);
  void keep_statement(std::string_view sql, Statement statement);
  [[nodiscard]] bool in_transaction() const {
    return sqlite3_get_autocommit(connection_.get()) == 0;
  }
  [[nodiscard]] int64_t changes() const { return sqlite3_changes64(connection_.get()); }
  [[nodiscard]] int64_t changes_in_all() const {
    return sqlite3_total_changes64(connection_.get());
  }

 private:
  DatabaseUrl url_;
  Connection connection_;  // before the statements, which must go first
  std::map<std::string, Statement, std::less<>> statements_;
  OpenMode mode_;
  DatabaseLimits limits_;
};

class SqliteTransaction final : public Transaction {
 public:
  explicit SqliteTransaction(SqliteDatabase& database) : database_(database) {}
  ~SqliteTransaction() override {
    if (database_.in_transaction()) (void)database_.script("ROLLBACK");
  }
  using Transaction::execute;
  using Transaction::query;
  Result<void> query(std::string_view sql, std::span<const Value> parameters,
                     const RowCallback& callback) override {
    return guarded([&] { return run(sql, parameters, &callback, nullptr); });
  }
  Result<void> query_numbers(std::string_view sql, size_t columns,
                             const NumbersCallback& callback) override {
    return guarded([&] { return run_numbers(sql, columns, callback); });
  }
  Result<int64_t> execute(std::string_view sql, std::span<const Value> parameters) override {
    int64_t changed = 0;
    MIRROR_CHECK(guarded([&] { return run(sql, parameters, nullptr, &changed); }));
    return changed;
  }
  Result<int64_t> execute_many(std::string_view sql,
                               std::span<const std::vector<Value>> parameter_sets) override {
    int64_t changed = 0;
    for (const auto& parameters : parameter_sets) {
      MIRROR_CHECK(guarded([&] { return run(sql, parameters, nullptr, &changed); }));
    }
    return changed;
  }
  Result<void> execute_script(std::string_view sql) override {
    return guarded([&] { return database_.script(sql); });
  }
  Result<void> commit() override {
    return guarded([&] { return database_.script("COMMIT"); });
  }

 private:
  template <typename Work>
  Result<void> guarded(Work&& work) {
    return guard_.run(!database_.in_transaction(), work);
  }
  // Hands rows to `callback` and adds the rows changed to `changed`, as far as they are given.
  Result<void> run(std::string_view sql, std::span<const Value> parameters,
                   const RowCallback* callback, int64_t* changed);
  Result<void> run_numbers(std::string_view sql, size_t columns, const NumbersCallback& callback);
  Result<void> step(sqlite3_stmt* statement, const RowCallback* callback);

  SqliteDatabase& database_;
  TransactionGuard guard_;
};

int bind(sqlite3_stmt* statement, int index, const Value& value) {
  // The transient forms are not needed: parameters are borrowed for the call and unbound at its
  // end.
  struct Visitor {
    sqlite3_stmt* statement;
    int index;
    int operator()(std::monostate) const { return sqlite3_bind_null(statement, index); }
    int operator()(bool value) const { return sqlite3_bind_int(statement, index, value ? 1 : 0); }
    int operator()(int64_t value) const { return sqlite3_bind_int64(statement, index, value); }
    int operator()(double value) const { return sqlite3_bind_double(statement, index, value); }
    int operator()(std::string_view value) const {
      const char* data = value.empty() ? "" : value.data();
      return sqlite3_bind_text64(statement, index, data, value.size(), SQLITE_STATIC, SQLITE_UTF8);
    }
    int operator()(Blob value) const {
      const char* data = value.bytes.empty() ? "" : value.bytes.data();
      return sqlite3_bind_blob64(statement, index, data, value.bytes.size(), SQLITE_STATIC);
    }
  };
  return std::visit(Visitor{statement, index}, value);
}

Result<void> SqliteTransaction::run(std::string_view sql, std::span<const Value> parameters,
                                    const RowCallback* callback, int64_t* changed) {
  MIRROR_TRY(Statement statement, database_.take_statement(sql));
  const int wanted = sqlite3_bind_parameter_count(statement.get());
  if (wanted != static_cast<int>(parameters.size())) {
    return fail(ErrorKind::kInvalid, "a statement with {} parameters got {}: {}", wanted,
                parameters.size(), statement_for_message(sql));
  }
  for (size_t i = 0; i < parameters.size(); ++i) {
    const int code = bind(statement.get(), static_cast<int>(i) + 1, parameters[i]);
    if (code != SQLITE_OK) return database_.error(code);
  }
  const int64_t before = database_.changes_in_all();
  MIRROR_CHECK(step(statement.get(), callback));
  // The last count is only of this statement if it changed anything; what cascades changed does not
  // count.
  if (changed != nullptr && database_.changes_in_all() != before) *changed += database_.changes();
  database_.keep_statement(sql, std::move(statement));
  return {};
}

Result<void> SqliteTransaction::step(sqlite3_stmt* statement, const RowCallback* callback) {
  const SqliteRow row(statement);
  for (;;) {
    const int code = sqlite3_step(statement);
    if (code == SQLITE_DONE) return {};
    if (code != SQLITE_ROW) return database_.error(code);
    if (callback != nullptr) MIRROR_CHECK((*callback)(row));
  }
}

Result<void> SqliteTransaction::run_numbers(std::string_view sql, size_t columns,
                                            const NumbersCallback& callback) {
  MIRROR_TRY(Statement statement, database_.take_statement(sql));
  sqlite3_stmt* const raw = statement.get();
  if (sqlite3_column_count(raw) != static_cast<int>(columns)) {
    return fail(ErrorKind::kInvalid, "a statement with {} columns was expected: {}", columns,
                statement_for_message(sql));
  }
  NumberBatch batch(columns, callback);
  for (;;) {
    const int code = sqlite3_step(raw);
    if (code == SQLITE_DONE) break;
    if (code != SQLITE_ROW) return database_.error(code);
    for (int column = 0; column < static_cast<int>(columns); ++column) {
      // Anything can be anywhere: what is no number reads as Row::int64() says.
      const bool null = sqlite3_column_type(raw, column) == SQLITE_NULL;
      batch.push(null ? kNullNumber : sqlite3_column_int64(raw, column));
    }
    MIRROR_CHECK(batch.end_row());
  }
  MIRROR_CHECK(batch.flush());
  database_.keep_statement(sql, std::move(statement));
  return {};
}

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

std::string SqliteDatabase::needs_folder() const {
  const std::string folder = folder_of(url_.target);
  if (mode_ != OpenMode::kRead)
    return fmt::format("the file and its folder {} must be writable", folder);
  return fmt::format(
      "the file must be readable, and its folder {} writable: the readers of a database in WAL "
      "mode "
      "write there too",
      folder);
}

tl::unexpected<Error> SqliteDatabase::error(int code) const {
  sqlite3* connection = connection_.get();
  const std::string text = sqlite3_errmsg(connection);
  const std::string name = url_.display();
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return fail(
          ErrorKind::kConflict,
          "{}: another program is writing (or reading, if mirrorctl database upgrade has not "
          "yet let both go on at once); waited {} ms, try again when it is done",
          name, limits_.busy_timeout_ms);
    case SQLITE_CANTOPEN:
      return fail(ErrorKind::kDatabase, "{}: {}; {}", name, text, needs_folder());
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      return fail(ErrorKind::kDatabase, "{}: {}; name another file or restore it from a backup",
                  name, text);
    case SQLITE_READONLY:
      return fail(ErrorKind::kDatabase, "{}: {}; {}", name, sqlite3_errstr(code), needs_folder());
    default:
      return fail(ErrorKind::kDatabase, "{}: {}{}", name, text,
                  text.starts_with("no such ") ? kNotTheSchema : "");
  }
}

Result<void> SqliteDatabase::script(std::string_view sql) {
  const std::string terminated(sql);
  const int code = sqlite3_exec(connection_.get(), terminated.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return error(code);
  return {};
}

Result<Statement> SqliteDatabase::prepare(std::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  const char* tail = nullptr;
  const int code = sqlite3_prepare_v3(connection_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &raw, &tail);
  Statement statement(raw);
  if (code != SQLITE_OK) return with_context(error(code).value(), statement_for_message(sql));
  if (!statement || !trim(sql.substr(static_cast<size_t>(tail - sql.data()))).empty()) {
    return fail(ErrorKind::kInvalid, "one statement was expected: {}", statement_for_message(sql));
  }
  return statement;
}

Result<Statement> SqliteDatabase::take_statement(std::string_view sql) {
  if (const auto found = statements_.find(sql); found != statements_.end() && found->second) {
    return std::exchange(found->second, nullptr);
  }
  return prepare(sql);
}

void SqliteDatabase::keep_statement(std::string_view sql, Statement statement) {
  sqlite3_reset(statement.get());
  sqlite3_clear_bindings(statement.get());
  if (const auto found = statements_.find(sql); found != statements_.end()) {
    found->second = std::move(statement);
  } else if (statements_.size() < kStatementsKept) {
    statements_.emplace(sql, std::move(statement));
  }
}

Result<std::unique_ptr<Transaction>> SqliteDatabase::begin(TransactionMode mode) {
  if (in_transaction())
    return fail(ErrorKind::kConflict, "{}: a transaction is open already", url_.display());
  if (mode == TransactionMode::kWrite) {
    if (mode_ == OpenMode::kRead) {
      return fail(ErrorKind::kInvalid, "{}: opened for reading, asked to write", url_.display());
    }
    MIRROR_CHECK(script("BEGIN IMMEDIATE"));
    return std::make_unique<SqliteTransaction>(*this);
  }
  MIRROR_CHECK(script("BEGIN"));
  auto transaction = std::make_unique<SqliteTransaction>(*this);
  // The snapshot is taken by the first read, not by BEGIN.
  MIRROR_CHECK(script("SELECT 1 FROM sqlite_schema LIMIT 1"));
  return transaction;
}

// Settings of one connection. cell_size_check and trusted_schema guard against a hostile file.
Result<void> configure(SqliteDatabase& database, sqlite3* connection, OpenMode mode) {
  sqlite3_db_config(connection, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  MIRROR_CHECK(
      database.script("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
                      "PRAGMA foreign_keys = ON; PRAGMA cache_size = -65536;"));
  if (mode == OpenMode::kRead) MIRROR_CHECK(database.script("PRAGMA query_only = ON"));
  return database.script("SELECT 1 FROM sqlite_schema LIMIT 1");
}

Result<Connection> connect(const std::string& path, int flags, const std::string& name) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw,
                                   flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  Connection connection(raw);
  if (code == SQLITE_OK) return connection;
  const std::string text = raw == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(raw);
  const bool create = (flags & SQLITE_OPEN_CREATE) != 0;
  return fail((code & 0xff) == SQLITE_CANTOPEN ? ErrorKind::kNotFound : ErrorKind::kDatabase,
              "{}: {}; {}", name, text,
              create ? "the folder must exist and be writable"
                     : "the file must exist and be readable: check the path, or create it by "
                       "mirrorctl database init");
}

}  // namespace

Result<std::unique_ptr<Database>> open_sqlite(const DatabaseUrl& url, OpenMode mode,
                                              const DatabaseLimits& limits) {
  // Debian's SQLite takes "file:..." for a URI with options; ours is a path and nothing else.
  const std::string path = url.target.starts_with("/") ? url.target : "./" + url.target;
  int flags = SQLITE_OPEN_READONLY;
  if (mode == OpenMode::kWrite) flags = SQLITE_OPEN_READWRITE;
  if (mode == OpenMode::kCreate) flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  MIRROR_TRY(Connection connection, connect(path, flags, url.display()));
  sqlite3* raw = connection.get();
  sqlite3_busy_timeout(raw, limits.busy_timeout_ms);
  auto database = std::make_unique<SqliteDatabase>(url, std::move(connection), mode, limits);
  if (mode != OpenMode::kRead && sqlite3_db_readonly(raw, "main") == 1)
    return database->error(SQLITE_READONLY);
  MIRROR_CHECK(configure(*database, raw, mode));
  return database;
}

Result<std::unique_ptr<Database>> open_sqlite_in_memory() {
  MIRROR_TRY(Connection connection, connect(":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                                            "a database in memory"));
  return std::make_unique<SqliteDatabase>(DatabaseUrl{Engine::kSqlite, ":memory:"},
                                          std::move(connection), OpenMode::kCreate,
                                          DatabaseLimits{});
}

}  // namespace mirror
