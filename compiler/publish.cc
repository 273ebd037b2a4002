#include "compiler/publish.h"

#include <algorithm>
#include <vector>

namespace mirror {
namespace {

// Does this file, Current or Entry, hold the contents of that digest? One that is damaged or gone
// does not, whatever its name says: it must be replaced.
template <typename File>
bool holds(const SnapshotDirectory& directory, const File& file, const Digest128& digest) {
  return file.name.digest == digest && directory.open(file).has_value();
}

Result<void> pass_gate(const SnapshotDirectory& directory, const Current& live,
                       const SnapshotView& candidate, const PublishOptions& options,
                       const Log& log) {
  const auto old = directory.open(live);
  if (!old) {
    log.warning("the live snapshot cannot be read, so nothing is compared with it: {}",
                old.error().message);
    return {};
  }
  const auto passed = check_losses(count_contents(candidate), count_contents(old->view()));
  if (passed || !options.force) return passed;
  log.warning("published all the same, because of --force: {}", passed.error().message);
  return {};
}

}  // namespace

SnapshotCounts count_contents(const SnapshotView& view) {
  std::vector<bool> reachable(view.hosts.size());
  for (const auto& carrier : view.carriers) {
    if (carrier.url_set() != kNone && view.url_sets[carrier.url_set()].urls().count() > 0) {
      reachable[carrier.host()] = true;
    }
  }
  return {static_cast<uint64_t>(std::ranges::count(reachable, true)), view.directories.size(),
          view.repositories.size()};
}

Result<void> check_losses(const SnapshotCounts& candidate, const SnapshotCounts& live) {
  std::string losses;
  const auto compare = [&losses](std::string_view what, uint64_t now, uint64_t before) {
    if (now * 2 >= before) return;
    losses += fmt::format("{}{} of {} {} are left", losses.empty() ? "" : ", ", now, before, what);
  };
  compare("hosts with URLs", candidate.hosts_with_urls, live.hosts_with_urls);
  compare("directories", candidate.directories, live.directories);
  compare("repositories", candidate.repositories, live.repositories);
  if (losses.empty()) return {};
  return fail(ErrorKind::kRefused,
              "only {}; the live snapshot stays. If that is right, give --force", losses);
}

Result<Published> publish_snapshot(SnapshotDirectory& directory, std::string_view file_bytes,
                                   const PublishOptions& options, const Log& log) {
  // As the edge would look at it.
  auto candidate =
      validate({reinterpret_cast<const uint8_t*>(file_bytes.data()), file_bytes.size()});
  if (!candidate)
    return with_context(std::move(candidate).error(),
                        "the new snapshot is not valid: this is a bug");
  const auto digest = digest_of_file(file_bytes);

  MIRROR_TRY(auto writer, directory.lock());
  MIRROR_CHECK(writer.delete_leftovers());
  MIRROR_TRY(auto hold, directory.hold());
  std::optional<Current> live;
  if (auto current = directory.current()) {
    live = *current;
  } else if (current.error().kind != ErrorKind::kNotFound) {
    log.warning("CURRENT cannot be read, so nothing is compared with it: {}",
                current.error().message);
  }
  if (live && holds(directory, *live, digest))
    return Published{PublishOutcome::kUnchanged, *live, std::nullopt};
  if (live) MIRROR_CHECK(pass_gate(directory, *live, *candidate, options, log));
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
