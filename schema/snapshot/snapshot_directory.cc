#include "schema/snapshot/snapshot_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <system_error>

#include "base/core/files.h"
#include "base/core/text.h"

namespace mirror {
namespace {

constexpr uint64_t kSmallFileMax = 4096;
constexpr uint64_t kSequenceMax = 9'999'999'999;
constexpr size_t kSequenceDigits = 10;
constexpr size_t kDigestDigits = 32;
constexpr std::string_view kSuffix = ".mls";
constexpr std::string_view kTemporarySuffix = ".tmp";

// nullopt if there is no such file.
Result<std::optional<std::string>> read_if_there(const std::string& path) {
  auto bytes = read_file(path, kSmallFileMax);
  if (bytes) return std::optional(std::move(*bytes));
  if (bytes.error().system_errno == ENOENT) return std::optional<std::string>();
  return tl::unexpected(std::move(bytes).error());
}

Result<std::vector<std::string>> names_in(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
  if (directory == nullptr) return fail_errno(errno, fmt::format("open directory {}", path));
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(directory.get());
    if (entry == nullptr) break;
    names.emplace_back(entry->d_name);
  }
  if (errno != 0) return fail_errno(errno, fmt::format("read directory {}", path));
  return names;
}

std::optional<SnapshotName> parse_temporary(std::string_view file_name) {
  if (!file_name.ends_with(kTemporarySuffix)) return std::nullopt;
  file_name.remove_suffix(kTemporarySuffix.size());
  return SnapshotName::parse(file_name);
}

// A line of a HOLD file without control bytes, so that nobody's reason can forge another line.
std::string one_line(std::string_view text) {
  std::string line(trim(text));
  for (char& c : line) {
    if (is_control_byte(c)) c = ' ';
  }
  return line.substr(0, kSmallFileMax / 4);
}

}  // namespace

std::string SnapshotName::to_string() const {
  return fmt::format("{:0{}}-{}{}", sequence, kSequenceDigits, digest.hex(), kSuffix);
}

std::optional<SnapshotName> SnapshotName::parse(std::string_view file_name) {
  if (file_name.size() != kSequenceDigits + 1 + kDigestDigits + kSuffix.size()) return std::nullopt;
  if (file_name[kSequenceDigits] != '-' || !file_name.ends_with(kSuffix)) return std::nullopt;
  const auto sequence = parse_uint64(file_name.substr(0, kSequenceDigits));
  const auto digest = Digest128::from_hex(file_name.substr(kSequenceDigits + 1, kDigestDigits));
  if (!sequence || *sequence == 0 || !digest) return std::nullopt;
  return SnapshotName{*sequence, *digest};
}

std::string Current::to_string() const {
  return fmt::format("{} {} {} {}\n", name.to_string(), size, name.digest.hex(), created_at);
}

Result<Current> Current::parse(std::string_view line) {
  const auto refuse = [&line](std::string_view why) {
    return fail(ErrorKind::kInvalid, "{}: {}", why, quote_for_message(line));
  };
  if (!line.ends_with('\n')) return refuse("no line feed at the end");
  const auto fields = split(line.substr(0, line.size() - 1), ' ');
  if (fields.size() != 4) return refuse("not four fields with one blank between them");
  const auto name = SnapshotName::parse(fields[0]);
  if (!name) return refuse("the first field is not the name of a snapshot");
  const auto size = parse_uint64(fields[1]);
  if (!size || *size > kSnapshotSizeMax)
    return refuse("the second field is not the size of a snapshot");
  const auto digest = Digest128::from_hex(fields[2]);
  if (!digest || *digest != name->digest)
    return refuse("the digest differs from the one in the name");
  const auto created_at = parse_uint64(fields[3]);
  if (!created_at || *created_at > kSnapshotTimeMax) return refuse("the last field is not a time");
  return Current{*name, *size, *created_at};
}

std::string SnapshotDirectory::path_of(const SnapshotName& name) const {
  return path_ + "/" + name.to_string();
}

Result<Current> SnapshotDirectory::current() const {
  const auto path = path_ + "/CURRENT";
  auto line = read_file(path, kSmallFileMax);
  if (!line) {
    if (line.error().system_errno == ENOENT) {
      return fail(ErrorKind::kNotFound, "{}: nothing has been published there yet", path);
    }
    return tl::unexpected(std::move(line).error());
  }
  auto current = Current::parse(*line);
  if (!current) return with_context(std::move(current).error(), path);
  return current;
}

