#include "ops/mirrorctl/edge_status.h"

#include <rapidjson/document.h>

#include "ops/mirrorctl/edge_admin.h"

namespace mirror {
namespace {

constexpr size_t kStatusSizeMax = 4 << 20;

using Json = rapidjson::Value;

const Json* member(const Json& object, const char* name) {
  if (!object.IsObject()) return nullptr;
  const auto found = object.FindMember(name);
  return found == object.MemberEnd() ? nullptr : &found->value;
}
std::string text(const Json& object, const char* name) {
  const Json* value = member(object, name);
  return value != nullptr && value->IsString()
             ? std::string(value->GetString(), value->GetStringLength())
             : "";
}
uint64_t number(const Json& object, const char* name) {
  const Json* value = member(object, name);
  return value != nullptr && value->IsUint64() ? value->GetUint64() : 0;
}
int64_t seconds(const Json& object, const char* name) {
  const Json* value = member(object, name);
  return value != nullptr && value->IsInt64() ? value->GetInt64() : 0;
}

template <typename Visit>
void for_each(const Json* array, Visit visit) {
  if (array == nullptr || !array->IsArray()) return;
  for (const auto& element : array->GetArray()) visit(element);
}

void take_workers(const Json& document, EdgeStatus* status) {
  for_each(member(document, "workers"), [status](const Json& worker) {
    status->workers.push_back({number(worker, "worker"), text(worker, "generation"),
                               number(worker, "sequence"), number(worker, "connections"),
                               number(worker, "requests"), number(worker, "status_4xx"),
                               number(worker, "status_5xx")});
  });
}

void take_history(const Json& document, EdgeStatus* status) {
  for_each(member(document, "generations"), [status](const Json& entry) {
    status->generations.push_back({text(entry, "label"), text(entry, "file"), text(entry, "state"),
                                   seconds(entry, "since"), number(entry, "size")});
  });
  const Json* refusals = member(document, "refusals");
  if (refusals == nullptr) return;
  status->refused = number(*refusals, "count");
  for_each(refusals->IsObject() ? member(*refusals, "last") : nullptr, [status](const Json& entry) {
    status->refusals.push_back(
        {seconds(entry, "time"), text(entry, "what"), text(entry, "reason")});
  });
}

}  // namespace

Result<EdgeStatus> EdgeStatus::parse(const std::string& json) {
  rapidjson::Document document;
  // Iterative: a hostile document cannot use up the stack.
  document.Parse<rapidjson::kParseIterativeFlag>(json.c_str(), json.size());
  if (document.HasParseError() || text(document, "program") != "mirror-edge") {
    return fail(ErrorKind::kInvalid, "what answers is no mirror-edge");
  }
  EdgeStatus status;
  status.version = text(document, "version");
  status.pid = number(document, "pid");
  status.now = seconds(document, "now");
  status.started_at = seconds(document, "started_at");
  status.readiness = text(document, "readiness");
  status.snapshots = text(document, "snapshots");
  for_each(member(document, "listen"), [&status](const Json& url) {
    if (url.IsString()) status.listen.emplace_back(url.GetString(), url.GetStringLength());
  });
  if (const Json* wanted = member(document, "wanted")) status.wanted_file = text(*wanted, "file");
  if (const Json* generation = member(document, "generation")) {
    status.generation = text(*generation, "label");
    status.created_at = seconds(*generation, "created_at");
  }
  if (const Json* geoip = member(document, "geoip")) {
    status.geoip_file = text(*geoip, "file");
    status.geoip_built_at = seconds(*geoip, "built_at");
  }
  take_workers(document, &status);
  take_history(document, &status);
  return status;
}

Result<EdgeStatus> fetch_edge_status(const std::string& admin, int64_t timeout_ms) {
  MIRROR_TRY(const auto body, ask_edge(admin, {"/-/status", timeout_ms, kStatusSizeMax}));
  auto status = EdgeStatus::parse(body);
  if (!status) return with_context(std::move(status).error(), admin);
  return status;
}

}  // namespace mirror
