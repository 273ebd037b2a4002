// Writes the synthetic world of benchmarks: rows into a database, or files with them for
// PostgreSQL, and the inputs that do not come from a database.
//
//   make_world --database URL   fills an empty database that `mirrorctl database init` made
//   make_world --copy DIR       writes DIR/TABLE.copy and DIR/load.sql, which psql -f loads into
//                               such a database; many times as fast as inserting
//   make_world --inputs DIR     writes DIR/netblocks.txt, geoip.txt and requests.txt
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "base/core/clock.h"
#include "base/core/command_line.h"
#include "base/core/files.h"
#include "base/core/progress.h"
#include "bench/world/world.h"

namespace mirror::bench {
namespace {

constexpr uint32_t kRequestCount = 100'000;

Result<void> fill_database(const World& world, const std::string& url_text) {
  MIRROR_TRY(const auto url, DatabaseUrl::parse(url_text));
  MIRROR_TRY(const auto database, Database::open(url, OpenMode::kWrite));
  MIRROR_TRY(const auto transaction, database->begin(TransactionMode::kWrite));
  const SystemClock clock;
  for (const auto& table : World::tables()) {
    Progress progress(std::string(table.name), 0, clock, false);
    std::string sql = fmt::format("INSERT INTO {} ({}) VALUES (", table.name, table.columns);
    const auto columns = 1 + std::count(table.columns.begin(), table.columns.end(), ',');
    for (long i = 1; i <= columns; ++i) sql += fmt::format("{}?{}", i == 1 ? "" : ", ", i);
    sql += ")";
    MIRROR_CHECK((world.*table.rows)([&](std::span<const Value> row) -> Result<void> {
      progress.advance();
      MIRROR_TRY([[maybe_unused]] const auto changed, transaction->execute(sql, row));
      return {};
    }));
  }
  return transaction->commit();
}

// COPY's text format; no value of the world needs an escape.
void append(std::string& line, const Value& value) {
  if (!line.empty()) line += '\t';
  std::visit(
      [&line](const auto& v) {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, std::monostate>) {
          line += "\\N";
        } else if constexpr (std::is_same_v<T, bool>) {
          line += v ? 't' : 'f';
        } else if constexpr (std::is_same_v<T, Blob>) {
          line += v.bytes;
        } else {
          fmt::format_to(std::back_inserter(line), "{}", v);
        }
      },
      value);
}

Result<void> write_copy_files(const World& world, const std::string& relative_folder) {
  // psql reads the files from its own working directory.
  const std::string folder = std::filesystem::absolute(relative_folder).string();
  std::string script = "\\set ON_ERROR_STOP on\nBEGIN;\n";
  for (const auto& table : World::tables()) {
    const std::string path = fmt::format("{}/{}.copy", folder, table.name);
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "w"),
                                                               std::fclose);
    if (!file) return fail_errno(errno, fmt::format("create {}", path));
    std::string line;
    MIRROR_CHECK((world.*table.rows)([&](std::span<const Value> row) -> Result<void> {
      line.clear();
      for (const Value& value : row) append(line, value);
      line += '\n';
      if (std::fwrite(line.data(), 1, line.size(), file.get()) != line.size())
        return fail_errno(errno, fmt::format("write {}", path));
      return {};
    }));
    script += fmt::format("\\copy {} ({}) FROM '{}'\n", table.name, table.columns, path);
    // Ids that are given do not move their sequence, and the next row would find its id taken.
    if (table.columns.starts_with("id,")) {
      script += fmt::format(
          "SELECT setval(pg_get_serial_sequence('{0}', 'id'), (SELECT max(id) FROM {0})) \\g "
          "/dev/null\n",
          table.name);
    }
  }
  return replace_file(folder + "/load.sql", script + "COMMIT;\nANALYZE;\n");
}

Result<void> write_inputs(const World& world, const std::string& folder) {
  MIRROR_CHECK(replace_file(folder + "/netblocks.txt", world.netblocks()));
  MIRROR_CHECK(replace_file(folder + "/geoip.txt", world.geoip()));
  return replace_file(folder + "/requests.txt", world.requests(kRequestCount));
}

Result<void> run(const World& world, const std::string& database, const std::string& copy,
                 const std::string& inputs) {
  if (!inputs.empty()) MIRROR_CHECK(write_inputs(world, inputs));
  if (!copy.empty()) MIRROR_CHECK(write_copy_files(world, copy));
  if (!database.empty()) MIRROR_CHECK(fill_database(world, database));
  return {};
}

}  // namespace
}  // namespace mirror::bench

int main(int argc, char** argv) {
  mirror::CommandLine line("make_world", "Writes the synthetic world of benchmarks.");
  std::string database, copy, inputs;
  int64_t seed = 1;
  int64_t scale_percent = 100;
  line.option("--database", &database, "empty database to fill", "MIRROR_DATABASE");
  line.option("--copy", &copy, "folder for files that psql loads");
  line.option("--inputs", &inputs, "folder for netblocks.txt, geoip.txt and requests.txt");
  line.option("--seed", &seed, 0, INT64_MAX, "seed");
  line.option("--scale", &scale_percent, 1, 1000, "repositories and their directories, in percent");
  if (const auto code = line.parse(argc, argv)) return *code;
  mirror::bench::WorldOptions options;
  options.seed = static_cast<uint64_t>(seed);
  options.repositories_per_category =
      static_cast<uint32_t>(options.repositories_per_category * scale_percent / 100);
  const mirror::bench::World world(options);
  if (const auto done = mirror::bench::run(world, database, copy, inputs); !done) {
    fmt::print(stderr, "make_world: {}\n", done.error().message);
    return mirror::exit_code(done.error());
  }
  return 0;
}
