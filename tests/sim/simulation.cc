#include "tests/sim/simulation.h"

#include <algorithm>

#include "base/core/assert.h"

namespace mirror::sim {
namespace {

constexpr size_t kWorkers = 2;
constexpr size_t kClients = 40;
constexpr size_t kBusySteps = 2000;
constexpr size_t kDrainSteps = 3000;

WorkerLimits draw_limits(Random& random) {
  WorkerLimits limits;
  limits.connections = static_cast<uint32_t>(2 + random.below(random.below(2) == 0 ? 10 : 40));
  limits.read_buffers = static_cast<uint32_t>(1 + random.below(4));
  limits.request.head_bytes = 2048 + static_cast<uint32_t>(random.below(2048));
  limits.pending_bytes = (1 + random.below(20)) * kPendingBlockSize;
  limits.requests_per_connection = static_cast<uint32_t>(random.below(3) == 0 ? 2 : 0);
  return limits;
}

}  // namespace

Simulation::Simulation(uint64_t seed, const Library& library)
    : random_(seed),
      library_(library),
      publisher_({library.directory(), "", 5000}, clock_, log_, *this),
      waiting_(kWorkers) {
  for (size_t i = 0; i < kWorkers; ++i) {
    workers_.push_back(
        std::make_unique<SimWorker>(clock_, random_, draw_limits(random_), random_.below(4) == 0));
  }
}

std::string Simulation::run() {
  point_current_to(library_.directory(), library_.files()[0].current);
  const auto started = publisher_.start();
  if (!started) return started.error().message;
  while (totals_.clients < kClients) step();
  // The end may come at once, or when all is done.
  const size_t busy_steps = random_.below(random_.below(2) == 0 ? 50 : kBusySteps);
  for (size_t i = 0; i < busy_steps; ++i) step();
  for (auto& worker : workers_) worker->drain();
  // Sometimes the time to drain is short.
  const size_t drain_steps = random_.below(3) == 0 ? random_.below(30) : kDrainSteps;
  for (size_t i = 0; i < drain_steps; ++i) step();
  for (auto& worker : workers_) {
    worker->finish();
    worker->adopt();
  }
  publisher_.collect();
  if (publisher_.cooling()) return "a generation that nobody serves is still there";
  publisher_.retire_all();
  std::string fault;
  judge(&fault);
  return fault;
}

void Simulation::step() {
  const size_t at = random_.below(kWorkers);
  SimWorker& worker = *workers_[at];
  switch (random_.below(40)) {
    case 0:
      new_client();
      break;
    case 1:
      swap();
      break;
    case 2:
      worker.adopt();
      publisher_.collect();
      break;
    case 3:
      clock_.advance_ms(static_cast<int64_t>(random_.below(random_.below(20) == 0 ? 20000 : 300)));
      worker.tick();
      publisher_.look(false);
      break;
    case 4:
    case 5:
      worker.accept(waiting_[at]);
      break;
    case 6:
    case 7:
      worker.turn();
      break;
    default:
      for (size_t i = 0; i < 8; ++i) worker.step_socket();
  }
  worker.check_invariants();
}

void Simulation::new_client() {
  if (totals_.clients == kClients) return;
  const size_t at = random_.below(kWorkers);
  clients_.push_back(std::make_unique<Client>(random_, workers_[at]->proxied()));
  waiting_[at].push_back(clients_.back().get());
  ++totals_.clients;
}

void Simulation::swap() {
  const auto& file = library_.files()[random_.below(library_.files().size())];
  point_current_to(library_.directory(), file.current);
  const auto before = publisher_.published_count();
  publisher_.look(random_.below(10) == 0);
  if (publisher_.published_count() > before) {
    ++totals_.swaps;
    if (!file.good) std::abort();
  }
  totals_.refusals = publisher_.refused_count();
}

void Simulation::judge(std::string* fault) {
  for (const auto& client : clients_) {
    const auto verdict = client->judge(library_);
    totals_.answers += verdict.answers;
    const bool whole =
        !verdict.is_cut && (verdict.said_close || verdict.answers == client->requests.size());
    const bool excused =
        client->close_reason || (client->closed_in_drain && !verdict.is_cut) || client->sent == 0;
    if (!verdict.fault.empty()) {
      *fault = verdict.fault;
    } else if (client->is_patient() && !whole && !excused) {
      *fault = fmt::format("a client was cut off for no reason after {} of {} answers{}",
                           verdict.answers, client->requests.size(),
                           verdict.is_cut ? " and a part of one" : "");
    }
    if (!fault->empty()) return;
    if (client->is_patient() && !whole) ++totals_.excused;
  }
}

uint64_t Simulation::history() const {
  uint64_t history = 0;
  for (const auto& worker : workers_) history = history * 31 + worker->history();
  return history;
}

void Simulation::publish(const Generation& generation) {
  for (auto& worker : workers_) worker->slot().post(generation);
}

uint64_t Simulation::lowest_adopted_ordinal() const {
  uint64_t lowest = UINT64_MAX;
  for (const auto& worker : workers_) lowest = std::min(lowest, worker->slot().adopted_ordinal());
  return lowest;
}

}  // namespace mirror::sim