Result<std::optional<Hold>> SnapshotDirectory::hold() const {
  MIRROR_TRY(const auto text, read_if_there(path_ + "/HOLD"));
  if (!text) return std::optional<Hold>();
  // Whatever it holds, a file HOLD is a hold: an operator in a hurry may have made it with
  // touch(1).
  Hold hold;
  for (const auto line : split(*text, '\n')) {
    const auto colon = line.find(':');
    const auto value =
        colon == std::string_view::npos ? std::string_view{} : trim(line.substr(colon + 1));
    if (line.starts_with("who:")) hold.who = one_line(value);
    if (line.starts_with("when:")) hold.when = parse_uint64(value).value_or(0);
    if (hold.when > kSnapshotTimeMax) hold.when = 0;
    if (line.starts_with("why:")) hold.why = one_line(value);
  }
  return std::optional(std::move(hold));
}

Result<std::vector<SnapshotDirectory::Entry>> SnapshotDirectory::list() const {
  MIRROR_TRY(const auto names, names_in(path_));
  std::vector<Entry> entries;
  for (const auto& file_name : names) {
    const auto name = SnapshotName::parse(file_name);
    struct stat status {};
    // A file may vanish between the two calls, when another process collects.
    if (!name || ::stat((path_ + "/" + file_name).c_str(), &status) != 0) continue;
    entries.push_back({*name, static_cast<uint64_t>(status.st_size), int64_t{status.st_mtime}});
  }
  std::ranges::sort(entries, std::ranges::greater(), &Entry::name);
  return entries;
}

Result<Snapshot> SnapshotDirectory::open(const Current& current, FileCopy spare) const {
  return Snapshot::open(path_of(current.name),
                        Snapshot::Expectation{current.size, current.name.digest}, std::move(spare));
}

Result<Snapshot> SnapshotDirectory::open(const Entry& entry) const {
  return Snapshot::open(path_of(entry.name), Snapshot::Expectation{entry.size, entry.name.digest});
}

Result<SnapshotDirectory::Writer> SnapshotDirectory::lock() {
  MIRROR_TRY(auto fd, take_lock("LOCK", "another compile or rollback is at work; wait for it"));
  return Writer(*this, std::move(fd));
}

Result<UniqueFd> SnapshotDirectory::lock_watch() const {
  return take_lock("WATCH", "mirror-compile watch runs there already; stop it first");
}

Result<UniqueFd> SnapshotDirectory::take_lock(std::string_view file,
                                              std::string_view who_and_remedy) const {
  std::error_code error;
  std::filesystem::create_directories(path_, error);
  if (error) return fail_errno(error.value(), fmt::format("create directory {}", path_));
  const auto path = fmt::format("{}/{}", path_, file);
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0644));
  if (!fd.valid()) return fail_errno(errno, fmt::format("open {}", path));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail_errno(errno, fmt::format("lock {}", path));
    const auto holder = read_file(path, kSmallFileMax).value_or("");
    return fail(ErrorKind::kConflict, "{} is held by process {}: {}", path,
                holder.empty() ? "unknown" : one_line(holder), who_and_remedy);
  }
  const auto pid = fmt::format("{}\n", ::getpid());
  // Only for the message above, so a failure here does not matter.
  if (::ftruncate(fd.get(), 0) == 0)
    static_cast<void>(!::pwrite(fd.get(), pid.data(), pid.size(), 0));
  return fd;
}

Result<uint64_t> SnapshotDirectory::Writer::next_sequence() {
  const auto& directory = directory_.path();
  uint64_t last = 0;
  MIRROR_TRY(const auto text, read_if_there(directory + "/SEQUENCE"));
  if (text) {
    const auto number = parse_uint64(trim(*text));
    if (!number) {
      return fail(ErrorKind::kInvalid,
                  "{}/SEQUENCE holds no number but {}: delete it to go on after the highest number "
                  "in the directory",
                  directory, quote_for_message(*text));
    }
    last = *number;
  }
  MIRROR_TRY(const auto names, names_in(directory));
  for (const auto& file_name : names) {
    auto name = SnapshotName::parse(file_name);
    if (!name) name = parse_temporary(file_name);
    if (name) last = std::max(last, name->sequence);
  }
  if (const auto live = directory_.current()) last = std::max(last, live->name.sequence);
  if (last >= kSequenceMax)
    return fail(ErrorKind::kLimit, "{}: sequence number {} was the last", directory, last);
  MIRROR_CHECK(replace_file(directory + "/SEQUENCE", fmt::format("{}\n", last + 1)));
  return last + 1;
}

