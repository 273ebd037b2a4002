// One TCP connection of a worker, and the lists that connections of one state form. A connection is
// in exactly one list; each list is ordered by the time of entry, so that the first one is the
// first to time out.
#pragma once

#include <uv.h>

#include <cstddef>
#include <cstdint>

#include "base/core/assert.h"
#include "base/core/ip.h"
#include "edge/http/http_connection.h"

namespace mirror {

class Worker;

enum class ConnectionState : uint8_t {
  kFree,
  kIdle,       // between two requests
  kReading,    // a part of a request has come
  kWriting,    // a part of the answer waits for the client
  kLingering,  // refused and shut down: what still comes is thrown away
  kClosing,    // until its close callback
};
inline constexpr size_t kConnectionStates = 6;

struct Connection {
  uv_tcp_t tcp{};
  uv_write_t write{};
  Worker* worker = nullptr;
  HttpConnection http;
  IpAddress peer;
  ConnectionState state = ConnectionState::kFree;
  bool close_after_write = false;
  bool linger_after_write = false;
  uint64_t since_ms = 0;   // loop time of the entry into this state
  uint64_t discarded = 0;  // bytes thrown away while lingering
  Connection* previous = nullptr;
  Connection* next = nullptr;

  // The read buffer, only while a request is incomplete or waits behind an unfinished answer.
  char* buffer = nullptr;
  uint32_t held = 0;

  // The rest of an unfinished answer: blocks of the pool, chained by their first bytes.
  char* pending_first = nullptr;
  char* pending_last = nullptr;
  uint32_t pending_blocks_in_write = 0;
};

// A doubly linked list through the connections themselves.
class ConnectionList {
 public:
  [[nodiscard]] bool empty() const { return first_ == nullptr; }
  [[nodiscard]] Connection* front() const { return first_; }
  [[nodiscard]] size_t size() const { return size_; }

  void push_back(Connection* connection) {
    connection->previous = last_;
    connection->next = nullptr;
    (last_ == nullptr ? first_ : last_->next) = connection;
    last_ = connection;
    ++size_;
  }
  void remove(Connection* connection) {
    MIRROR_DEBUG_ASSERT(size_ > 0);
    (connection->previous == nullptr ? first_ : connection->previous->next) = connection->next;
    (connection->next == nullptr ? last_ : connection->next->previous) = connection->previous;
    connection->previous = nullptr;
    connection->next = nullptr;
    --size_;
  }

 private:
  Connection* first_ = nullptr;
  Connection* last_ = nullptr;
  size_t size_ = 0;
};

}  // namespace mirror
