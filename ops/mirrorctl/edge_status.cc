#include "ops/mirrorctl/edge_status.h"

#include <curl/curl.h>
#include <rapidjson/document.h>

#include <memory>
#include <string_view>

namespace mirror {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";
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

size_t append_body(char* bytes, size_t size, size_t count, void* target) {
  auto& body = *static_cast<std::string*>(target);
  const size_t length = size * count;
  // A short count makes curl stop with an error.
  if (body.size() + length > kStatusSizeMax) return 0;
  body.append(bytes, length);
  return length;
}

Result<std::string> get(const std::string& admin, int64_t timeout_ms) {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                 curl_easy_cleanup);
  if (curl == nullptr) return fail(ErrorKind::kSystem, "libcurl cannot start");
  std::string url;
  if (admin.starts_with(kUnixPrefix)) {
    curl_easy_setopt(curl.get(), CURLOPT_UNIX_SOCKET_PATH, admin.c_str() + kUnixPrefix.size());
    url = "http://edge";
  } else {
    url = admin.starts_with("http://") ? admin : "http://" + admin;
  }
  while (url.ends_with('/')) url.pop_back();
  url += "/-/status";
  std::string body;
  char reason[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http");
  curl_easy_setopt(curl.get(), CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(timeout_ms));
  curl_easy_setopt(curl.get(), CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, reason);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, append_body);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &body);
  const CURLcode code = curl_easy_perform(curl.get());
  if (code == CURLE_OK) return body;
  return fail(ErrorKind::kSystem, "asking the edge at {}: {}", admin,
              *reason != '\0' ? reason : curl_easy_strerror(code));
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
  MIRROR_TRY(const auto body, get(admin, timeout_ms));
  auto status = EdgeStatus::parse(body);
  if (!status) return with_context(std::move(status).error(), admin);
  return status;
}

}  // namespace mirror
