#include "base/core/text.h"
#include "schema/database/drivers.h"

namespace mirror {
namespace {

constexpr std::string_view kHowTo =
    "give sqlite:PATH or postgresql://USER@HOST/DATABASE by --database or the environment variable "
    "MIRROR_DATABASE";

// The part before the first ':' or '='; whatever follows may be a password and stays out of
// messages.
std::string_view scheme_of(std::string_view text) {
  return text.substr(0, text.find_first_of(":=@/"));
}

}  // namespace

Result<DatabaseUrl> DatabaseUrl::parse(std::string_view text) {
  constexpr std::string_view kSqlite = "sqlite:";
  if (text.empty()) return fail(ErrorKind::kInvalid, "no database: {}", kHowTo);
  if (text.find('\0') != std::string_view::npos) {
    return fail(ErrorKind::kInvalid, "a database URL with a NUL byte: {}", kHowTo);
  }
  if (text.starts_with(kSqlite)) {
    const std::string_view path = text.substr(kSqlite.size());
    if (path.empty()) return fail(ErrorKind::kInvalid, "{} lacks the path: {}", text, kHowTo);
    if (path == ":memory:") {
      return fail(ErrorKind::kInvalid, "{} would end with this program: {}", text, kHowTo);
    }
    return DatabaseUrl{Engine::kSqlite, std::string(path)};
  }
  const std::string_view scheme = scheme_of(text);
  if (scheme.find('+') != std::string_view::npos) {
    return fail(ErrorKind::kInvalid,
                "{}: is no database URL of ours; drop the driver's name: {}:", scheme,
                scheme.substr(0, scheme.find('+')));
  }
  const bool uri = text.starts_with("postgresql://") || text.starts_with("postgres://");
  if (!uri &&
      (text.find('=') == std::string_view::npos || text.find("://") != std::string_view::npos)) {
    return fail(ErrorKind::kInvalid, "{} is no database URL: {}", quote_for_message(scheme, 40),
                kHowTo);
  }
  DatabaseUrl url{Engine::kPostgresql, std::string(text)};
  MIRROR_CHECK(check_postgresql_url(url.target));
  return url;
}

std::string DatabaseUrl::display() const {
  return engine == Engine::kSqlite ? "sqlite:" + target : display_postgresql_url(target);
}

std::string statement_for_message(std::string_view sql) {
  std::string line;
  for (const std::string_view part : split(sql, '\n')) {
    if (!line.empty()) line += ' ';
    line += trim(part);
  }
  return quote_for_message(trim(line), 60);
}

Result<std::unique_ptr<Database>> Database::open(const DatabaseUrl& url, OpenMode mode,
                                                 const DatabaseLimits& limits) {
  return url.engine == Engine::kSqlite ? open_sqlite(url, mode, limits)
                                       : open_postgresql(url, mode, limits);
}

}  // namespace mirror
