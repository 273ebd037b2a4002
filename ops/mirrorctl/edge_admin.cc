#include "ops/mirrorctl/edge_admin.h"

#include <curl/curl.h>

#include <memory>
#include <string_view>

#include "base/core/text.h"

namespace mirror {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";

struct Body {
  std::string bytes;
  size_t size_max = 0;
};

size_t append_body(char* bytes, size_t size, size_t count, void* target) {
  auto& body = *static_cast<Body*>(target);
  const size_t length = size * count;
  // A short count makes curl stop with an error.
  if (body.bytes.size() + length > body.size_max) return 0;
  body.bytes.append(bytes, length);
  return length;
}

}  // namespace

Result<std::string> ask_edge(const std::string& admin, const EdgeRequest& request) {
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
  url += request.target;
  Body body{{}, request.size_max};
  char reason[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http");
  curl_easy_setopt(curl.get(), CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout_ms));
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, reason);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, append_body);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &body);
  const CURLcode code = curl_easy_perform(curl.get());
  if (code != CURLE_OK) {
    return fail(ErrorKind::kSystem, "asking the edge at {}: {}", admin,
                *reason != '\0' ? reason : curl_easy_strerror(code));
  }
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status == 200) return std::move(body.bytes);
  return fail(ErrorKind::kInvalid, "asking the edge at {}: status {}: {}", admin, status,
              quote_for_message(trim(body.bytes)));
}

}  // namespace mirror
