#include "edge/serve/status_report.h"

#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>
#include <unistd.h>

#include <span>

#include "base/core/assert.h"
#include "base/core/text.h"
#include "edge/serve/worker_counters.h"

namespace mirror {
namespace {

using Writer = rapidjson::PrettyWriter<rapidjson::StringBuffer>;

void key(Writer& json, std::string_view name) {
  json.Key(name.data(), static_cast<rapidjson::SizeType>(name.size()));
}
// A file name may be any bytes, and JSON is UTF-8.
void text(Writer& json, std::string_view value) {
  const std::string safe =
      is_valid_utf8(value) ? std::string(value) : quote_for_message(value, value.size());
  json.String(safe.data(), static_cast<rapidjson::SizeType>(safe.size()));
}
void field(Writer& json, std::string_view name, std::string_view value) {
  key(json, name);
  text(json, value);
}
void field(Writer& json, std::string_view name, uint64_t value) {
  key(json, name);
  json.Uint64(value);
}
void time_field(Writer& json, std::string_view name, int64_t value) {
  key(json, name);
  json.Int64(value);
}
void flag(Writer& json, std::string_view name, bool value) {
  key(json, name);
  json.Bool(value);
}

void write_generation(Writer& json, const Generation* generation, int64_t now) {
  if (generation == nullptr) {
    json.Null();
    return;
  }
  json.StartObject();
  field(json, "label", generation->label());
  field(json, "sequence", generation->sequence);
  field(json, "digest", generation->snapshot->digest().hex());
  field(json, "size", generation->snapshot->size());
  time_field(json, "created_at", generation->created_at());
  time_field(json, "age_seconds", now - generation->created_at());
  const SnapshotView& view = generation->snapshot->view();
  field(json, "hosts", view.hosts.size());
  field(json, "categories", view.categories.size());
  field(json, "directories", view.directories.size());
  field(json, "repositories", view.repositories.size());
  field(json, "files", view.files.size());
  field(json, "carrier_sets", view.carrier_sets.size());
  json.EndObject();
}

// What this program was made by and how.
void write_build(Writer& json) {
  json.StartObject();
  field(json, "compiler", __VERSION__);
  field(json, "libuv", uv_version_string());
#ifdef MIRROR_DEBUG_CHECKS
  field(json, "type", "debug");
#else
  field(json, "type", "release");
#endif
  field(json, "snapshot_format", kSnapshotFormat);
  json.EndObject();
}

void write_wanted(Writer& json, const std::optional<Current>& wanted) {
  if (!wanted) {
    json.Null();
    return;
  }
  json.StartObject();
  field(json, "sequence", wanted->name.sequence);
  field(json, "file", wanted->name.to_string());
  time_field(json, "created_at", static_cast<int64_t>(wanted->created_at));
  json.EndObject();
}

void write_geo(Writer& json, const Publisher& publisher, int64_t now) {
  const GeoDatabase* geo = publisher.geo();
  if (geo == nullptr) {
    json.Null();
    return;
  }
  json.StartObject();
  field(json, "file", publisher.options().geoip);
  field(json, "type", geo->database_type());
  time_field(json, "built_at", geo->build_epoch());
  time_field(json, "age_seconds", now - geo->build_epoch());
  json.EndObject();
}

using Workers = std::vector<std::unique_ptr<Worker>>;

// The counters of some workers, summed up.
void write_counters(Writer& json, std::span<const WorkerCounters* const> all) {
  const auto sum = [&](const auto& value_of) {
    uint64_t total = 0;
    for (const auto* counters : all) total += value_of(*counters);
    return total;
  };
  const auto answers = [](const WorkerCounters& counters) { return counters.answers.total(); };
  field(json, "requests", sum(answers));
  for (uint16_t hundreds = 2; hundreds <= 5; ++hundreds) {
    field(json, fmt::format("status_{}xx", hundreds), sum([&](const WorkerCounters& counters) {
            return counters.answers.of_status_class(hundreds);
          }));
  }
  for (const auto& named : named_counters()) {
    field(json, named.name,
          sum([&](const WorkerCounters& counters) { return (counters.*named.counter).get(); }));
  }
}

void write_workers(Writer& json, const StatusInput& input) {
  json.StartArray();
  for (size_t i = 0; i < input.workers.size(); ++i) {
    const Worker& worker = *input.workers[i];
    const Generation* generation = input.publisher.find(worker.adopted_ordinal());
    json.StartObject();
    field(json, "worker", i);
    field(json, "generation", generation == nullptr ? "none" : generation->label());
    field(json, "sequence", generation == nullptr ? 0 : generation->sequence);
    const WorkerCounters* const counters[] = {&worker.counters()};
    write_counters(json, counters);
    json.EndObject();
  }
  json.EndArray();
}

void write_totals(Writer& json, const Workers& workers) {
  std::vector<const WorkerCounters*> all;
  for (const auto& worker : workers) all.push_back(&worker->counters());
  json.StartObject();
  write_counters(json, all);
  key(json, "groups");
  json.StartObject();
  for (size_t group = 0; group < kAnswerGroups; ++group) {
    uint64_t sum = 0;
    for (const auto* counters : all)
      sum += counters->answers.of_group(static_cast<AnswerGroup>(group));
    field(json, kAnswerGroupNames[group], sum);
  }
  json.EndObject();
  key(json, "refused_requests");
  json.StartObject();
  for (size_t fault = 0; fault < kRequestFaults; ++fault) {
    uint64_t sum = 0;
    for (const auto* counters : all) sum += counters->faults[fault].get();
    field(json, kRequestFaultNames[fault], sum);
  }
  json.EndObject();
  json.EndObject();
}

void write_records(Writer& json, const Publisher& publisher) {
  json.StartArray();
  for (const auto& record : publisher.records()) {
    json.StartObject();
    field(json, "label", record.label);
    field(json, "file", record.file);
    field(json, "state", name_of(record.state));
    time_field(json, "since", record.since);
    time_field(json, "created_at", static_cast<int64_t>(record.created_at));
    field(json, "size", record.size);
    json.EndObject();
  }
  json.EndArray();
}

void write_refusals(Writer& json, const Publisher& publisher) {
  json.StartObject();
  field(json, "count", publisher.refused_count());
  key(json, "last");
  json.StartArray();
  for (const auto& refusal : publisher.refusals()) {
    json.StartObject();
    time_field(json, "time", refusal.time);
    field(json, "what", refusal.what);
    field(json, "reason", refusal.reason);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
}

void write_access_log(Writer& json, const AccessLog* log) {
  if (log == nullptr) {
    json.Null();
    return;
  }
  json.StartObject();
  field(json, "file", log->path());
  field(json, "lines_lost", log->lines_lost());
  field(json, "reopened", log->reopened());
  json.EndObject();
}

}  // namespace

std::string render_status(const StatusInput& input) {
  rapidjson::StringBuffer buffer;
  Writer json(buffer);
  json.SetIndent(' ', 1);
  json.StartObject();
  field(json, "program", "mirror-edge");
  field(json, "version", MIRROR_VERSION);
  key(json, "build");
  write_build(json);
  field(json, "pid", static_cast<uint64_t>(::getpid()));
  time_field(json, "now", input.now);
  time_field(json, "started_at", input.started);
  field(json, "readiness", trim(input.readiness.text));
  flag(json, "draining", input.draining);
  key(json, "listen");
  json.StartArray();
  for (const auto& url : input.urls) text(json, url);
  json.EndArray();
  field(json, "snapshots", input.publisher.options().snapshots);
  key(json, "wanted");
  write_wanted(json, input.publisher.wanted());
  key(json, "generation");
  write_generation(json, input.publisher.current(), input.now);
  key(json, "geoip");
  write_geo(json, input.publisher, input.now);
  key(json, "workers");
  write_workers(json, input);
  key(json, "generations");
  write_records(json, input.publisher);
  field(json, "published", input.publisher.published_count());
  field(json, "retired", input.publisher.retired_count());
  key(json, "refusals");
  write_refusals(json, input.publisher);
  key(json, "counters");
  write_totals(json, input.workers);
  key(json, "access_log");
  write_access_log(json, input.access_log);
  field(json, "connections_per_worker", input.limits.connections);
  json.EndObject();
  std::string text(buffer.GetString(), buffer.GetSize());
  text += '\n';
  return text;
}

}  // namespace mirror
