#include "schema/database/change_listener.h"

#include <poll.h>

#include <cerrno>
#include <chrono>
#include <string_view>
#include <thread>
#include <utility>

#include "schema/database/change_marks.h"
#include "schema/database/postgresql_connection.h"

namespace mirror {
namespace {

constexpr std::chrono::seconds kSqlitePollInterval{1};
constexpr std::chrono::seconds kStandbyPollInterval{5};

// Opened anew each time: the file of an SQLite database may have been replaced.
Result<std::string> read_token(const DatabaseUrl& url, const DatabaseLimits& limits) {
  MIRROR_TRY(const auto database, Database::open(url, OpenMode::kRead, limits));
  MIRROR_TRY(const auto transaction, database->begin(TransactionMode::kRead));
  MIRROR_TRY(auto marks, read_change_marks(*transaction, url.engine));
  switch (marks.kind) {
    case ChangeMarksKind::kAbsent:
      return fail(ErrorKind::kNotFound,
                  "{}: no triggers tell of changes: mirrorctl database triggers install",
                  url.display());
    case ChangeMarksKind::kBroken:
      return fail(ErrorKind::kNotFound, "{}: {}", url.display(), marks.problem);
    case ChangeMarksKind::kWhole:
      break;
  }
  return std::move(marks.token);
}

class PollingListener final : public ChangeListener {
 public:
  PollingListener(DatabaseUrl url, const DatabaseLimits& limits, std::string token,
                  std::chrono::seconds interval)
      : url_(std::move(url)), limits_(limits), token_(std::move(token)), interval_(interval) {}

  Result<void> wait() override {
    for (;;) {
      std::this_thread::sleep_for(interval_);
      auto token = read_token(url_, limits_);
      // A writer where readers have to wait for it; it will tell when it is done.
      if (!token && token.error().kind == ErrorKind::kConflict) continue;
      if (!token) return tl::unexpected(std::move(token).error());
      if (std::exchange(token_, *token) != *token) return {};
    }
  }

 private:
  DatabaseUrl url_;
  DatabaseLimits limits_;
  std::string token_;
  std::chrono::seconds interval_;
};

class NotifiedListener final : public ChangeListener {
 public:
  explicit NotifiedListener(std::unique_ptr<PostgresqlConnection> connection)
      : connection_(std::move(connection)) {}

  Result<void> wait() override {
    PGconn* raw = connection_->raw();
    for (;;) {
      if (take_notifications()) return {};
      // TCP's keep-alive finds out if the server has gone without a word.
      pollfd waiting{PQsocket(raw), POLLIN, 0};
      if (::poll(&waiting, 1, -1) < 0 && errno != EINTR) return fail_errno(errno, "poll");
      if (PQconsumeInput(raw) == 0) return connection_->error(nullptr);
    }
  }

 private:
  // All that have come, so that a thousand commits are one change.
  bool take_notifications() {
    bool any = false;
    while (PGnotify* notification = PQnotifies(connection_->raw())) {
      PQfreemem(notification);
      any = true;
    }
    return any;
  }

  std::unique_ptr<PostgresqlConnection> connection_;
};

}  // namespace

Result<std::unique_ptr<ChangeListener>> ChangeListener::open(const DatabaseUrl& url,
                                                             const DatabaseLimits& limits) {
  MIRROR_TRY(auto token, read_token(url, limits));
  if (url.engine == Engine::kSqlite)
    return std::make_unique<PollingListener>(url, limits, std::move(token), kSqlitePollInterval);
  MIRROR_TRY(auto connection, PostgresqlConnection::open(url, limits));
  const char* standby = PQparameterStatus(connection->raw(), "in_hot_standby");
  if (standby != nullptr && std::string_view(standby) == "on")
    return std::make_unique<PollingListener>(url, limits, std::move(token), kStandbyPollInterval);
  if (auto listening = connection->run(fmt::format("LISTEN {}", kChangeChannel)); !listening)
    return tl::unexpected(std::move(listening).error());
  return std::make_unique<NotifiedListener>(std::move(connection));
}

}  // namespace mirror
