#include "edge/answer/answerer.h"

#include <algorithm>

#include "base/core/assert.h"
#include "edge/answer/directory_choice.h"
#include "edge/answer/list_reply.h"
#include "edge/answer/metalink_reply.h"
#include "edge/answer/mirror_choice.h"
#include "edge/answer/place.h"
#include "edge/answer/question.h"
#include "edge/answer/text_buffer.h"
#include "edge/answer/url_filter.h"
#include "edge/answer/url_text.h"

namespace mirror {
namespace {

// One `%XX` for each byte that would break the words of a line of the access log.
void append_for_log(std::string_view text, TextBuffer& out) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte != 0x7f && c != ';') {
      out.append(c);
      continue;
    }
    out.append('%');
    out.append(kDigits[byte >> 4]);
    out.append(kDigits[byte & 15]);
  }
}

}  // namespace

struct Answerer::Implementation {
  Implementation(const AnswerOptions& answer_options, uint64_t seed)
      : options(answer_options), random(seed) {
    scratch.allocate(kScratchSize);
    tail.allocate();
  }

  // Directory choice and log fields; percent-encoding triples a text.
  static constexpr size_t kScratchSize = kDirectoryScratchMax + 3 * 2 * kTargetSizeMax;

  void adopt(const SnapshotView* new_view, const GeoDatabase* new_geo);
  Reply answer(const AnswerRequest& request);
  Reply refuse(const Refusal& refusal, Resource resource, int64_t now_unix);
  Reply refuse_metalink(const Refusal& refusal, int64_t now_unix);
  // What a refused question tells the log.
  Reply refuse_question(const Refusal& refusal, const Question& question,
                        const AnswerRequest& request);
  void log_question(const Question& question, std::string_view arch, Reply& reply);

  struct Located {
    const Question& question;
    const DirectoryChoice& directory;
    const Place& place;
  };
  Reply answer_located(const Located& located, int64_t now_unix);
  Reply reply_list(const Located& located);
  Reply reply_redirect(const Located& located);
  Reply reply_metalink(const Located& located, uint32_t file, int64_t now_unix);
  MirrorChooser::Choice choose(const Located& located, const UrlFilter& filter, TextBuffer* header);

  AnswerOptions options;
  Random random;
  const SnapshotView* view = nullptr;
  QuestionReader reader;
  Locator locator;
  MirrorChooser chooser;
  MetalinkHead metalink_head;
  UrlTail tail;
  TextBuffer scratch;
  TextBuffer body;
};

void Answerer::Implementation::adopt(const SnapshotView* new_view, const GeoDatabase* new_geo) {
  MIRROR_ASSERT(new_view != nullptr);
  view = new_view;
  locator.adopt(*view, new_geo);
  chooser.adopt(*view);
  // What the snapshot bounds, and what a client can add to it by long or many names; hyphens of a
  // comment may double, bytes of a Location become three.
  const size_t capacity = view->body_size_max + chooser.header_size_max() +
                          3 * size_t{kTargetSizeMax} + 3 * size_t{kTextSizeMax};
  if (capacity > body.capacity()) body.allocate(capacity);
}

Reply Answerer::Implementation::refuse(const Refusal& refusal, Resource resource,
                                       int64_t now_unix) {
  if (resource == Resource::kMetalink) return refuse_metalink(refusal, now_unix);
  Reply reply;
  if (refusal.reason != Refusal::Reason::kUnknownResource)
    reply.resource = AnsweredResource::kMirrorlist;
  reply.status = status_of(refusal.reason);
  reply.body[1] = message_of(refusal.reason);
  if (refusal.reason == Refusal::Reason::kUnknownRepository) {
    body.clear();
    append_repository(refusal.first, refusal.second, body);
    reply.body[0] = body.text();
    reply.body[2] = view->text(view->repository_list);
  }
  return reply;
}

Reply Answerer::Implementation::refuse_metalink(const Refusal& refusal, int64_t now_unix) {
  Reply reply;
  reply.status = status_of(refusal.reason);
  reply.resource = AnsweredResource::kMetalink;
  reply.type = ContentType::kMetalink;
  scratch.clear();
  if (refusal.reason == Refusal::Reason::kUnknownRepository) {
    append_repository(refusal.first, refusal.second, scratch);
    reply.body[1] = view->text(view->repository_list_comment);
  }
  body.clear();
  append_failure_begin(metalink_head.at(now_unix), body);
  append_for_comment(scratch.text(), body);
  if (refusal.reason == Refusal::Reason::kNoMetalink) {
    append_for_comment(refusal.first, body);
    append_for_comment("/", body);
    append_for_comment(refusal.second, body);
  }
  append_for_comment(message_of(refusal.reason), body);
  reply.body[0] = body.text();
  reply.body[2] = kFailureEnd;
  return reply;
}

