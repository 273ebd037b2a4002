// Decides which generation is served. Everything that tells it to look (directory events, SIGHUP, a
// poll) is only a hint: it reads CURRENT again, and what CURRENT names is opened and validated
// here before the workers hear of it. A bad snapshot or GeoIP database is refused with a
// reason and counted, and the generation that is served stays. A file that CURRENT names and that
// is not there, or not all of it, is awaited first, since copying tools may send CURRENT before it.
//
// Lives on the control thread, which may block here; the workers are behind GenerationSink.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/clock.h"
#include "base/core/log.h"
#include "edge/serve/generation.h"
#include "edge/serve/spare_copy.h"
#include "schema/snapshot/snapshot_directory.h"

namespace mirror {

// The workers as the publisher sees them.
class GenerationSink {
 public:
  virtual ~GenerationSink() = default;
  // Hands the generation to every worker. It stays alive until all of them have adopted a later
  // one.
  virtual void publish(const Generation& generation) = 0;
  // Of the generations that the workers have adopted, the earliest; 0 if some worker has none yet.
  [[nodiscard]] virtual uint64_t lowest_adopted_ordinal() const = 0;
  // A snapshot has been loaded, or refused, in the background; Publisher::waiting() may have
  // changed.
  virtual void load_ended() = 0;
};

// Where the work is done that takes long: copying a snapshot into memory, checking it, and giving
// memory back.
class SnapshotLoader {
 public:
  virtual ~SnapshotLoader() = default;
  using Job = std::function<Result<Snapshot>()>;
  using Done = std::function<void(Result<Snapshot>)>;
  // Runs the job, then `done` with its result on the control thread, later or at once. One job at a
  // time.
  virtual void load(Job job, Done done) = 0;
  // Frees a generation that nobody uses, sooner or later.
  virtual void dispose(std::shared_ptr<const Generation> generation) = 0;
};

enum class GenerationState : uint8_t {
  kAwaited,   // CURRENT names it, but its file is not whole
  kVerified,  // in memory, and every invariant holds
  kCurrent,   // handed to the workers
  kCooling,   // replaced, but some worker has not adopted its successor
  kRetired,   // its memory is given back
  kRefused,   // see the reason
};
[[nodiscard]] std::string_view name_of(GenerationState state);

// One generation, for the status: also those that are gone or never were.
struct GenerationRecord {
  std::string label;
  std::string file;
  GenerationState state = GenerationState::kAwaited;
  int64_t since = 0;     // Unix seconds: when it came into this state
  uint64_t ordinal = 0;  // 0: it was never published
  uint64_t created_at = 0;
  uint64_t size = 0;
};

struct RefusalRecord {
  int64_t time = 0;
  std::string what;  // the file
  std::string reason;
};

class Publisher {
 public:
  struct Options {
    std::string snapshots;
    std::string geoip;  // "": everybody is in no country
    uint64_t await_timeout_ms = 120000;
  };

  // The references must outlive the object; `loader` must not call back once it is gone. Without a
  // loader everything is done at once.
  Publisher(Options options, const Clock& clock, const Log& log, GenerationSink& sink,
            SnapshotLoader* loader = nullptr);
  ~Publisher();

  // Opens the GeoIP database, which must be good at the start, and looks for the first time; what
  // it finds is loaded at once.
  [[nodiscard]] Result<void> start();
  // Reads CURRENT and the GeoIP file again; while something is being loaded, as soon as that is
  // done. `forced` (SIGHUP): also what was refused before. What was refused for a passing fault of
  // the machine (no memory, no descriptor) is tried every time.
  void look(bool forced);
  // Frees the generations that no worker uses any more.
  void collect();
  // Frees all. REQUIRES: the workers have ended.
  void retire_all();

