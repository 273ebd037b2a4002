// One connection of a worker, and the lists that connections of one state form. A connection is in
// exactly one list; each list is ordered by the time of entry, so that the first one is the first
// to time out. The socket is whoever's the Transport is, which derives from this.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/core/assert.h"
#include "edge/answer/client_address.h"
#include "edge/http/http_connection.h"

namespace mirror {

enum class ConnectionState : uint8_t {
  kFree,
  kIdle,       // between two requests
  kReading,    // a part of a request, or of a proxy's header, has come
  kWaiting,    // more requests have come than one turn answers
  kWriting,    // a part of the answer waits for the client
  kLingering,  // refused and shut down: what still comes is thrown away
  kClosing,    // until the socket is closed
};
inline constexpr size_t kConnectionStates = 7;

struct Connection {
  HttpConnection http;
  Peer peer;
  ConnectionState state = ConnectionState::kFree;
  bool awaits_proxy_header = false;
  bool close_after_write = false;
  bool linger_after_write = false;
  uint32_t requests_left = 0;
  unsigned answered = 0;   // in the turn ...
  uint64_t turn = 0;       // ... of this number
  uint64_t since_ms = 0;   // time of the entry into this state
  uint64_t discarded = 0;  // bytes thrown away while lingering
  Connection* previous = nullptr;
  Connection* next = nullptr;

  // The read buffer, only while a request is incomplete or must wait.
  char* buffer = nullptr;
  uint32_t held = 0;

  // The rest of an unfinished answer: blocks of the pool, chained by their first bytes.
  char* pending_first = nullptr;
  char* pending_last = nullptr;
  uint32_t pending_blocks_in_write = 0;
  size_t pending_bytes = 0;        // in all blocks
  size_t pending_in_write = 0;     // in those that are being written
  size_t untaken_when_looked = 0;  // bytes that the client had not taken at `since_ms`
};

// A doubly linked list through the connections themselves.
class ConnectionList {
 public:
  [[nodiscard]] bool empty() const { return first_ == nullptr; }
  [[nodiscard]] Connection* front() const { return first_; }
  [[nodiscard]] Connection* back() const { return last_; }
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
