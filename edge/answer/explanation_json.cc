#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>

#include "base/core/text.h"
#include "edge/answer/explanation.h"

namespace mirror {
namespace {

using Writer = rapidjson::PrettyWriter<rapidjson::StringBuffer>;

rapidjson::SizeType size_of(std::string_view text) {
  return static_cast<rapidjson::SizeType>(text.size());
}
void key(Writer& json, std::string_view name) { json.Key(name.data(), size_of(name)); }
// A target may be any bytes, and JSON is UTF-8.
void text(Writer& json, std::string_view value) {
  const std::string safe =
      is_valid_utf8(value) ? std::string(value) : quote_for_message(value, value.size());
  json.String(safe.data(), size_of(safe));
}
void field(Writer& json, std::string_view name, std::string_view value) {
  key(json, name);
  text(json, value);
}
void field(Writer& json, std::string_view name, uint64_t value) {
  key(json, name);
  json.Uint64(value);
}
void signed_field(Writer& json, std::string_view name, int64_t value) {
  key(json, name);
  json.Int64(value);
}
void flag(Writer& json, std::string_view name, bool value) {
  key(json, name);
  json.Bool(value);
}
void null_field(Writer& json, std::string_view name) {
  key(json, name);
  json.Null();
}
// null instead of an empty text.
void optional_field(Writer& json, std::string_view name, std::string_view value) {
  if (value.empty()) {
    null_field(json, name);
  } else {
    field(json, name, value);
  }
}
void texts(Writer& json, std::string_view name, const std::vector<std::string>& values) {
  key(json, name);
  json.StartArray();
  for (const std::string& value : values) text(json, value);
  json.EndArray();
}

void write_generation(Writer& json, const ExplainedGeneration& generation) {
  key(json, "generation");
  json.StartObject();
  if (generation.sequence == 0) {
    null_field(json, "sequence");
  } else {
    field(json, "sequence", generation.sequence);
  }
  field(json, "digest", generation.digest.hex());
  field(json, "created_at", generation.created_at);
  json.EndObject();
  if (generation.geoip_type.empty()) return null_field(json, "geoip");
  key(json, "geoip");
  json.StartObject();
  field(json, "type", generation.geoip_type);
  signed_field(json, "built_at", generation.geoip_built_at);
  json.EndObject();
}

void write_question(Writer& json, const std::optional<ExplainedQuestion>& question) {
  if (!question) return null_field(json, "question");
  key(json, "question");
  json.StartObject();
  field(json, "resource",
        question->resource == Resource::kMetalink ? std::string_view("metalink") : "mirrorlist");
  if (question->has_path) {
    field(json, "path", question->path);
    for (const auto* name : {"repository", "arch", "repository_used", "arch_used"}) {
      null_field(json, name);
    }
  } else {
    null_field(json, "path");
    field(json, "repository", question->repository);
    field(json, "arch", question->arch);
    field(json, "repository_used", question->repository_used);
    field(json, "arch_used", question->arch_used);
  }
  texts(json, "countries", question->countries);
  if (question->protocol) {
    field(json, "protocol", *question->protocol);
  } else {
    null_field(json, "protocol");
  }
  flag(json, "networks", question->use_networks);
  flag(json, "redirect", question->wants_redirect);
  flag(json, "time", question->wants_time);
  texts(json, "notes", question->notes);
  json.EndObject();
}

void write_directory(Writer& json, const std::optional<ExplainedDirectory>& directory) {
  if (!directory) return null_field(json, "directory");
  key(json, "directory");
  json.StartObject();
  field(json, "name", directory->name);
  field(json, "subpath", directory->subpath);
  optional_field(json, "file", directory->file);
  field(json, "carriers", directory->carriers);
  if (!directory->has_category) {
    null_field(json, "category");
  } else {
    key(json, "category");
    json.StartObject();
    signed_field(json, "id", directory->category_id);
    field(json, "name", directory->category);
    field(json, "product", directory->product);
    field(json, "top_directory", directory->top_directory);
    field(json, "hosts", directory->category_hosts);
    json.EndObject();
  }
  json.EndObject();
}

void write_host_fields(Writer& json, const ExplainedHost& host) {
  signed_field(json, "id", host.id);
  field(json, "name", host.name);
  field(json, "site", host.site);
  optional_field(json, "country", host.country);
  field(json, "weight", uint64_t{host.weight});
}

void write_client(Writer& json, const std::optional<ExplainedClient>& client) {
  if (!client) return null_field(json, "client");
  key(json, "client");
  json.StartObject();
  field(json, "address", client->address.to_string());
  field(json, "source", code_of(client->source));
  key(json, "netblocks");
  json.StartArray();
  for (const auto& netblock : client->netblocks) {
    json.StartObject();
    field(json, "prefix", netblock.prefix);
    write_host_fields(json, netblock.host);
    json.EndObject();
  }
  json.EndArray();
  if (!client->asn) {
    null_field(json, "asn");
  } else {
    signed_field(json, "asn", *client->asn);
  }
  key(json, "asn_hosts");
  json.StartArray();
  for (const ExplainedHost& host : client->asn_hosts) {
    json.StartObject();
    write_host_fields(json, host);
    json.EndObject();
  }
  json.EndArray();
  field(json, "country", client->country);
  field(json, "country_source", code_of(client->country_source));
  optional_field(json, "continent", client->continent);
  json.EndObject();
}

void write_mirror(Writer& json, const ExplainedMirror& mirror) {
  json.StartObject();
  write_host_fields(json, mirror.host);
  if (mirror.times == 0) {
    null_field(json, "times");
  } else {
    field(json, "times", uint64_t{mirror.times});
  }
  key(json, "probability");
  json.Double(mirror.probability);
  optional_field(json, "prefix", mirror.prefix);
  flag(json, "private", mirror.is_private);
  texts(json, "urls", mirror.urls);
  json.EndObject();
}

void write_groups(Writer& json, const std::vector<ExplainedGroup>& groups) {
  key(json, "groups");
  json.StartArray();
  for (const ExplainedGroup& group : groups) {
    json.StartObject();
    field(json, "group", code_of(group.group));
    flag(json, "reached", !group.skip.has_value());
    optional_field(json, "not_reached_because",
                   group.skip ? code_of(*group.skip) : std::string_view());
    field(json, "sentence", group.sentence);
    texts(json, "countries", group.countries);
    flag(json, "everybody", group.everybody);
    key(json, "mirrors");
    json.StartArray();
    for (const ExplainedMirror& mirror : group.mirrors) write_mirror(json, mirror);
    json.EndArray();
    json.EndObject();
  }
  json.EndArray();
}

void write_absences(Writer& json, const std::vector<ExplainedAbsence>& absences) {
  key(json, "not_in_answer");
  json.StartArray();
  for (const ExplainedAbsence& absence : absences) {
    json.StartObject();
    write_host_fields(json, absence.host);
    key(json, "reasons");
    json.StartArray();
    for (const Absence& reason : absence.reasons) {
      json.StartObject();
      field(json, "code", code_of(reason.reason));
      field(json, "sentence", reason.sentence);
      json.EndObject();
    }
    json.EndArray();
    json.EndObject();
  }
  json.EndArray();
}

}  // namespace

std::string render_json(const Explanation& explanation) {
  rapidjson::StringBuffer buffer;
  Writer json(buffer);
  json.SetIndent(' ', 1);
  json.StartObject();
  field(json, "target", explanation.target);
  write_generation(json, explanation.generation);
  field(json, "minimum", uint64_t{explanation.minimum});
  field(json, "status", uint64_t{explanation.status});
  if (!explanation.refusal) {
    null_field(json, "refusal");
  } else {
    key(json, "refusal");
    json.StartObject();
    field(json, "code", code_of(explanation.refusal->reason));
    field(json, "sentence", explanation.refusal->sentence);
    json.EndObject();
  }
  write_question(json, explanation.question);
  write_directory(json, explanation.directory);
  write_client(json, explanation.client);
  write_groups(json, explanation.groups);
  write_absences(json, explanation.absences);
  json.EndObject();
  std::string document(buffer.GetString(), buffer.GetSize());
  document += '\n';
  return document;
}

}  // namespace mirror
