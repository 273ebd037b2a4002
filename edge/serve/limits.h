// Every limit of mirror-edge in one place. Memory is bounded by adding up the holders: a worker
// holds
//   connections * sizeof(UvConnection) + read_buffers * request.head_bytes + pending_bytes + its
//   log ring,
// and the scratch of its Answerer, which the snapshot bounds (SnapshotView::body_size_max).
// The limits of one request are in edge/http/request_head.h, those of a question in
// edge/answer/limits.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "edge/http/request_head.h"

namespace mirror {

// Above this share of a worker's connections the one that is idle longest is closed to make room;
// if none is, the one that lingers longest; if none does, the one that takes its answer slowest,
// ...
inline constexpr uint32_t kCrowdedPercent = 90;
// ... once it has had so long, or no connection is left.
inline constexpr uint64_t kSlowWriterMs = 1000;
// Requests of one connection that are answered before others have their turn, however often it is
// read from.
inline constexpr unsigned kAnswersPerTurn = 4;
// Where something must make room, so many of those that have waited longest are looked at.
inline constexpr unsigned kEvictionLooks = 8;
// Bytes that are read and thrown away after a refusal, so that the refusal is not lost in a reset.
inline constexpr uint64_t kLingerBytesMax = 8 << 20;
inline constexpr uint64_t kLingerTimeoutMs = 2000;
// Unfinished answers wait in blocks of this size.
inline constexpr size_t kPendingBlockSize = 16384;
// libuv allocates for a write of more slices.
inline constexpr size_t kSlicesMax = 4;
// The kernel cuts it to net.core.somaxconn.
inline constexpr int kListenBacklog = 4096;
inline constexpr uint64_t kTickMs = 1000;
// Closing a listener resets the connections that wait in its queue: they are taken first, and have
// this time to send their requests.
inline constexpr uint64_t kDrainGraceMs = 20;

// Lines of the access log that a worker holds until they are written; a power of two.
inline constexpr size_t kLogRingBytes = 1 << 20;
// How often they are written, unless a ring is half full before. A write keeps a worker on the same
// processor waiting, and few large ones do so less than many small ones (bench/RESULTS.md).
inline constexpr uint64_t kLogPauseMs = 100;

// The admin listener: few clients.
inline constexpr size_t kAdminConnectionsMax = 32;
inline constexpr uint64_t kAdminTimeoutMs = 10000;

// How the control thread looks after the snapshot directory.
inline constexpr uint64_t kPollMs = 30000;
inline constexpr uint64_t kRetryMs = 1000;
// A snapshot is loaded with idle priority for this long, then with that of the workers.
inline constexpr uint64_t kLoaderPatienceMs = 2000;
inline constexpr uint64_t kSettleMs = 20;  // directory events within this time count as one
inline constexpr size_t kRefusalsKept = 16;
inline constexpr size_t kRecordsKept = 16;

// A process that wants to take over has this time for each step.
inline constexpr uint64_t kHandOverTimeoutMs = 60000;
// Sockets that are handed over or passed by a service manager.
inline constexpr size_t kListenSocketsMax = 65536;

// Descriptors that are not connections: admin clients, log, files being opened; a worker's loop, to
// which its listeners come.
inline constexpr uint64_t kReservedDescriptors = 96;
inline constexpr uint64_t kDescriptorsPerWorker = 8;

// What the command line sets; each worker has its own share.
struct WorkerLimits {
  uint32_t connections = 5000;
  uint32_t read_buffers = 1250;
  RequestLimits request;
  uint32_t requests_per_connection = 0;  // 0: any number
  uint64_t pending_bytes = uint64_t{32} << 20;
  uint64_t header_timeout_ms = 10000;  // from the first byte of a request to its last
  uint64_t idle_timeout_ms = 60000;    // between two requests
  // A client that does not take its answer at once must take, in each period of so many
  // milliseconds, so many bytes a second.
  uint64_t write_timeout_ms = 30000;
  uint64_t write_rate_min = 1024;
  int send_buffer_bytes = 0;  // SO_SNDBUF; 0: what the kernel thinks best
};

}  // namespace mirror
