#include "edge/serve/request_handler.h"

#include "base/core/assert.h"

namespace mirror {
namespace {

constexpr std::string_view kTextPlain = "text/plain";
constexpr std::string_view kMetalink = "application/metalink+xml";
// Seconds: a compile publishes every few minutes.
constexpr uint32_t kRetryAfterSeconds = 30;

std::string_view text_of(ContentType type) {
  return type == ContentType::kMetalink ? kMetalink : kTextPlain;
}

}  // namespace

RequestHandler::RequestHandler(const Options& options, WorkerCounters& counters)
    : options_(options), counters_(counters), answerer_(options.answer, options.seed) {}

void RequestHandler::adopt(const Generation& generation) {
  answerer_.adopt(&generation.snapshot->view(), generation.geo.get());
  generation_ = &generation;
}

Response RequestHandler::respond(const RequestHead& request, const IpAddress& peer) {
  const auto path = request.target.substr(0, request.target.find('?'));
  if (path == "/-/live") return respond_own(request, {200, "200 live\n"});
  if (path == "/-/ready") {
    return respond_own(request,
                       readiness(options_.readiness, generation_, draining_, date_.unix_seconds()));
  }
  if (generation_ == nullptr) return respond_unavailable(request);
  const Reply reply = answerer_.answer(
      {request.target, resolve_client(peer, request.forwarded_for(), *options_.trusted_proxies),
       date_.unix_seconds()});
  if (reply.logged && options_.log != nullptr) log(reply);
  counters_.groups[static_cast<size_t>(reply.group)].add();
  ResponseHead head;
  head.status = reply.status;
  head.location = reply.location;
  head.content_type = text_of(reply.type);
  head.generation = generation_->sequence;
  head.no_store = !reply.location.empty();
  return finish(request, head, {reply.body});
}

Response RequestHandler::refuse(const Refusal& refusal) {
  ResponseHead head;
  head.status = refusal.status;
  head.allow = refusal.status == 405;
  head.date = date_.text();
  head.connection = ConnectionHeader::kClose;
  return assemble(head, {}, true);
}

Response RequestHandler::respond_own(const RequestHead& request, const Readiness& readiness) {
  ResponseHead head;
  head.status = readiness.status;
  head.content_type = kTextPlain;
  head.generation = generation_ == nullptr ? 0 : generation_->sequence;
  head.no_store = true;
  return finish(request, head, {{readiness.text}});
}

Response RequestHandler::respond_unavailable(const RequestHead& request) {
  ResponseHead head;
  head.status = 503;
  head.content_type = kTextPlain;
  head.no_store = true;
  head.retry_after_seconds = kRetryAfterSeconds;
  return finish(request, head, {{"no mirror data is loaded yet\n"}});
}

Response RequestHandler::finish(const RequestHead& request, ResponseHead head, const Body& body) {
  const bool close = draining_ || !request.keep_alive;
  head.date = date_.text();
  head.content_length = body.size();
  if (close) {
    head.connection = ConnectionHeader::kClose;
  } else if (request.announce_keep_alive) {
    head.connection = ConnectionHeader::kKeepAlive;
  }
  return assemble(head, request.method == RequestMethod::kHead ? Body{} : body, close);
}

Response RequestHandler::assemble(const ResponseHead& head, const Body& body, bool close) {
  count(head.status);
  Response response;
  response.close = close;
  size_t used = 0;
  for (const auto slice : render_response_head(head, head_bytes_)) {
    if (!slice.empty()) response.slices[used++] = slice;
  }
  for (const auto piece : body.pieces) {
    if (piece.empty()) continue;
    // A head with a location has three slices and goes with at most one piece of body.
    MIRROR_ASSERT(used < response.slices.size());
    response.slices[used++] = piece;
  }
  return response;
}

void RequestHandler::log(const Reply& reply) {
  std::array<char, IpAddress::kTextSize> address;
  const size_t size = reply.log_client.format(address.data());
  const std::array<std::string_view, 11> line = {
      "IP: ",        std::string_view(address.data(), size),
      "; DATE: ",    date_.day(),
      "; COUNTRY: ", reply.log_country,
      "; REPO: ",    reply.log_repo,
      "; ARCH: ",    reply.log_arch,
      "\n"};
  if (options_.log->push(line)) {
    counters_.log_lines.add();
  } else {
    counters_.log_lines_dropped.add();
  }
}

void RequestHandler::count(uint16_t status) {
  counters_.requests.add();
  Counter& counter = status < 300   ? counters_.status_2xx
                     : status < 400 ? counters_.status_3xx
                     : status < 500 ? counters_.status_4xx
                                    : counters_.status_5xx;
  counter.add();
}

}  // namespace mirror
