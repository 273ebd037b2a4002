#include "schema/database/postgresql_connection.h"

#include <fmt/format.h>
#include <poll.h>

#include <cerrno>
#include <limits>
#include <utility>

#include "base/core/text.h"
#include "schema/database/drivers.h"
#include "schema/database/parameters.h"

namespace mirror {
namespace {

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using Options = std::unique_ptr<PQconninfoOption, FreeOptions>;

std::string option(const Options& options, std::string_view keyword) {
  for (auto* at = options.get(); at != nullptr && at->keyword != nullptr; ++at) {
    if (keyword == at->keyword && at->val != nullptr) return at->val;
  }
  return {};
}

// libpq ends its messages with a line feed and may write several lines; ours are one line.
std::string one_line(std::string_view message) {
  std::string result;
  for (const auto line : split(trim(message), '\n')) {
    if (!result.empty()) result += "; ";
    result += trim(line);
  }
  return result;
}

void ignore_notice(void*, const char*) {}

constexpr int kText = 0, kBinary = 1;

struct ParameterWriter {
  std::string& out;
  Result<int> operator()(std::monostate) const { return kText; }
  Result<int> operator()(bool value) const { return out += value ? 't' : 'f', kText; }
  Result<int> operator()(int64_t value) const {
    return fmt::format_to(std::back_inserter(out), "{}", value), kText;
  }
  Result<int> operator()(double value) const {
    return fmt::format_to(std::back_inserter(out), "{}", value), kText;
  }
  Result<int> operator()(std::string_view value) const {
    if (value.find('\0') != std::string_view::npos) {
      return fail(ErrorKind::kInvalid, "PostgreSQL stores no text with a NUL byte: {}",
                  quote_for_message(value));
    }
    return out += value, kText;
  }
  Result<int> operator()(Blob value) const { return out += value.bytes, kBinary; }
};

}  // namespace

Result<void> check_postgresql_url(const std::string& target) {
  char* message = nullptr;
  const Options options(PQconninfoParse(target.c_str(), &message));
  const std::string why = message == nullptr ? "" : one_line(message);
  PQfreemem(message);
  if (options) return {};
  // libpq quotes parts of the text, which may be a password.
  const bool secret =
      target.find('@') != std::string::npos || target.find("password") != std::string::npos;
  return fail(ErrorKind::kInvalid,
              "not a PostgreSQL URL{}: write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, "
              "special characters percent-encoded",
              secret ? "" : " (" + why + ")");
}

std::string display_postgresql_url(const std::string& target) {
  const Options options(PQconninfoParse(target.c_str(), nullptr));
  const std::string user = option(options, "user"), host = option(options, "host");
  const std::string address = host.empty() ? option(options, "hostaddr") : host;
  const std::string port = option(options, "port"), database = option(options, "dbname");
  return fmt::format("postgresql://{}{}{}{}/{}", user.empty() ? "" : user + "@", address,
                     port.empty() ? "" : ":", port, database);
}

Result<void> PostgresqlParameters::assign(std::span<const Value> values) {
  texts_.clear();
  offsets_.clear();
  lengths_.clear();
  formats_.clear();
  for (const Value& value : values) {
    const size_t offset = texts_.size();
    MIRROR_TRY(const int format, std::visit(ParameterWriter{texts_}, value));
    const size_t length = texts_.size() - offset;
    if (length > size_t{std::numeric_limits<int>::max()} / 4) {
      return fail(ErrorKind::kLimit, "a parameter of {} bytes is too large for PostgreSQL", length);
    }
    offsets_.push_back(offset);
    lengths_.push_back(static_cast<int>(length));
    formats_.push_back(format);
    texts_ += '\0';
  }
  pointers_.clear();
  for (size_t i = 0; i < values.size(); ++i) {
    const bool null = std::holds_alternative<std::monostate>(values[i]);
    pointers_.push_back(null ? nullptr : texts_.data() + offsets_[i]);
  }
  return {};
}

PostgresqlConnection::~PostgresqlConnection() { PQfinish(connection_); }

Result<std::unique_ptr<PostgresqlConnection>> PostgresqlConnection::open(
    const DatabaseUrl& url, const DatabaseLimits& limits) {
  const std::string connect_timeout = fmt::format("{}", limits.connect_timeout_s);
  // What comes before "dbname", which holds the URL, yields to it; what comes after beats it.
  const char* const keywords[] = {"connect_timeout",
                                  "fallback_application_name",
                                  "keepalives_idle",
                                  "keepalives_interval",
                                  "keepalives_count",
                                  "tcp_user_timeout",
                                  "dbname",
                                  "client_encoding",
                                  nullptr};
  const char* const values[] = {connect_timeout.c_str(), "mirrorworks", "30",   "10", "3", "60000",
                                url.target.c_str(),      "UTF8",        nullptr};
  PGconn* raw = PQconnectdbParams(keywords, values, 1);
  if (raw == nullptr) return fail(ErrorKind::kSystem, "{}: out of memory", url.display());
  std::unique_ptr<PostgresqlConnection> connection(
      new PostgresqlConnection(raw, url.display(), limits));
  if (PQstatus(raw) != CONNECTION_OK) {
    return fail(ErrorKind::kDatabase,
                "{}: cannot connect: {}; check the URL and that the server runs", url.display(),
                one_line(PQerrorMessage(raw)));
  }
  if (PQserverVersion(raw) < 120000) {
    return fail(ErrorKind::kDatabase, "{}: PostgreSQL {} is too old, 12 or newer is needed",
                url.display(), PQserverVersion(raw) / 10000);
  }
  MIRROR_CHECK(connection->configure());
  return connection;
}

Result<void> PostgresqlConnection::configure() {
  PQsetNoticeProcessor(connection_, ignore_notice, nullptr);
  if (PQsetnonblocking(connection_, 1) != 0) return error(nullptr);
  // Timestamps have no zone in this schema: they agree only if every session is in UTC.
  MIRROR_CHECK(
      run("SET TIME ZONE 'UTC'; SET datestyle = 'ISO, YMD'; SET bytea_output = 'hex';"
          "SET standard_conforming_strings = on;"));
  MIRROR_CHECK(
      run(fmt::format("SELECT set_config('lock_timeout', '{}', false)"
                      " WHERE current_setting('lock_timeout') = '0';"
                      "SELECT set_config('statement_timeout', '{}', false)"
                      " WHERE current_setting('statement_timeout') = '0';",
                      limits_.busy_timeout_ms, limits_.statement_timeout_ms)));
  return {};
}

Result<void> PostgresqlConnection::wait(bool sending) {
  pollfd poll_fd{PQsocket(connection_), static_cast<short>(sending ? POLLIN | POLLOUT : POLLIN), 0};
  if (poll_fd.fd < 0) return error(nullptr);
  const int64_t limit_ms =
      std::min<int64_t>(limits_.silence_timeout_ms, std::numeric_limits<int>::max());
  int ready = 0;
  // A signal restarts the wait: no program of ours is sent signals so often that this would matter.
  do {
    ready = ::poll(&poll_fd, 1, static_cast<int>(limit_ms));
  } while (ready < 0 && errno == EINTR);
  if (ready < 0) return fail_errno(errno, name_ + ": poll");
  if (ready == 0) {
    return fail(ErrorKind::kDatabase,
                "{}: the server has been silent for {} ms; is it stopped or cut off?", name_,
                limit_ms);
  }
  if ((poll_fd.revents & (POLLIN | POLLERR | POLLHUP)) != 0 && PQconsumeInput(connection_) == 0) {
    return error(nullptr);
  }
  return {};
}

Result<PostgresqlResult> PostgresqlConnection::next_result() {
  for (;;) {
    const int flushed = PQflush(connection_);
    if (flushed < 0) return error(nullptr);
    if (flushed == 0 && PQisBusy(connection_) == 0)
      return PostgresqlResult(PQgetResult(connection_));
    MIRROR_CHECK(wait(flushed == 1));
  }
}

Result<std::span<const char>> PostgresqlConnection::next_copied_row() {
  for (;;) {
    char* row = nullptr;
    const int size = PQgetCopyData(connection_, &row, 1);
    copied_row_.reset(row);
    if (size > 0) return std::span<const char>(row, static_cast<size_t>(size));
    if (size == -1) return std::span<const char>();
    if (size < -1) return error(nullptr);
    MIRROR_CHECK(wait(false));
  }
}

Result<std::string> PostgresqlConnection::run(std::string_view sql) {
  const std::string terminated(sql);
  if (PQsendQuery(connection_, terminated.c_str()) == 0) return error(nullptr);
  std::string tag;
  Result<void> first_error;
  for (;;) {
    MIRROR_TRY(const PostgresqlResult result, next_result());
    if (!result) break;
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
      tag = PQcmdStatus(result.get());
    else if (first_error)
      first_error = error(result.get());
  }
  MIRROR_CHECK(first_error);
  return tag;
}

Result<std::string> PostgresqlConnection::prepared(std::string_view sql) {
  if (const auto found = prepared_.find(sql); found != prepared_.end()) return found->second;
  const std::string name = fmt::format("mw_{}", ++prepared_count_);
  if (PQsendPrepare(connection_, name.c_str(), dollar_parameters(sql).c_str(), 0, nullptr) == 0) {
    return error(nullptr);
  }
  Result<void> first_error;
  for (;;) {
    MIRROR_TRY(const PostgresqlResult result, next_result());
    if (!result) break;
    if (PQresultStatus(result.get()) != PGRES_COMMAND_OK && first_error)
      first_error = error(result.get());
  }
  if (!first_error) return with_context(first_error.error(), statement_for_message(sql));
  prepared_.emplace(sql, name);
  return name;
}

void PostgresqlConnection::forget_prepared() {
  if (!prepared_.empty()) (void)run("DEALLOCATE ALL");
  prepared_.clear();
}

void PostgresqlConnection::cancel() {
  if (PGcancel* handle = PQgetCancel(connection_); handle != nullptr) {
    char message[256];
    (void)PQcancel(handle, message, sizeof message);
    PQfreeCancel(handle);
  }
  for (;;) {
    const Result<PostgresqlResult> result = next_result();
    if (!result || !*result) return;
    if (PQresultStatus(result->get()) != PGRES_COPY_OUT) continue;
    for (;;) {
      const auto row = next_copied_row();
      if (!row) return;
      if (row->empty()) break;
    }
  }
}

tl::unexpected<Error> PostgresqlConnection::error(const PGresult* result) const {
  const char* state = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const std::string_view code = state == nullptr ? "" : state;
  const std::string text =
      one_line(result == nullptr ? PQerrorMessage(connection_) : PQresultErrorMessage(result));
  if (PQstatus(connection_) != CONNECTION_OK) {
    return fail(ErrorKind::kDatabase, "{}: the connection was lost: {}", name_, text);
  }
  // Serialization failure, deadlock, lock timeout: somebody else was at it.
  const bool conflict = code == "40001" || code == "40P01" || code == "55P03";
  std::string_view remedy;
  if (conflict) remedy = "; another program is writing, try again when it is done";
  if (code == "42P01" || code == "42703") remedy = kNotTheSchema;
  return fail(conflict ? ErrorKind::kConflict : ErrorKind::kDatabase, "{}: {}{}", name_, text,
              remedy);
}

}  // namespace mirror
