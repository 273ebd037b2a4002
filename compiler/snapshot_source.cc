#include "compiler/snapshot_source.h"

#include <fmt/format.h>

#include <vector>

#include "base/core/files.h"
#include "base/core/text.h"
#include "compiler/publish.h"
#include "schema/database/database.h"

namespace mirror {
namespace {

constexpr uint64_t kSourceSizeMax = 65536;
constexpr uint64_t kInputSizeMax = uint64_t{1} << 30;
constexpr std::string_view kFormat = "mirrorworks source 1";
constexpr std::string_view kKeys[] = {
    "snapshot: ", "database: ", "token: ", "inputs: ", "names-until: "};

std::string path_in(const SnapshotDirectory& directory) { return directory.path() + "/SOURCE"; }

Digest128 digest_of(std::string_view text) {
  return digest128({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

Result<std::string> token_now(const std::string& url_text) {
  MIRROR_TRY(const auto url, DatabaseUrl::parse(url_text));
  MIRROR_TRY(const auto database, Database::open(url, OpenMode::kRead));
  MIRROR_TRY(const auto transaction, database->begin(TransactionMode::kRead));
  auto marks = read_change_marks(*transaction, url.engine);
  if (!marks) return with_context(std::move(marks).error(), url.display());
  return marks->kind == ChangeMarksKind::kWhole ? std::move(marks->token) : std::string();
}

Result<void> compact(const std::string& url_text) {
  MIRROR_TRY(const auto url, DatabaseUrl::parse(url_text));
  MIRROR_TRY(const auto database, Database::open(url, OpenMode::kWrite));
  MIRROR_TRY(const auto transaction, database->begin(TransactionMode::kWrite));
  MIRROR_CHECK(compact_change_marks(*transaction, url.engine));
  return transaction->commit();
}

}  // namespace

std::string SnapshotSource::to_string() const {
  return fmt::format("{}\n{}{}\n{}{}\n{}{}\n{}{}\n{}{}\n", kFormat, kKeys[0], snapshot, kKeys[1],
                     database, kKeys[2], token, kKeys[3], inputs.hex(), kKeys[4], names_until);
}

std::optional<SnapshotSource> SnapshotSource::parse(std::string_view text) {
  const auto lines = split(text, '\n');
  if (lines.size() != std::size(kKeys) + 2 || lines.front() != kFormat || !lines.back().empty())
    return std::nullopt;
  std::vector<std::string_view> values;
  for (size_t i = 0; i < std::size(kKeys); ++i) {
    const auto line = lines[i + 1];
    if (!line.starts_with(kKeys[i])) return std::nullopt;
    values.push_back(line.substr(kKeys[i].size()));
  }
  const auto inputs = Digest128::from_hex(values[3]);
  const auto names_until = parse_uint64(values[4]);
  if (!inputs || !names_until || values[2].empty()) return std::nullopt;
  return SnapshotSource{std::string(values[0]), std::string(values[1]), std::string(values[2]),
                        *inputs, *names_until};
}

Result<Digest128> digest_inputs(std::span<const std::string> texts,
                                std::span<const std::string> files) {
  // The program itself decides as much as its inputs do.
  const auto program = read_file("/proc/self/exe", kInputSizeMax);
  std::string parts = program ? digest_of(*program).hex() : MIRROR_VERSION;
  for (const auto& text : texts) parts += fmt::format(" {}:{}", text.size(), text);
  for (const auto& file : files) {
    parts += ' ';
    if (file.empty()) continue;
    MIRROR_TRY(const auto contents, read_file(file, kInputSizeMax));
    parts += digest_of(contents).hex();
  }
  return digest_of(parts);
}

Result<std::optional<Current>> find_unchanged(const SnapshotDirectory& directory,
                                              const std::string& database_url,
                                              const Digest128& inputs, int64_t now,
                                              uint64_t created_at) {
  constexpr std::optional<Current> kChanged;
  const auto text = read_file(path_in(directory), kSourceSizeMax);
  const auto source = text ? SnapshotSource::parse(*text) : std::nullopt;
  if (!source || source->inputs != inputs) return kChanged;
  MIRROR_TRY(const auto url, DatabaseUrl::parse(database_url));
  if (source->database != url.display()) return kChanged;
  if (source->names_until != 0 && static_cast<int64_t>(source->names_until) <= now) return kChanged;
  const auto live = directory.current();
  if (!live || live->name.to_string() != source->snapshot) return kChanged;
  if (created_at >= live->created_at + kRenewAfterSeconds) return kChanged;
  MIRROR_TRY(const auto hold, directory.hold());
  // One that is damaged must be replaced, whatever the database says.
  if (hold || !directory.open(*live)) return kChanged;
  MIRROR_TRY(const auto token, token_now(database_url));
  if (token != source->token) return kChanged;
  return std::optional(*live);
}

void remember_source(SnapshotDirectory& directory, const SnapshotSource& source, const Log& log) {
  const auto write = [&]() -> Result<void> {
    MIRROR_TRY(const auto writer, directory.lock());
    return replace_file(path_in(directory), source.to_string());
  };
  if (const auto written = write(); !written) {
    log.info("the next compile will not know whether anything has changed: {}",
             written.error().message);
  }
}

void tidy_change_marks(const std::string& database_url, const ChangeMarks& marks, const Log& log) {
  if (marks.kind != ChangeMarksKind::kWhole || marks.rows <= kChangeRowsMax) return;
  if (const auto done = compact(database_url); !done) {
    log.info(
        "{} rows of mw_change stay (mirrorctl database triggers install, by their owner, makes "
        "them one): {}",
        marks.rows, done.error().message);
  }
}

}  // namespace mirror
