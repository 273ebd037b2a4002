#include "tests/system/test_database.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

namespace mirror {
namespace {

constexpr const char* kServer = "MIRROR_TEST_POSTGRESQL";

// CREATE and DROP DATABASE refuse to run in a transaction, so that the access layer cannot do them.
Result<void> run_on_server(const std::string& sql) {
  const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(std::getenv(kServer)),
                                                                &PQfinish);
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection.get(), sql.c_str()),
                                                             &PQclear);
  if (PQresultStatus(result.get()) == PGRES_COMMAND_OK) return {};
  return fail(ErrorKind::kDatabase, "{}: {}", sql, PQerrorMessage(connection.get()));
}

Result<std::string> make_folder() {
  std::error_code code;
  std::string path = (std::filesystem::temp_directory_path(code) / "mirror_sqlite.XXXXXX").string();
  if (::mkdtemp(path.data()) == nullptr) return fail_errno(errno, "mkdtemp " + path);
  return path;
}

}  // namespace

bool TestDatabase::available(Engine engine) {
  return engine == Engine::kSqlite || std::getenv(kServer) != nullptr;
}

Result<std::unique_ptr<TestDatabase>> TestDatabase::create(Engine engine) {
  static std::atomic<int> count = 0;
  std::unique_ptr<TestDatabase> database(new TestDatabase);
  if (engine == Engine::kSqlite) {
    MIRROR_TRY(database->folder_, make_folder());
    database->url_ = "sqlite:" + database->folder_ + "/test.sqlite";
    return database;
  }
  database->name_ = fmt::format("test_{}_{}", ::getpid(), ++count);
  MIRROR_CHECK(run_on_server("CREATE DATABASE " + database->name_));
  // postgresql://mirror@/mirror?host=FOLDER: with_postgresql writes it so.
  std::string url = std::getenv(kServer);
  const size_t begin = url.find("@/") + 2;
  database->url_ = url.replace(begin, url.find('?') - begin, database->name_);
  return database;
}

TestDatabase::~TestDatabase() {
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
  if (!name_.empty()) (void)run_on_server("DROP DATABASE IF EXISTS " + name_ + " WITH (FORCE)");
}

Result<std::unique_ptr<Database>> TestDatabase::open(OpenMode mode,
                                                     const DatabaseLimits& limits) const {
  MIRROR_TRY(const DatabaseUrl url, DatabaseUrl::parse(url_));
  return Database::open(url, mode, limits);
}

}  // namespace mirror