  // Something is awaited: look again within a second.
  [[nodiscard]] bool waiting() const { return awaited_.has_value() || geo_pending_.has_value(); }
  [[nodiscard]] bool cooling() const { return generations_.size() > 1; }
  // What is served; nullptr before the first good snapshot.
  [[nodiscard]] const Generation* current() const {
    return generations_.empty() ? nullptr : generations_.back().get();
  }
  // One that is served, or that some worker has not yet left; nullptr if it is gone.
  [[nodiscard]] const Generation* find(uint64_t ordinal) const;
  // The database of the next generation; may be null.
  [[nodiscard]] const GeoDatabase* geo() const { return geo_.get(); }
  // What CURRENT named when it was read last.
  [[nodiscard]] const std::optional<Current>& wanted() const { return wanted_; }
  [[nodiscard]] const std::deque<GenerationRecord>& records() const { return records_; }
  [[nodiscard]] const std::deque<RefusalRecord>& refusals() const { return refusals_; }
  [[nodiscard]] uint64_t refused_count() const { return refused_count_; }
  [[nodiscard]] uint64_t published_count() const { return next_ordinal_ - 1; }
  // Generations freed; each was published once.
  [[nodiscard]] uint64_t retired_count() const { return retired_count_; }
  [[nodiscard]] const Options& options() const { return options_; }

 private:
  // Tells whether a file is still the one that was looked at before. Absent files are equal.
  struct FileIdentity {
    bool exists = false;
    ino_t inode = 0;
    uint64_t size = 0;
    int64_t modified_ns = 0;
    int64_t changed_ns = 0;
    bool operator==(const FileIdentity&) const = default;
  };
  struct Awaited {
    Current current;
    int64_t since_ns = 0;
  };
  struct Rejected {
    Current current;
    FileIdentity identity;
  };
  struct GeoPending {
    FileIdentity identity;
    int64_t since_ns = 0;
  };

  [[nodiscard]] static FileIdentity identify(const std::string& path);
  void look_at_snapshot(bool forced);
  // True if there is a new database.
  [[nodiscard]] bool look_at_geo(bool forced);
  void look_at_missing_current(const Error& error);
  // Waits on for a file to become whole, or refuses it when the time is over.
  void await(const Current& current, const FileIdentity& identity);
  void forget_awaited();
  void load(const Current& current, const FileIdentity& identity);
  void finish_load(const Current& current, const FileIdentity& identity, Result<Snapshot> opened);
  // A snapshot that leaves its memory to the next one.
  [[nodiscard]] std::shared_ptr<const Snapshot> share(Snapshot opened) const;
  [[nodiscard]] bool geo_has_settled(const FileIdentity& identity);
  [[nodiscard]] Result<void> open_geo();
  void publish();
  void retire(std::unique_ptr<Generation> generation);
  void refuse(const std::string& what, const std::string& reason);
  GenerationRecord& record_of(const Current& current);
  void set_state(GenerationRecord& record, GenerationState state);

  const Options options_;
  const Clock& clock_;
  const Log& log_;
  GenerationSink& sink_;
  SnapshotLoader* const loader_;
  SnapshotDirectory directory_;

  bool started_ = false;
  bool loading_ = false;
  // What look() was told while something was being loaded.
  bool look_again_ = false;
  bool look_again_forced_ = false;

  // Shared with what runs on the loader's thread.
  std::shared_ptr<SpareCopy> spare_ = std::make_shared<SpareCopy>();
  std::shared_ptr<const Snapshot> snapshot_;
  std::optional<Current> served_;  // where snapshot_ came from
  std::optional<Current> wanted_;
  std::optional<Awaited> awaited_;
  std::optional<Rejected> rejected_;
  std::string current_fault_;  // why CURRENT could not be read; "" if it could

  std::shared_ptr<const GeoDatabase> geo_;
  // Of the file that was read last, or refused for good.
  FileIdentity geo_identity_;
  bool geo_refused_ = false;
  std::optional<GeoPending> geo_pending_;

  // Oldest first; the last one is served.
  std::vector<std::unique_ptr<Generation>> generations_;
  // Debug builds keep the last retired one, sealed, so that a stale slice traps and does not read a
  // successor.
  std::unique_ptr<Generation> sealed_;
  uint64_t next_ordinal_ = 1;

  std::deque<GenerationRecord> records_;
  std::deque<RefusalRecord> refusals_;
  uint64_t refused_count_ = 0;
  uint64_t retired_count_ = 0;
};

}  // namespace mirror
