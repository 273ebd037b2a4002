// mirrorctl edge status | wait
#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

#include "base/core/clock.h"
#include "base/core/http_date.h"
#include "base/core/output.h"
#include "ops/mirrorctl/command_group.h"
#include "ops/mirrorctl/edge_status.h"

namespace mirror {
namespace {

constexpr int64_t kFetchTimeoutMs = 5000;
constexpr auto kWaitStep = std::chrono::milliseconds(100);
constexpr int64_t kNsPerMs = 1'000'000;

// "3 days", "5 hours", "12 minutes", "40 seconds"
std::string duration(int64_t seconds) {
  if (seconds < 0) return fmt::format("{} in the future", duration(-seconds));
  if (seconds >= 2 * 86400) return fmt::format("{} days", seconds / 86400);
  if (seconds >= 2 * 3600) return fmt::format("{} hours", seconds / 3600);
  if (seconds >= 120) return fmt::format("{} minutes", seconds / 60);
  return fmt::format("{} seconds", seconds);
}

std::string render_table(const EdgeStatus& status) {
  std::string out =
      fmt::format("mirror-edge {}, process {}, up {}: {}\n", status.version, status.pid,
                  duration(status.now - status.started_at), status.readiness);
  for (const auto& url : status.listen) out += fmt::format("  listens on  {}\n", url);
  out += fmt::format("  snapshots   {}\n", status.snapshots);
  out += fmt::format("  CURRENT     {}\n",
                     status.wanted_file.empty() ? "cannot be read" : status.wanted_file);
  if (status.generation.empty()) {
    out += "  serves      nothing yet\n";
  } else {
    out += fmt::format("  serves      generation {}, {} old\n", status.generation,
                       duration(status.now - status.created_at));
  }
  if (status.geoip_file.empty()) {
    out += "  GeoIP       none: everybody is in no country\n";
  } else {
    out += fmt::format("  GeoIP       {}, {} old\n", status.geoip_file,
                       duration(status.now - status.geoip_built_at));
  }
  out += fmt::format("\n{:>8}  {:>12}  {:>12}  {:>14}  {:>10}  {:>10}\n", "worker", "generation",
                     "connections", "requests", "4xx", "5xx");
  for (const auto& worker : status.workers) {
    out += fmt::format("{:>8}  {:>12}  {:>12}  {:>14}  {:>10}  {:>10}\n", worker.number,
                       worker.generation, worker.connections, worker.requests, worker.status_4xx,
                       worker.status_5xx);
  }
  if (!status.generations.empty()) out += "\n";
  for (const auto& entry : status.generations) {
    out += fmt::format("  {:>10}  {:<8}  since {}  {}  {} bytes\n", entry.label, entry.state,
                       HttpDate(entry.since).text(), entry.file, entry.size);
  }
  if (status.refused > 0) out += fmt::format("\nrefused {}, last first:\n", status.refused);
  for (const auto& refusal : status.refusals) {
    out +=
        fmt::format("  {}  {}: {}\n", HttpDate(refusal.time).text(), refusal.what, refusal.reason);
  }
  return out;
}

class EdgeCommands final : public CommandGroup {
 public:
  explicit EdgeCommands(CommandLine& root)
      : group_(root.command("edge", "Ask a running edge")),
        status_(group_.command("status", "Print what the edge serves and what it has refused")),
        wait_(group_.command("wait", "Wait until every worker serves a generation")) {
    for (auto* command : {&status_, &wait_}) {
      command->option("--admin", &admin_,
                      "Admin address of the edge: unix:PATH or http://ADDRESS:PORT",
                      "MIRROR_EDGE_ADMIN");
    }
    wait_.option("--generation", &generation_, 1, INT64_MAX,
                 "Sequence number that every worker must have reached");
    wait_.require("--generation");
    wait_.flag("--exactly", &exactly_,
               "Neither an earlier nor a later one will do (after a rollback)");
    wait_.option("--timeout", &timeout_s_, 0, 86400, "Seconds to wait");
  }

  [[nodiscard]] bool chosen() const override { return group_.chosen(); }

  [[nodiscard]] int run(const Log& log) override {
    if (admin_.empty()) {
      return group_.usage_error("--admin is needed: what mirror-edge was given as --admin");
    }
    const auto done = wait_.chosen() ? wait(log) : print_status();
    if (done) return kExitDone;
    log.error("{}", done.error().message);
    return exit_code(done.error());
  }

 private:
  [[nodiscard]] Result<void> print_status() const {
    MIRROR_TRY(const auto status, fetch_edge_status(admin_, kFetchTimeoutMs));
    return print_out(render_table(status));
  }

  [[nodiscard]] bool serves(const EdgeStatus::WorkerState& worker) const {
    const auto wanted = static_cast<uint64_t>(generation_);
    return exactly_ ? worker.sequence == wanted : worker.sequence >= wanted;
  }

  // "" if every worker serves what is waited for.
  [[nodiscard]] std::string what_is_missing(const EdgeStatus& status) const {
    if (status.workers.empty()) return "the edge names no workers";
    for (const auto& worker : status.workers) {
      if (serves(worker)) continue;
      auto text = fmt::format("worker {} serves generation {}", worker.number, worker.generation);
      if (!status.refusals.empty()) {
        text += fmt::format("; refused last: {}: {}", status.refusals.front().what,
                            status.refusals.front().reason);
      }
      return text;
    }
    return "";
  }

  // An edge that does not answer may be starting: that, too, is waited for.
  [[nodiscard]] Result<void> wait(const Log& log) const {
    const SystemClock clock;
    const int64_t deadline_ns = clock.monotonic_ns() + timeout_s_ * 1000 * kNsPerMs;
    std::string missing;
    for (;;) {
      const int64_t left_ms = (deadline_ns - clock.monotonic_ns()) / kNsPerMs;
      const auto status =
          fetch_edge_status(admin_, std::clamp<int64_t>(left_ms, 100, kFetchTimeoutMs));
      missing = status ? what_is_missing(*status) : status.error().message;
      if (missing.empty()) {
        log.info("every worker serves generation {}", status->workers.front().generation);
        return {};
      }
      if (clock.monotonic_ns() >= deadline_ns) break;
      std::this_thread::sleep_for(kWaitStep);
    }
    return fail(ErrorKind::kConflict,
                "not every worker serves generation {}{} after {} seconds: {}", generation_,
                exactly_ ? "" : " or a later one", timeout_s_, missing);
  }

  CommandLine& group_;
  CommandLine& status_;
  CommandLine& wait_;
  std::string admin_;
  int64_t generation_ = 0;
  bool exactly_ = false;
  int64_t timeout_s_ = 60;
};

}  // namespace

std::unique_ptr<CommandGroup> make_edge_commands(CommandLine& root) {
  return std::make_unique<EdgeCommands>(root);
}

}  // namespace mirror
