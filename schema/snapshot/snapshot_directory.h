// The directory through which compiler and edges meet:
//
//   CURRENT                  one line: "<name> <size> <digest> <created_at>\n": the live snapshot
//   <seq>-<digest>.mls       snapshots; seq has 10 digits and is never used twice
//   <seq>-<digest>.mls.tmp   one being written
//   LOCK                     flock(2): one writer at a time; the kernel releases it on any death
//   HOLD                     if present, compiles write snapshots but do not move CURRENT;
//                            lines "who: ", "when: ", "why: "
//   SEQUENCE                 the last sequence number given out
//   SOURCE                   what the live one was made of (compiler/snapshot_source.h); not for
//                            readers
//   WATCH                    flock(2): one `mirror-compile watch` at a time
//
// Everything is published by rename; a reader sees the old or the new state, whole. All functions
// block.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/digest.h"
#include "base/core/error.h"
#include "base/core/unique_fd.h"
#include "schema/snapshot/snapshot.h"

namespace mirror {

struct SnapshotName {
  uint64_t sequence = 0;  // 1 ..
  Digest128 digest;
  auto operator<=>(const SnapshotName&) const = default;
  [[nodiscard]] std::string to_string() const;  // "0000000042-<32 hex>.mls"
  [[nodiscard]] static std::optional<SnapshotName> parse(std::string_view file_name);
};

struct Current {
  SnapshotName name;
  uint64_t size = 0;
  uint64_t created_at = 0;
  bool operator==(const Current&) const = default;
  [[nodiscard]] std::string to_string() const;                        // with the line feed
  [[nodiscard]] static Result<Current> parse(std::string_view line);  // hostile input
};

struct Hold {
  std::string who;
  uint64_t when = 0;  // Unix seconds; 0 if HOLD does not say
  std::string why;
};

class SnapshotDirectory {
 public:
  explicit SnapshotDirectory(std::string path) : path_(std::move(path)) {}

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string path_of(const SnapshotName& name) const;

  // --- for readers (no lock)
  // kNotFound if there is no CURRENT.
  [[nodiscard]] Result<Current> current() const;
  [[nodiscard]] Result<std::optional<Hold>> hold() const;
  struct Entry {
    SnapshotName name;
    uint64_t size = 0;
    int64_t modified_at = 0;
  };
  // Newest first. Files with other names are passed over.
  [[nodiscard]] Result<std::vector<Entry>> list() const;
  // Opens what CURRENT names, with size and digest as said there. `spare`: see file_copy.h.
  [[nodiscard]] Result<Snapshot> open(const Current& current, FileCopy spare = {}) const;
  // Opens a file of the list, with the digest in its name.
  [[nodiscard]] Result<Snapshot> open(const Entry& entry) const;

  // --- for writers
  // Creates the directory if need be and takes LOCK; kConflict, with the holder's process id, if it
  // is taken.
  class Writer;
  [[nodiscard]] Result<Writer> lock();
  // Takes WATCH likewise, for as long as the descriptor is open.
  [[nodiscard]] Result<UniqueFd> lock_watch() const;

 private:
  [[nodiscard]] Result<UniqueFd> take_lock(std::string_view file,
                                           std::string_view who_and_remedy) const;
  std::string path_;
};

// Holds LOCK; destroying it releases it. One object, one thread.
class SnapshotDirectory::Writer {
 public:
  // Writes a snapshot file under a fresh sequence number: temporary file, fsync, reopen and
  // validate as the edge would, rename, fsync of the directory. CURRENT is not touched. On failure
  // nothing is left behind.
  [[nodiscard]] Result<Current> add(std::string_view file_bytes);
  // Points CURRENT to an existing snapshot.
  [[nodiscard]] Result<void> publish(const Current& current);
  [[nodiscard]] Result<void> set_hold(const Hold& hold);
  [[nodiscard]] Result<bool> release_hold();
  // Deletes what killed writers left behind, so that it does not take the room of what comes: call
  // it first. What cannot be deleted stays.
  [[nodiscard]] Result<void> delete_leftovers();
  // Deletes all but the newest `keep` snapshots; never the live one, and never one that is newer
  // than the live one while HOLD is there.
  [[nodiscard]] Result<void> collect(size_t keep);

 private:
  friend class SnapshotDirectory;
  Writer(SnapshotDirectory directory, UniqueFd lock)
      : directory_(std::move(directory)), lock_(std::move(lock)) {}
  [[nodiscard]] Result<uint64_t> next_sequence();

  SnapshotDirectory directory_;
  UniqueFd lock_;
};

}  // namespace mirror
