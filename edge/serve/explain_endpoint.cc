#include "edge/serve/explain_endpoint.h"

#include <fmt/format.h>

#include <optional>
#include <string>

#include "base/core/text.h"
#include "edge/answer/explanation.h"
#include "edge/answer/question.h"
#include "edge/answer/text_buffer.h"

namespace mirror {
namespace {

constexpr std::string_view kPath = "/-/explain";
constexpr std::string_view kUsage =
    "put /-/explain before a question: /-/explain/mirrorlist?repo=NAME&arch=ARCH&ip=ADDRESS\n";

struct Parts {
  std::string question;  // without our parameters
  std::optional<std::string> client, format;
};

// The decoded value of a piece `NAME=VALUE`; nullopt if it has another name.
std::optional<std::string> value_of(std::string_view piece, std::string_view name) {
  if (!piece.starts_with(name) || !piece.substr(name.size()).starts_with('=')) return std::nullopt;
  TextBuffer value;
  value.allocate(piece.size());
  append_decoded(piece.substr(name.size() + 1), value);
  return std::string(value.text());
}

Parts take_apart(std::string_view target) {
  target.remove_prefix(kPath.size());
  const size_t mark = target.find('?');
  Parts parts;
  parts.question = target.substr(0, mark);
  if (mark == std::string_view::npos) return parts;
  char separator = '?';
  for (const std::string_view piece : split(target.substr(mark + 1), '&')) {
    if (const auto client = value_of(piece, "client")) {
      parts.client = client;
    } else if (const auto format = value_of(piece, "format")) {
      parts.format = format;
    } else {
      parts.question += separator;
      parts.question += piece;
      separator = '&';
    }
  }
  return parts;
}

}  // namespace

bool is_explain_target(std::string_view target) {
  if (!target.starts_with(kPath)) return false;
  const std::string_view rest = target.substr(kPath.size());
  return rest.empty() || rest[0] == '/' || rest[0] == '?';
}

AdminReply answer_explain(std::string_view target, const Generation* generation,
                          const AnswerOptions& options) {
  const Parts parts = take_apart(target);
  if (!parts.question.starts_with('/')) return {400, "text/plain", std::string(kUsage)};
  const bool wants_json = parts.format == "json";
  if (!wants_json && parts.format.value_or("text") != "text") {
    return {400, "text/plain", "format= takes text or json\n"};
  }
  const auto client = IpAddress::parse(parts.client.value_or(""));
  if (parts.client && !client) {
    return {
        400, "text/plain",
        fmt::format("client= holds {}, which is no address\n", quote_for_message(*parts.client))};
  }
  if (generation == nullptr) return {503, "text/plain", "no mirror data is loaded yet\n"};
  const Explanation explanation =
      explain(generation->snapshot->view(), generation->geo.get(), options,
              {.target = parts.question,
               .client = client,
               .sequence = generation->sequence,
               .digest = generation->snapshot->digest()});
  if (wants_json) return {200, "application/json", render_json(explanation)};
  return {200, "text/plain", render_text(explanation)};
}

}  // namespace mirror
