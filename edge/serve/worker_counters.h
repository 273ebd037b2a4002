// What a worker counts. Written by its worker alone, read by the control thread at any time; no
// cache line of it is written by anybody else.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "edge/answer/answer_group.h"
#include "edge/http/request_head.h"
#include "edge/serve/counter.h"
#include "edge/serve/duration_histogram.h"

namespace mirror {

// What was asked for, as metrics name it.
enum class CountedResource : uint8_t { kOther, kMirrorlist, kMetalink, kHealth, kRefused };
inline constexpr std::array<std::string_view, 5> kCountedResourceNames = {
    "other", "mirrorlist", "metalink", "health", "refused"};
// Every status that an edge answers with.
inline constexpr std::array<uint16_t, 11> kStatuses = {200, 302, 400, 404, 405, 413,
                                                       414, 431, 500, 503, 505};
inline constexpr std::array<std::string_view, kRequestFaults> kRequestFaultNames = {
    "malformed",       "method",         "version",         "body",
    "target_too_long", "head_too_large", "too_many_headers"};

// Answers, refusals among them, by resource, status and group of the first mirror.
class AnswerCounters {
 public:
  void add(CountedResource resource, uint16_t status, AnswerGroup group) {
    at(resource, place_of(status), group).add();
  }
  [[nodiscard]] uint64_t get(CountedResource resource, size_t status_place,
                             AnswerGroup group) const {
    return const_cast<AnswerCounters*>(this)->at(resource, status_place, group).get();
  }
  [[nodiscard]] uint64_t total() const;
  // Of 2: all from 200 to 299.
  [[nodiscard]] uint64_t of_status_class(uint16_t hundreds) const;
  [[nodiscard]] uint64_t of_group(AnswerGroup group) const;

 private:
  static constexpr size_t place_of(uint16_t status) {
    size_t place = 0;
    while (place + 1 < kStatuses.size() && kStatuses[place] != status) ++place;
    return place;
  }
  Counter& at(CountedResource resource, size_t status_place, AnswerGroup group) {
    return counters_[(static_cast<size_t>(resource) * kStatuses.size() + status_place) *
                         kAnswerGroups +
                     static_cast<size_t>(group)];
  }

  std::array<Counter, kCountedResourceNames.size() * kStatuses.size() * kAnswerGroups> counters_;
};

struct alignas(64) WorkerCounters {
  AnswerCounters answers;
  std::array<Counter, kRequestFaults> faults;  // refused requests by the limit or rule they broke
  DurationHistogram answer_ns;  // from the wake-up of the loop to the end of the answer's write
  DurationHistogram turn_ns;    // of the loop, between two waits
  Counter bytes_sent;           // that the kernel has taken
  Counter connections;          // open now
  Counter accepted;
  Counter accept_failures;
  Counter accept_pauses;  // every connection in use and none idle
  Counter idle_evicted;   // closed to make room
  Counter idle_timeouts;
  Counter header_timeouts;
  Counter write_timeouts;           // answers that the client took too slowly
  Counter request_limits;           // connections that had all their requests
  Counter readers_evicted;          // closed because the read buffers were used up
  Counter writers_evicted;          // closed because unfinished answers, or connections, ran out
  Counter lingers_cut;              // did not end after their last answer
  Counter drain_cut;                // closed because the time to drain was over
  Counter proxy_headers;            // taken
  Counter proxy_headers_malformed;  // connections closed for that
  Counter proxies_untrusted;        // connections to a proxies' listener from somebody else
  Counter answers_unfinished;       // answers that the client did not take at once
  Counter pending_bytes;            // of unfinished answers, held now
  Counter log_lines;
  Counter log_lines_dropped;  // the ring was full
  Counter swaps;              // generations adopted
};

// The plain counters by name, for the status and the metrics.
struct NamedCounter {
  std::string_view name;
  Counter WorkerCounters::*counter;
  bool is_gauge = false;  // it may fall
  std::string_view help;
};
[[nodiscard]] std::span<const NamedCounter> named_counters();

}  // namespace mirror
