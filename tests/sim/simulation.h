// An edge without sockets, threads and clocks: real Publisher, GenerationSlots, RequestHandlers and
// ConnectionEngines, and a network, clients and time that a seed decides. What may happen next is
// drawn at each step: bytes arrive in pieces, sockets take a part of an answer, clients stall,
// drip, go away or are reset, snapshots good and bad are published, workers adopt them late, time
// passes, and in the end all drains. One seed, one history.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/core/log.h"
#include "base/core/random.h"
#include "edge/serve/connection_engine.h"
#include "edge/serve/generation_slot.h"
#include "edge/serve/publisher.h"
#include "tests/sim/client.h"
#include "tests/sim/library.h"

namespace mirror::sim {

// One worker and its part of the network.
class SimWorker final : public Transport {
 public:
  struct Socket : Connection {
    Client* client = nullptr;
    size_t arrived = 0;      // bytes of the client that the kernel has
    size_t read = 0;         // of these, what the engine has read
    size_t capacity = 0;     // of the kernel's send buffer
    std::string on_the_way;  // written, not yet with the client
    std::vector<std::string_view> later;
    bool writes_later = false;
    bool reading = false;
    bool ended_writing = false;
    bool closing = false;
    uint64_t counted_turn = 0;  // of `answers`
    unsigned answers = 0;
    bool broken = false;        // the client has gone
    bool client_ended = false;  // it has closed in order
  };

  SimWorker(const Clock& clock, Random& random, const WorkerLimits& limits, bool proxied);

  void accept(std::deque<Client*>& waiting);
  // Something happens on some socket.
  void step_socket();
  void adopt();
  void drain();
  void tick();
  // Whoever waits for its turn has it, if anybody does.
  void turn();
  // Closes everything, and finishes what that brings.
  void finish();
  void check_invariants() const;

  [[nodiscard]] const WorkerCounters& counters() const { return counters_; }
  [[nodiscard]] GenerationSlot& slot() { return slot_; }
  [[nodiscard]] bool proxied() const { return proxied_; }
  // What happened, in order, as a number.
  [[nodiscard]] uint64_t history() const { return history_; }

 private:
  void note(uint64_t event) { history_ = (history_ ^ event) * 0x100000001b3; }
  void deliver(Socket& socket);
  void client_sends(Socket& socket);
  void client_reads(Socket& socket);
  void client_goes(Socket& socket);
  void flush_later(Socket& socket);
  void finish_close(Socket& socket);

  // Transport
  int64_t write(Connection& connection, std::span<const std::string_view> slices) override;
  bool write_later(Connection& connection, std::span<const std::string_view> slices) override;
  size_t unwritten(const Connection& connection) const override;
  void start_reading(Connection& connection) override;
  void stop_reading(Connection& connection) override;
  void take_turns() override { takes_turns_ = true; }
  bool end_writing(Connection& connection) override;
  bool has_unread(const Connection& connection) const override;
  void close(Connection& connection) override;
  uint64_t now_ms() const override;
  uint64_t turn() const override { return turn_; }
  uint64_t turn_ns() const override { return 1; }

  const Clock& clock_;
  Random& random_;
  const WorkerLimits limits_;
  const bool proxied_;
  const TrustedProxies trusted_{{*IpPrefix::parse("127.0.0.0/8")}};
  WorkerCounters counters_;
  LineRing ring_{1 << 12};
  RequestHandler handler_;
  ConnectionEngine engine_;
  GenerationSlot slot_;
  std::unique_ptr<Socket[]> sockets_;
  bool draining_ = false;
  bool takes_turns_ = false;
  uint64_t turn_ = 0;
  bool finishing_ = false;  // the time to drain is over
  uint64_t close_reasons_ = 0;
  uint64_t idle_evicted_ = 0;
  uint64_t history_ = 0xcbf29ce484222325;
};

class Simulation final : private GenerationSink {
 public:
  Simulation(uint64_t seed, const Library& library);
  // Runs to the end; "" or what went wrong first.
  [[nodiscard]] std::string run();
  [[nodiscard]] uint64_t history() const;

  struct Totals {
    size_t clients = 0, answers = 0, swaps = 0, refusals = 0, excused = 0;
  };
  [[nodiscard]] const Totals& totals() const { return totals_; }

 private:
  void step();
  void new_client();
  void swap();
  void judge(std::string* fault);

  // GenerationSink
  void publish(const Generation& generation) override;
  uint64_t lowest_adopted_ordinal() const override;
  void load_ended() override {}

  Random random_;
  const Library& library_;
  TestClock clock_;
  const Log log_{"sim", LogLevel::kNothing};
  Publisher publisher_;
  std::vector<std::unique_ptr<SimWorker>> workers_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::deque<Client*>> waiting_;  // of each worker
  Totals totals_;
};

}  // namespace mirror::sim
