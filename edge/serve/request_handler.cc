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

CountedResource counted(AnsweredResource resource) {
  switch (resource) {
    case AnsweredResource::kUnknown:
      return CountedResource::kOther;
    case AnsweredResource::kMirrorlist:
      return CountedResource::kMirrorlist;
    case AnsweredResource::kMetalink:
      return CountedResource::kMetalink;
  }
  return CountedResource::kOther;
}

}  // namespace

RequestHandler::RequestHandler(const Options& options, WorkerCounters& counters)
    : options_(options),
      counters_(counters),
      answerer_(options.answer, options.seed),
      log_line_(options.log_line) {}

void RequestHandler::adopt(const Generation& generation) {
  answerer_.adopt(&generation.snapshot->view(), generation.geo.get());
  generation_ = &generation;
}

Response RequestHandler::respond(const RequestHead& request, const Peer& peer, bool last) {
  const Ending ending = ending_of(request, last);
  const auto path = request.target.substr(0, request.target.find('?'));
  if (path == "/-/live") return respond_health(ending, {200, "200 live\n"});
  if (path == "/-/ready") {
    return respond_health(
        ending, readiness(options_.readiness, generation_, draining_, date_.unix_seconds()));
  }
  if (generation_ == nullptr) return respond_unavailable(ending);
  const Reply reply = answerer_.answer(
      {request.target, resolve_client(peer, request.forwarded_for(), *options_.trusted_proxies),
       date_.unix_seconds()});
  if (options_.log != nullptr) log(reply);
  counters_.answers.add(counted(reply.resource), reply.status, reply.group);
  ResponseHead head;
  head.status = reply.status;
  head.location = reply.location;
  head.content_type = text_of(reply.type);
  head.no_store = !reply.location.empty();
  return finish(head, {reply.body}, ending);
}

Response RequestHandler::refuse(const RequestRefusal& refusal) {
  counters_.faults[static_cast<size_t>(refusal.fault)].add();
  ResponseHead head;
  head.status = refusal.status();
  head.allow = refusal.fault == RequestFault::kMethod;
  counters_.answers.add(CountedResource::kRefused, head.status, AnswerGroup::kNoMirror);
  return finish(head, {}, {false, true, ConnectionHeader::kClose});
}

RequestHandler::Ending RequestHandler::ending_of(const RequestHead& request, bool last) const {
  Ending ending;
  ending.head_only = request.method == RequestMethod::kHead;
  ending.close = closes_ || last || !request.keep_alive;
  if (ending.close) {
    ending.header = ConnectionHeader::kClose;
  } else if (request.announce_keep_alive) {
    ending.header = ConnectionHeader::kKeepAlive;
  }
  return ending;
}

Response RequestHandler::respond_health(const Ending& ending, const Readiness& readiness) {
  counters_.answers.add(CountedResource::kHealth, readiness.status, AnswerGroup::kNoMirror);
  ResponseHead head;
  head.status = readiness.status;
  head.content_type = kTextPlain;
  head.no_store = true;
  return finish(head, {{readiness.text}}, ending);
}

Response RequestHandler::respond_unavailable(const Ending& ending) {
  constexpr uint16_t kUnavailable = 503;
  counters_.answers.add(CountedResource::kOther, kUnavailable, AnswerGroup::kNoMirror);
  ResponseHead head;
  head.status = kUnavailable;
  head.content_type = kTextPlain;
  head.no_store = true;
  head.retry_after_seconds = kRetryAfterSeconds;
  return finish(head, {{"no mirror data is loaded yet\n"}}, ending);
}

Response RequestHandler::finish(ResponseHead head, const Body& body, const Ending& ending) {
  head.date = date_.text();
  head.content_length = body.size();
  head.generation = generation_ == nullptr ? 0 : generation_->sequence;
  head.connection = ending.header;
  Response response;
  response.close = ending.close;
  size_t used = 0;
  for (const auto slice : render_response_head(head, head_bytes_)) {
    if (!slice.empty()) response.slices[used++] = slice;
  }
  if (ending.head_only) return response;
  for (const auto piece : body.pieces) {
    if (piece.empty()) continue;
    // A head with a location has three slices and goes with at most one piece of body.
    MIRROR_ASSERT(used < response.slices.size());
    response.slices[used++] = piece;
  }
  return response;
}

void RequestHandler::log(const Reply& reply) {
  switch (log_line_.push(reply, generation_->sequence, date_, *options_.log)) {
    case AccessLine::Outcome::kNoLine:
      return;
    case AccessLine::Outcome::kWritten:
      counters_.log_lines.add();
      return;
    case AccessLine::Outcome::kDropped:
      counters_.log_lines_dropped.add();
      return;
  }
}

}  // namespace mirror
