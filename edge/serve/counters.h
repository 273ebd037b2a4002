// What a worker counts. Written by its worker alone, read by the control thread at any time: plain
// stores and loads of one atomic word, no locked instruction.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace mirror {

class Counter {
 public:
  void add(uint64_t count = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }
  void subtract(uint64_t count = 1) {
    value_.store(value_.load(std::memory_order_relaxed) - count, std::memory_order_relaxed);
  }
  [[nodiscard]] uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

inline constexpr size_t kAnswerGroups = 7;  // values of AnswerGroup

struct alignas(64) WorkerCounters {
  Counter requests;  // answered or refused
  Counter status_2xx;
  Counter status_3xx;
  Counter status_4xx;
  Counter status_5xx;
  std::array<Counter, kAnswerGroups> groups;  // by the group of the first mirror
  Counter bytes_sent;                         // that the kernel has taken
  Counter connections;                        // open now
  Counter accepted;
  Counter accept_failures;
  Counter accept_pauses;  // every connection in use and none idle
  Counter idle_evicted;   // closed to make room
  Counter idle_timeouts;
  Counter header_timeouts;
  Counter write_timeouts;
  Counter readers_evicted;     // closed because the read buffers were used up
  Counter writers_evicted;     // closed because the bytes of unfinished answers were used up
  Counter answers_unfinished;  // answers that the client did not take at once
  Counter log_lines;
  Counter log_lines_dropped;  // the ring was full
  Counter swaps;              // generations adopted
};

}  // namespace mirror
