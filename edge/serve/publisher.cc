#include "edge/serve/publisher.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

#include "base/core/assert.h"
#include "edge/serve/limits.h"

namespace mirror {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;
// Update scripts write in place: a file that is still changing is left alone until it has stood
// still for so long.
constexpr int64_t kGeoSettleMs = 500;

// Of the machine and not of the file: the same file may be good in a moment.
bool is_passing(const Error& error) { return is_exhaustion(error) || error.system_errno == EIO; }

int64_t nanoseconds(const timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

std::string_view name_of(GenerationState state) {
  switch (state) {
    case GenerationState::kAwaited:
      return "awaited";
    case GenerationState::kVerified:
      return "verified";
    case GenerationState::kCurrent:
      return "current";
    case GenerationState::kCooling:
      return "cooling";
    case GenerationState::kRetired:
      return "retired";
    case GenerationState::kRefused:
      return "refused";
  }
  return "";
}

Publisher::Publisher(Options options, const Clock& clock, const Log& log, GenerationSink& sink,
                     SnapshotLoader* loader)
    : options_(std::move(options)),
      clock_(clock),
      log_(log),
      sink_(sink),
      loader_(loader),
      directory_(options_.snapshots) {}

Publisher::~Publisher() = default;

Result<void> Publisher::start() {
  if (!options_.geoip.empty()) {
    geo_identity_ = identify(options_.geoip);
    MIRROR_CHECK(open_geo());
  }
  look(true);
  started_ = true;
  return {};
}

void Publisher::look(bool forced) {
  if (loading_) {
    look_again_ = true;
    look_again_forced_ = look_again_forced_ || forced;
    return;
  }
  const bool new_geo = look_at_geo(forced);
  const uint64_t before = next_ordinal_;
  look_at_snapshot(forced);
  // A snapshot that is being loaded takes the new database along.
  if (new_geo && snapshot_ != nullptr && !loading_ && next_ordinal_ == before) publish();
  collect();
}

Publisher::FileIdentity Publisher::identify(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  return {true, status.st_ino, static_cast<uint64_t>(status.st_size), nanoseconds(status.st_mtim),
          nanoseconds(status.st_ctim)};
}

void Publisher::look_at_snapshot(bool forced) {
  const auto current = directory_.current();
  if (!current) {
    forget_awaited();
    look_at_missing_current(current.error());
    return;
  }
  current_fault_.clear();
  wanted_ = *current;
  if (awaited_ && awaited_->current != *current) forget_awaited();
  if (served_ == *current) {
    rejected_.reset();
    return;
  }
  const auto identity = identify(directory_.path_of(current->name));
  if (!forced && rejected_ && rejected_->current == *current && rejected_->identity == identity)
    return;
  const bool whole = identity.exists && identity.size >= current->size;
  if (whole) {
    load(*current, identity);
  } else {
    await(*current, identity);
  }
}

void Publisher::look_at_missing_current(const Error& error) {
  wanted_.reset();
  if (current_fault_ == error.message) return;
  current_fault_ = error.message;
  if (error.kind == ErrorKind::kNotFound && served_ == std::nullopt) {
    log_.warning(
        "{}: no snapshot is published in {} yet; requests are answered with 503 until "
        "mirror-compile "
        "publishes one",
        error.message, options_.snapshots);
    return;
  }
  refuse(options_.snapshots + "/CURRENT", error.message);
}

void Publisher::await(const Current& current, const FileIdentity& identity) {
  const int64_t now = clock_.monotonic_ns();
  const auto file = current.name.to_string();
  if (!awaited_) {
    awaited_ = Awaited{current, now};
    set_state(record_of(current), GenerationState::kAwaited);
    log_.info("{}: CURRENT names it, {} of {} bytes are there; waiting for the rest", file,
              identity.size, current.size);
  }
  if (now - awaited_->since_ns < static_cast<int64_t>(options_.await_timeout_ms) * kNsPerMs) return;
  awaited_.reset();
  rejected_ = Rejected{current, identity};
  set_state(record_of(current), GenerationState::kRefused);
  refuse(file,
         identity.exists
             ? fmt::format("still only {} of {} bytes after {} seconds", identity.size,
                           current.size, options_.await_timeout_ms / 1000)
             : fmt::format("still not there after {} seconds", options_.await_timeout_ms / 1000));
}

void Publisher::forget_awaited() {
  if (!awaited_) return;
  awaited_.reset();
  std::erase_if(records_,
                [](const auto& record) { return record.state == GenerationState::kAwaited; });
}

void Publisher::load(const Current& current, const FileIdentity& identity) {
  awaited_.reset();
  loading_ = true;
  const auto job = [directory = directory_, current, spare = spare_]() -> Result<Snapshot> {
    try {
      return directory.open(current, spare->take());
    } catch (const std::bad_alloc&) {
      return fail_errno(ENOMEM, "checking the snapshot");
    }
  };
  const auto done = [this, current, identity](Result<Snapshot> opened) {
    finish_load(current, identity, std::move(opened));
  };
  if (started_ && loader_ != nullptr) {
    loader_->load(job, done);
  } else {
    done(job());
  }
}

void Publisher::finish_load(const Current& current, const FileIdentity& identity,
                            Result<Snapshot> opened) {
  loading_ = false;
  rejected_.reset();
  auto& record = record_of(current);
  if (opened) {
    set_state(record, GenerationState::kVerified);
    snapshot_ = share(std::move(*opened));
    served_ = current;
    publish();
    collect();
  } else {
    if (!is_passing(opened.error())) rejected_ = Rejected{current, identity};
    set_state(record, GenerationState::kRefused);
    refuse(current.name.to_string(), opened.error().message);
  }
  if (std::exchange(look_again_, false)) look(std::exchange(look_again_forced_, false));
  if (started_) sink_.load_ended();
}

std::shared_ptr<const Snapshot> Publisher::share(Snapshot opened) const {
  auto give_back = [spare = spare_](Snapshot* snapshot) {
    spare->give(std::move(*snapshot).take_file());
    delete snapshot;
  };
  return {new Snapshot(std::move(opened)), std::move(give_back)};
}

bool Publisher::look_at_geo(bool forced) {
  if (options_.geoip.empty()) return false;
  const auto identity = identify(options_.geoip);
  if (identity == geo_identity_ && !(forced && geo_refused_)) {
    geo_pending_.reset();
    return false;
  }
  if (!forced && !geo_has_settled(identity)) return false;
  geo_pending_.reset();
  geo_identity_ = identity;
  const auto opened = open_geo();
  geo_refused_ = !opened;
  if (geo_refused_) {
    if (is_passing(opened.error())) geo_identity_ = {};
    refuse(options_.geoip, opened.error().message);
  }
  return !geo_refused_;
}

bool Publisher::geo_has_settled(const FileIdentity& identity) {
  const int64_t now = clock_.monotonic_ns();
  if (!geo_pending_ || geo_pending_->identity != identity) {
    geo_pending_ = GeoPending{identity, now};
    return false;
  }
  return now - geo_pending_->since_ns >= kGeoSettleMs * kNsPerMs;
}

Result<void> Publisher::open_geo() {
  auto opened = GeoDatabase::open(options_.geoip);
  if (!opened) return with_context(std::move(opened).error(), "opening the GeoIP database");
  geo_ = std::move(*opened);
  log_.info("read the GeoIP database {} ({})", options_.geoip, geo_->database_type());
  return {};
}

void Publisher::publish() {
  MIRROR_ASSERT(served_.has_value());
  auto generation = std::make_unique<Generation>();
  const Generation* previous = current();
  generation->ordinal = next_ordinal_++;
  generation->sequence = served_->name.sequence;
  if (previous != nullptr && previous->snapshot == snapshot_)
    generation->revision = previous->revision + 1;
  generation->snapshot = snapshot_;
  generation->geo = geo_;
  for (auto& record : records_) {
    if (record.state == GenerationState::kCurrent) set_state(record, GenerationState::kCooling);
  }
  auto& record = record_of(*served_);
  record.label = generation->label();
  record.ordinal = generation->ordinal;
  set_state(record, GenerationState::kCurrent);
  log_.info("generation {} is served now: {}, {} bytes", record.label, record.file, record.size);
  generations_.push_back(std::move(generation));
  sink_.publish(*generations_.back());
}

const Generation* Publisher::find(uint64_t ordinal) const {
  for (const auto& generation : generations_) {
    if (generation->ordinal == ordinal) return generation.get();
  }
  return nullptr;
}

void Publisher::collect() {
  if (generations_.size() < 2) return;
  const uint64_t lowest = sink_.lowest_adopted_ordinal();
  while (generations_.size() > 1 && generations_.front()->ordinal < lowest) {
    retire(std::move(generations_.front()));
    generations_.erase(generations_.begin());
  }
}

void Publisher::retire(std::unique_ptr<Generation> generation) {
  for (auto& record : records_) {
    if (record.ordinal == generation->ordinal) set_state(record, GenerationState::kRetired);
  }
  ++retired_count_;
  log_.debug("generation {} is retired", generation->label());
#ifdef MIRROR_DEBUG_CHECKS
  if (generation->snapshot.use_count() == 1) generation->snapshot->file().forbid_access();
  std::swap(sealed_, generation);
#endif
  if (started_ && loader_ != nullptr && generation != nullptr)
    loader_->dispose(std::move(generation));
}

void Publisher::retire_all() {
  snapshot_.reset();
  for (auto& generation : generations_) retire(std::move(generation));
  generations_.clear();
}

void Publisher::refuse(const std::string& what, const std::string& reason) {
  ++refused_count_;
  refusals_.push_front({clock_.unix_seconds(), what, reason});
  if (refusals_.size() > kRefusalsKept) refusals_.pop_back();
  const Generation* serving = current();
  log_.error("refused {}: {}; {}", what, reason,
             serving == nullptr ? std::string("there is nothing to serve yet")
                                : fmt::format("generation {} stays", serving->label()));
}

GenerationRecord& Publisher::record_of(const Current& current) {
  const auto file = current.name.to_string();
  // What was published keeps its record: the same snapshot with a new GeoIP database gets another
  // one.
  if (!records_.empty() && records_.front().file == file && records_.front().ordinal == 0)
    return records_.front();
  if (records_.size() == kRecordsKept) {
    const auto in_use = [](const auto& record) {
      return record.state == GenerationState::kCurrent || record.state == GenerationState::kCooling;
    };
    const auto oldest = std::find_if_not(records_.rbegin(), records_.rend(), in_use);
    if (oldest != records_.rend()) records_.erase(std::next(oldest).base());
  }
  records_.push_front({std::to_string(current.name.sequence), file, GenerationState::kAwaited,
                       clock_.unix_seconds(), 0, current.created_at, current.size});
  return records_.front();
}

void Publisher::set_state(GenerationRecord& record, GenerationState state) {
  record.state = state;
  record.since = clock_.unix_seconds();
  log_.debug("generation {} is {}", record.label, name_of(state));
}

}  // namespace mirror
