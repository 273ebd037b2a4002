#include "tests/sim/client.h"

#include <cstdlib>
#include <set>

namespace mirror::sim {
namespace {

size_t count_of(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

uint64_t header_number(const std::string& head, const std::string& name) {
  const auto at = head.find("\r\n" + name + ": ");
  return at == std::string::npos ? 0
                                 : std::strtoull(head.c_str() + at + name.size() + 4, nullptr, 10);
}

// What is wrong with an answer; "" if nothing is.
std::string fault_of(Client::Expect expect, const std::string& head, const std::string& body,
                     const Library& library) {
  const int status = std::atoi(head.c_str() + 9);
  const uint64_t generation = header_number(head, "x-mirrorlist-generation");
  const LibraryFile* file = library.find(generation);
  if (status == 503) return generation == 0 ? "" : "503 with a generation";
  switch (expect) {
    case Client::Expect::kList: {
      if (status != 200 || file == nullptr) return "status " + std::to_string(status);
      const auto own = count_of(body, "http://" + file->mark + ".example/");
      const auto all = count_of(body, "http://");
      if (own != file->hosts || all != own) {
        return fmt::format("generation {}: {} URLs of its own of {}, {} in all", generation, own,
                           file->hosts, all);
      }
      return "";
    }
    case Client::Expect::kHead:
      return status == 200 && body.empty() ? "" : "HEAD";
    case Client::Expect::kHealth:
      return status == 200 && body == "200 live\n" ? "" : "health: " + body;
    case Client::Expect::kNotFound:
      return status == 404 ? "" : "not found: " + std::to_string(status);
    case Client::Expect::kRefusal:
      return status >= 400 && status != 404 ? "" : "refusal: " + std::to_string(status);
  }
  return "";
}

}  // namespace

Client::Client(Random& random, bool proxied) {
  if (proxied) bytes = "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n";
  hurries = random.below(4) == 0;
  for (uint64_t left = 1 + random.below(hurries ? 30 : 6); left > 0; --left) {
    insists = insists || (!requests.empty() && requests.back().closes);
    add_request(random);
    if (requests.back().closes && random.below(3) != 0) break;
  }
  const auto kind = random.below(10);
  stalls = kind == 0;
  aborts = kind == 1;
  drips = kind == 2 && !hurries;
}

void Client::add_request(Random& random) {
  const std::string host = "HTTP/1.1\r\nHost: h\r\n";
  const bool closes = random.below(hurries ? 60 : 8) == 0;
  const std::string end = closes ? "Connection: close\r\n\r\n" : "\r\n";
  const std::string list = "/mirrorlist?path=pub/d&country=SE ";
  switch (random.below(12)) {
    case 0:
      bytes += "HEAD " + list + host + end;
      requests.push_back({Expect::kHead, closes});
      return;
    case 1:
      bytes += "GET /-/live " + host + end;
      requests.push_back({Expect::kHealth, closes});
      return;
    case 2:
      bytes += "GET /metalink?path=pub/nothing " + host + end;
      requests.push_back({Expect::kNotFound, closes});
      return;
    case 3:
      if (random.below(2) == 0) {
        bytes += "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
      } else {
        bytes += "POST / " + host + "\r\n";
      }
      bytes += std::string(random.below(3000), 'x');
      requests.push_back({Expect::kRefusal, true});
      return;
    default:
      bytes += "GET " + list + host + end;
      requests.push_back({Expect::kList, closes});
  }
}

Client::Verdict Client::judge(const Library& library) const {
  Verdict verdict;
  std::string rest = received;
  while (!rest.empty()) {
    const auto end = rest.find("\r\n\r\n");
    if (end == std::string::npos) break;
    const std::string head = rest.substr(0, end);
    if (verdict.said_close || verdict.answers == requests.size()) {
      verdict.fault = "more answers than requests, or one after the last";
      return verdict;
    }
    const auto expect = requests[verdict.answers].expect;
    const size_t size = expect == Expect::kHead ? 0 : header_number(head, "content-length");
    if (rest.size() < end + 4 + size) break;
    verdict.fault = fault_of(expect, head, rest.substr(end + 4, size), library);
    if (!verdict.fault.empty()) return verdict;
    verdict.said_close = head.find("\r\nconnection: close") != std::string::npos;
    if (requests[verdict.answers].closes && !verdict.said_close) verdict.fault = "it stays open";
    ++verdict.answers;
    rest.erase(0, end + 4 + size);
  }
  verdict.is_cut = !rest.empty();
  return verdict;
}

}  // namespace mirror::sim