Result<Current> SnapshotDirectory::Writer::add(std::string_view file_bytes) {
  MIRROR_TRY(const auto sequence, next_sequence());
  if (file_bytes.size() < sizeof(SnapshotHeader)) {
    return fail(ErrorKind::kInvalid, "{} bytes are too few for a snapshot", file_bytes.size());
  }
  const SnapshotName name{sequence, digest_of_file(file_bytes)};
  const auto path = directory_.path_of(name);
  const auto temporary = path + std::string(kTemporarySuffix);
  const auto attempt = [&]() -> Result<Current> {
    MIRROR_CHECK(write_and_sync(temporary, file_bytes, WriteMode::kNew));
    MIRROR_TRY(const auto snapshot,
               Snapshot::open(temporary, Snapshot::Expectation{file_bytes.size(), name.digest}));
    if (::rename(temporary.c_str(), path.c_str()) != 0) {
      return fail_errno(errno, fmt::format("rename {} to {}", temporary, path));
    }
    MIRROR_CHECK(sync_directory(directory_.path()));
    return Current{name, file_bytes.size(), snapshot.view().created_at};
  };
  auto current = attempt();
  if (!current) {
    ::unlink(temporary.c_str());
    ::unlink(path.c_str());  // if only the fsync after the rename failed
  }
  return current;
}

Result<void> SnapshotDirectory::Writer::publish(const Current& current) {
  const auto path = directory_.path_of(current.name);
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return fail_errno(errno, fmt::format("stat {}", path));
  if (static_cast<uint64_t>(status.st_size) != current.size) {
    return fail(ErrorKind::kInvalid, "{}: {} bytes instead of {}", path, status.st_size,
                current.size);
  }
  return replace_file(directory_.path() + "/CURRENT", current.to_string());
}

Result<void> SnapshotDirectory::Writer::set_hold(const Hold& hold) {
  return replace_file(directory_.path() + "/HOLD",
                      fmt::format("who: {}\nwhen: {}\nwhy: {}\n", one_line(hold.who), hold.when,
                                  one_line(hold.why)));
}

Result<bool> SnapshotDirectory::Writer::release_hold() {
  const auto path = directory_.path() + "/HOLD";
  if (::unlink(path.c_str()) != 0) {
    if (errno == ENOENT) return false;
    return fail_errno(errno, fmt::format("delete {}", path));
  }
  MIRROR_CHECK(sync_directory(directory_.path()));
  return true;
}

Result<void> SnapshotDirectory::Writer::delete_leftovers() {
  MIRROR_TRY(const auto names, names_in(directory_.path()));
  for (const auto& name : names) {
    // LOCK is ours, so nobody is writing these: their writers were killed.
    const bool leftover = parse_temporary(name) || name == "CURRENT.tmp" ||
                          name == "SEQUENCE.tmp" || name == "HOLD.tmp" || name == "SOURCE.tmp";
    if (leftover) ::unlink((directory_.path() + "/" + name).c_str());
  }
  return {};
}

Result<void> SnapshotDirectory::Writer::collect(size_t keep) {
  const auto live = directory_.current();
  // Without knowing the live one nothing may be deleted.
  if (!live)
    return live.error().kind == ErrorKind::kNotFound ? Result<void>{}
                                                     : tl::unexpected(live.error());
  MIRROR_TRY(const auto held, directory_.hold());
  MIRROR_TRY(const auto entries, directory_.list());
  for (size_t i = keep; i < entries.size(); ++i) {
    const auto& name = entries[i].name;
    if (name == live->name || (held && name.sequence > live->name.sequence)) continue;
    const auto path = directory_.path_of(name);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
      return fail_errno(errno, fmt::format("delete {}", path));
  }
  return {};
}

}  // namespace mirror
