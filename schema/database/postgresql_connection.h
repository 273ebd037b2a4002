// One libpq connection in non-blocking mode (https://www.postgresql.org/docs/15/libpq-async.html):
// every wait is a poll(2) with a limit, so that a server that dies or stops in the middle gives an
// error and never a hang. Private to the PostgreSQL driver.
#pragma once

#include <libpq-fe.h>

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "schema/database/database.h"

namespace mirror {

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using PostgresqlResult = std::unique_ptr<PGresult, ClearResult>;

// A statement's parameters as libpq wants them: texts for all but blobs; types are inferred by the
// server.
class PostgresqlParameters {
 public:
  [[nodiscard]] Result<void> assign(std::span<const Value> values);
  [[nodiscard]] int count() const { return static_cast<int>(pointers_.size()); }
  [[nodiscard]] const char* const* values() const { return pointers_.data(); }
  [[nodiscard]] const int* lengths() const { return lengths_.data(); }
  [[nodiscard]] const int* formats() const { return formats_.data(); }
  [[nodiscard]] size_t bytes() const { return texts_.size(); }

 private:
  std::string texts_;  // all values, each with a NUL byte behind it
  std::vector<size_t> offsets_;
  std::vector<const char*> pointers_;
  std::vector<int> lengths_, formats_;
};

class PostgresqlConnection {
 public:
  [[nodiscard]] static Result<std::unique_ptr<PostgresqlConnection>> open(
      const DatabaseUrl& url, const DatabaseLimits& limits);
  ~PostgresqlConnection();
  PostgresqlConnection(const PostgresqlConnection&) = delete;
  PostgresqlConnection& operator=(const PostgresqlConnection&) = delete;

  [[nodiscard]] PGconn* raw() const { return connection_; }
  // The next result of what was sent; empty when there is none left. Sends what is still to be
  // sent.
  [[nodiscard]] Result<PostgresqlResult> next_result();
  // The next row of a COPY TO STDOUT that was begun; empty when there is none left.
  [[nodiscard]] Result<std::span<const char>> next_copied_row();
  // Runs a text of statements without parameters; the command tag of the last.
  [[nodiscard]] Result<std::string> run(std::string_view sql);
  // The name of the prepared statement for this text, which is prepared on first use.
  [[nodiscard]] Result<std::string> prepared(std::string_view sql);
  // After a change of the schema the plans may be wrong.
  void forget_prepared();
  // Asks the server to stop what runs and reads away its results.
  void cancel();
  // The error of a result, or of the connection.
  [[nodiscard]] tl::unexpected<Error> error(const PGresult* result) const;

 private:
  PostgresqlConnection(PGconn* connection, std::string name, const DatabaseLimits& limits)
      : connection_(connection), name_(std::move(name)), limits_(limits) {}
  [[nodiscard]] Result<void> configure();
  // Waits until the socket is readable, or writable if there is something to send.
  [[nodiscard]] Result<void> wait(bool sending);

  struct FreeMemory {
    void operator()(char* memory) const { PQfreemem(memory); }
  };

  PGconn* connection_;
  std::unique_ptr<char, FreeMemory> copied_row_;
  std::string name_;
  DatabaseLimits limits_;
  std::map<std::string, std::string, std::less<>> prepared_;
  uint64_t prepared_count_ = 0;
};

}  // namespace mirror
