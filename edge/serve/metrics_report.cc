#include "edge/serve/metrics_report.h"

#include <fmt/format.h>

#include <iterator>
#include <string_view>

#include "edge/serve/worker_counters.h"

namespace mirror {
namespace {

constexpr double kNsPerSecond = 1e9;

class Metrics {
 public:
  // What follows are the samples of this metric.
  void begin(std::string_view name, std::string_view type, std::string_view help) {
    name_ = fmt::format("mirror_edge_{}", name);
    append("# HELP {} {}\n# TYPE {} {}\n", name_, help, name_, type);
  }
  // `labels` with braces, or "".
  template <typename Value>
  void sample(std::string_view labels, const Value& value, std::string_view suffix = "") {
    append("{}{}{} {}\n", name_, suffix, labels, value);
  }
  template <typename Value>
  void gauge(std::string_view name, std::string_view help, const Value& value) {
    begin(name, "gauge", help);
    sample("", value);
  }
  template <typename Value>
  void counter(std::string_view name, std::string_view help, const Value& value) {
    begin(name, "counter", help);
    sample("", value);
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  template <typename... Arguments>
  void append(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Arguments>(arguments)...);
  }

  std::string name_;
  std::string out_;
};

template <typename ValueOf>
uint64_t sum(const StatusInput& input, const ValueOf& value_of) {
  uint64_t total = 0;
  for (const auto& worker : input.workers) total += value_of(worker->counters());
  return total;
}

// Combinations that never occurred are left out: a hundred zeros tell nothing.
void write_answers(Metrics& out, const StatusInput& input) {
  out.begin("requests_total", "counter",
            "Requests answered, by what was asked for, status, and group of the first mirror");
  for (size_t resource = 0; resource < kCountedResourceNames.size(); ++resource) {
    for (size_t status = 0; status < kStatuses.size(); ++status) {
      for (size_t group = 0; group < kAnswerGroups; ++group) {
        const uint64_t count = sum(input, [&](const WorkerCounters& counters) {
          return counters.answers.get(static_cast<CountedResource>(resource), status,
                                      static_cast<AnswerGroup>(group));
        });
        if (count == 0) continue;
        out.sample(fmt::format(R"({{resource="{}",status="{}",group="{}"}})",
                               kCountedResourceNames[resource], kStatuses[status],
                               kAnswerGroupNames[group]),
                   count);
      }
    }
  }
  out.begin("refused_requests_total", "counter", "Requests refused, by the limit or rule broken");
  for (size_t fault = 0; fault < kRequestFaults; ++fault) {
    out.sample(
        fmt::format(R"({{reason="{}"}})", kRequestFaultNames[fault]),
        sum(input, [&](const WorkerCounters& counters) { return counters.faults[fault].get(); }));
  }
}

void write_histogram(Metrics& out, const StatusInput& input,
                     DurationHistogram WorkerCounters::*histogram) {
  uint64_t count = 0;
  for (size_t bucket = 0; bucket < DurationHistogram::kBounds; ++bucket) {
    count += sum(
        input, [&](const WorkerCounters& counters) { return (counters.*histogram).count(bucket); });
    const double bound = static_cast<double>(DurationHistogram::bound_ns(bucket)) / kNsPerSecond;
    out.sample(fmt::format(R"({{le="{:.9f}"}})", bound), count, "_bucket");
  }
  count += sum(input, [&](const WorkerCounters& counters) {
    return (counters.*histogram).count(DurationHistogram::kBounds);
  });
  out.sample(R"({le="+Inf"})", count, "_bucket");
  const uint64_t total_ns =
      sum(input, [&](const WorkerCounters& counters) { return (counters.*histogram).sum_ns(); });
  out.sample("", static_cast<double>(total_ns) / kNsPerSecond, "_sum");
  out.sample("", count, "_count");
}

void write_workers(Metrics& out, const StatusInput& input) {
  out.begin("request_duration_seconds", "histogram",
            "From the wake-up of a worker to the end of the write of an answer");
  write_histogram(out, input, &WorkerCounters::answer_ns);
  out.begin("loop_turn_duration_seconds", "histogram",
            "How long a worker's loop was busy between two waits");
  write_histogram(out, input, &WorkerCounters::turn_ns);
  for (const auto& named : named_counters()) {
    const uint64_t total =
        sum(input, [&](const WorkerCounters& counters) { return (counters.*named.counter).get(); });
    if (named.is_gauge) {
      out.gauge(named.name, named.help, total);
    } else {
      out.counter(fmt::format("{}_total", named.name), named.help, total);
    }
  }
}

void write_data(Metrics& out, const StatusInput& input) {
  const Publisher& publisher = input.publisher;
  out.counter("generations_published_total", "Generations handed to the workers",
              publisher.published_count());
  out.counter("generations_retired_total", "Generations freed after the last worker had left them",
              publisher.retired_count());
  out.counter("refusals_total", "Snapshots and GeoIP databases refused", publisher.refused_count());
  const Generation* generation = publisher.current();
  out.gauge("generation", "Sequence number of the snapshot that is served; 0: none",
            generation == nullptr ? 0 : generation->sequence);
  if (generation != nullptr) {
    const SnapshotView& view = generation->snapshot->view();
    out.gauge("snapshot_age_seconds", "Since the data of the snapshot were read",
              input.now - generation->created_at());
    out.gauge("snapshot_bytes", "Size of the snapshot", generation->snapshot->size());
    out.gauge("snapshot_hosts", "Hosts in the snapshot", view.hosts.size());
    out.gauge("snapshot_directories", "Directories in the snapshot", view.directories.size());
    out.gauge("snapshot_repositories", "Repositories in the snapshot", view.repositories.size());
  }
  if (publisher.geo() != nullptr) {
    out.gauge("geoip_age_seconds", "Since the GeoIP database was built",
              input.now - publisher.geo()->build_epoch());
  }
  if (input.access_log != nullptr) {
    out.counter("log_lines_lost_total", "Lines of the access log that could not be written",
                input.access_log->lines_lost());
  }
}

}  // namespace

std::string render_metrics(const StatusInput& input) {
  Metrics out;
  out.begin("info", "gauge", "The program");
  out.sample(fmt::format(R"({{version="{}"}})", MIRROR_VERSION), 1);
  out.gauge("start_time_seconds", "When the process started, Unix time", input.started);
  out.gauge("workers", "Threads that answer", input.workers.size());
  out.gauge("connections_max", "Connections that all workers can hold",
            input.workers.size() * input.limits.connections);
  out.gauge("ready", "1 if /-/ready answers 200", input.readiness.status == 200 ? 1 : 0);
  out.gauge("draining", "1 while the process ends", input.draining ? 1 : 0);
  write_data(out, input);
  write_workers(out, input);
  write_answers(out, input);
  return out.take();
}

}  // namespace mirror