void Answerer::Implementation::log_question(const Question& question, std::string_view arch,
                                            Reply& reply) {
  if (question.has_path) reply.log_path = question.path;
  if (!question.has_repository) return;
  const size_t begin = scratch.size();
  append_for_log(question.repository, scratch);
  reply.log_repo = scratch.text_from(begin);
  const size_t middle = scratch.size();
  append_for_log(arch, scratch);
  reply.log_arch = scratch.text_from(middle);
}

Reply Answerer::Implementation::refuse_question(const Refusal& refusal, const Question& question,
                                                const AnswerRequest& request) {
  Reply reply = refuse(refusal, question.resource, request.now_unix);
  reply.log_client = request.client;
  log_question(question, question.arch, reply);
  return reply;
}

Reply Answerer::Implementation::answer(const AnswerRequest& request) {
  MIRROR_ASSERT(view != nullptr);
  scratch.clear();
  const auto question = reader.read(request.target);
  if (!question) {
    Reply reply = refuse(question.error().refusal, question.error().resource, request.now_unix);
    reply.log_client = request.client;
    return reply;
  }
  const auto directory = choose_directory(*view, *question, scratch);
  if (!directory) return refuse_question(directory.error(), *question, request);
  chooser.prefetch(view->directories[directory->directory].carrier_set());
  const auto client = choose_client(*question, request.client, options.ip_parameter);
  if (!client) return refuse_question(client.error(), *question, request);
  const Place place = locator.locate(*client, question->use_networks);
  Reply reply = answer_located({*question, *directory, place}, request.now_unix);
  reply.logged = question->has_repository;
  reply.log_client = place.client;
  reply.log_country = place.country;
  log_question(*question, directory->logged_arch, reply);
  return reply;
}

Reply Answerer::Implementation::answer_located(const Located& located, int64_t now_unix) {
  if (located.question.resource == Resource::kMirrorlist) {
    return located.question.wants_redirect ? reply_redirect(located) : reply_list(located);
  }
  const auto file = find_metalink_file(*view, located.directory);
  if (!file) return refuse_metalink(file.error(), now_unix);
  return reply_metalink(located, *file, now_unix);
}

MirrorChooser::Choice Answerer::Implementation::choose(const Located& located,
                                                       const UrlFilter& filter,
                                                       TextBuffer* header) {
  const uint32_t carrier_set = view->directories[located.directory.directory].carrier_set();
  return chooser.choose(
      {located.question, located.place, filter, carrier_set, options.minimum, header}, random);
}

Reply Answerer::Implementation::reply_list(const Located& located) {
  body.clear();
  append_list_begin(located.question, located.directory, body);
  const UrlFilter filter(*view, located.question);
  const auto choice = choose(located, filter, &body);
  append_list_options(located.question, view->created_at, body);
  tail.set_plain(*view, located.directory, "\n");
  append_list_urls(*view, filter, choice.mirrors, tail, body);
  Reply reply;
  reply.resource = AnsweredResource::kMirrorlist;
  reply.group = choice.group;
  reply.body[0] = body.text();
  return reply;
}

Reply Answerer::Implementation::reply_redirect(const Located& located) {
  const UrlFilter filter(*view, located.question);
  const auto choice = choose(located, filter, nullptr);
  Reply reply;
  reply.resource = AnsweredResource::kMirrorlist;
  reply.group = choice.group;
  if (choice.mirrors.empty()) {
    reply.status = status_of(Refusal::Reason::kNoRedirect);
    return reply;
  }
  tail.set_plain(*view, located.directory, "");
  body.clear();
  append_location(*view, choice.mirrors[0].pick, tail, body);
  reply.status = 302;
  reply.location = body.text();
  return reply;
}

Reply Answerer::Implementation::reply_metalink(const Located& located, uint32_t file,
                                               int64_t now_unix) {
  const fb::Directory& directory = view->directories[located.directory.directory];
  const UrlFilter filter(*view, located.question);
  const auto choice = choose(located, filter, nullptr);
  tail.set_xml(*view, located.directory, kMetalinkTailEnd);
  body.clear();
  const uint32_t private_from = view->carrier_sets[directory.carrier_set()].global_count();
  append_metalink_urls(*view, {filter, choice.mirrors, private_from, tail}, body);
  Reply reply;
  reply.resource = AnsweredResource::kMetalink;
  reply.type = ContentType::kMetalink;
  reply.group = choice.group;
  reply.body = {metalink_head.at(now_unix), view->text(view->files[file].block()), body.text()};
  return reply;
}

Answerer::Answerer(const AnswerOptions& options, uint64_t seed)
    : implementation_(std::make_unique<Implementation>(options, seed)) {}
Answerer::~Answerer() = default;

void Answerer::adopt(const SnapshotView* snapshot, const GeoDatabase* geo) {
  implementation_->adopt(snapshot, geo);
}

Reply Answerer::answer(const AnswerRequest& request) { return implementation_->answer(request); }

}  // namespace mirror
