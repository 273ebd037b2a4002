#include "compiler/publish.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <span>

#include "base/core/text.h"

namespace mirror {
namespace {

constexpr size_t kReasonShown = 500;  // bytes
constexpr size_t kObjectionsShown = 50;

// Does this file, Current or Entry, hold the contents of that digest? One that is damaged or gone
// does not, whatever its name says: it must be replaced.
template <typename File>
bool holds(const SnapshotDirectory& directory, const File& file, const Digest128& digest) {
  return file.name.digest == digest && directory.open(file).has_value();
}

// What is live as the gates see it.
struct Live {
  std::optional<Current> current;
  bool is_damaged = false;  // CURRENT is there and cannot be read
};

// What to compare a new snapshot with: the live one; if that cannot be read, the newest one before
// it that can, since a damaged file must not open the gates. Later ones were rolled back.
Result<std::optional<Snapshot>> open_predecessor(const SnapshotDirectory& directory,
                                                 const Live& live,
                                                 std::span<const SnapshotDirectory::Entry> entries,
                                                 const Log& log) {
  if (live.current) {
    auto opened = directory.open(*live.current);
    if (opened) return std::optional(std::move(*opened));
    // EFBIG: memory obeys the limit of file sizes, too.
    if (is_exhaustion(opened.error()) || opened.error().system_errno == EFBIG)
      return tl::unexpected(std::move(opened).error());
    log.warning("the live snapshot cannot be read: {}", opened.error().message);
  }
  for (const auto& entry : entries) {
    if (live.current && entry.name.sequence > live.current->name.sequence) continue;
    auto opened = directory.open(entry);
    if (!opened) continue;
    log.warning("compared with generation {}", entry.name.sequence);
    return std::optional(std::move(*opened));
  }
  return std::optional<Snapshot>();
}

// Everything that stands against publishing the candidate, a sentence each.
Result<std::vector<std::string>> find_objections(const SnapshotDirectory& directory,
                                                 const Live& live, const SnapshotView& candidate,
                                                 const Digest128& digest,
                                                 const PublishOptions& options, const Log& log) {
  MIRROR_TRY(const auto entries, directory.list());
  MIRROR_TRY(const auto before, open_predecessor(directory, live, entries, log));
  // The first one of a directory has lost nothing of itself.
  auto objections =
      options.limits.objections(find_losses(before ? before->view() : candidate, candidate));
  const bool is_first = !live.current && !live.is_damaged && entries.empty();
  const bool restores = live.current && live.current->name.digest == digest;
  if (!before && !is_first && !restores)
    objections.emplace_back("no snapshot is left that is whole, to compare the new one with");
  auto failed = failed_canaries(candidate, options.canaries);
  std::ranges::move(failed, std::back_inserter(objections));
  return objections;
}

template <typename Say>
void tell(const std::vector<std::string>& objections, Say say) {
  for (size_t i = 0; i < std::min(objections.size(), kObjectionsShown); ++i) say(objections[i]);
  if (objections.size() > kObjectionsShown)
    say(fmt::format("... and {} more", objections.size() - kObjectionsShown));
}

Result<void> pass_gates(const std::vector<std::string>& objections,
                        const std::optional<Current>& live, const PublishOptions& options,
                        const Log& log) {
  const auto reason = quote_for_message(options.force_reason, kReasonShown);
  if (objections.empty()) {
    if (!options.force_reason.empty())
      log.warning("--force {} was not needed; leave it out, so that the gates stand", reason);
    return {};
  }
  if (!options.force_reason.empty()) {
    tell(objections, [&log](const auto& line) { log.warning("overridden: {}", line); });
    log.warning("goes on all the same, because of --force {}", reason);
    return {};
  }
  tell(objections, [&log](const auto& line) { log.error("{}", line); });
  return fail(
      ErrorKind::kRefused,
      "refused for {} reason{}; {}. If the new snapshot is right, give --force REASON",
      objections.size(), objections.size() == 1 ? "" : "s",
      live ? fmt::format("generation {} stays live", live->name.sequence) : "nothing is published");
}

}  // namespace

Result<Published> publish_snapshot(SnapshotDirectory& directory, std::string_view file_bytes,
                                   const PublishOptions& options, const Log& log) {
  // As the edge would look at it.
  auto candidate =
      validate({reinterpret_cast<const uint8_t*>(file_bytes.data()), file_bytes.size()});
  if (!candidate) {
    const bool too_large = candidate.error().kind == ErrorKind::kLimit;
    return with_context(std::move(candidate).error(),
                        too_large ? "no edge would take the new snapshot"
                                  : "the new snapshot is not valid: this is a bug");
  }
  const auto digest = digest_of_file(file_bytes);

  MIRROR_TRY(auto writer, directory.lock());
  MIRROR_CHECK(writer.delete_leftovers());
  MIRROR_TRY(auto hold, directory.hold());
  Live live;
  if (auto current = directory.current()) {
    live.current = *current;
  } else if (current.error().kind != ErrorKind::kNotFound) {
    live.is_damaged = true;
    log.warning("CURRENT cannot be read: {}", current.error().message);
  }
  if (live.current && candidate->created_at < live.current->created_at + kRenewAfterSeconds &&
      holds(directory, *live.current, digest)) {
    // What was forced is not forgotten.
    tell(failed_canaries(*candidate, options.canaries),
         [&log](const auto& line) { log.warning("of the live snapshot: {}", line); });
    return Published{PublishOutcome::kUnchanged, *live.current, std::nullopt};
  }
  MIRROR_TRY(const auto objections,
             find_objections(directory, live, *candidate, digest, options, log));
  MIRROR_CHECK(pass_gates(objections, live.current, options, log));
  if (hold) {
    // While nothing moves, equal snapshots must not pile up.
    MIRROR_TRY(const auto entries, directory.list());
    if (!entries.empty() && holds(directory, entries.front(), digest)) {
      return Published{PublishOutcome::kHeld,
                       {entries.front().name, entries.front().size, candidate->created_at},
                       hold};
    }
  }
  MIRROR_TRY(const auto added, writer.add(file_bytes));
  if (!hold) MIRROR_CHECK(writer.publish(added));
  if (const auto collected = writer.collect(options.keep); !collected) {
    log.warning("old snapshots stay: {}", collected.error().message);
  }
  return Published{hold ? PublishOutcome::kHeld : PublishOutcome::kPublished, added, hold};
}

}  // namespace mirror
