#include "bench/world/questions.h"

#include "base/core/files.h"
#include "base/core/text.h"

namespace mirror::bench {
namespace {

constexpr uint64_t kFileSizeMax = 64 << 20;

Result<WorldQuestion> parse(std::string_view line) {
  const auto fields = split(line, '\t');
  if (fields.size() > 3 || !fields[0].starts_with('/') || has_control_byte(fields[0]))
    return fail(ErrorKind::kInvalid, "expected TARGET<tab>CLIENT<tab>STATUS");
  WorldQuestion question{fields[0], {}, 0};
  if (fields.size() > 1) question.client = fields[1];
  if (fields.size() < 3) return question;
  const auto status = parse_uint64(fields[2]);
  if (!status || *status < 100 || *status > 599)
    return fail(ErrorKind::kInvalid, "'{}' is no status", quote_for_message(fields[2]));
  question.status = static_cast<uint16_t>(*status);
  return question;
}

}  // namespace

void WorldQuestion::append_request(bool close, std::string& out) const {
  out += "GET ";
  out += target;
  out += " HTTP/1.1\r\nHost: localhost\r\n";
  if (!client.empty()) {
    out += "X-Forwarded-For: ";
    out += client;
    out += "\r\n";
  }
  if (close) out += "Connection: close\r\n";
  out += "\r\n";
}

Result<WorldQuestions> WorldQuestions::read(const std::string& path) {
  MIRROR_TRY(std::string text, read_file(path, kFileSizeMax));
  WorldQuestions questions;
  questions.text_ = std::make_unique<const std::string>(std::move(text));
  size_t number = 0;
  for (const auto line : split(*questions.text_, '\n')) {
    ++number;
    if (line.empty()) continue;
    auto question = parse(line);
    if (!question)
      return with_context(std::move(question).error(), fmt::format("{}:{}", path, number));
    questions.questions_.push_back(*question);
  }
  if (questions.questions_.empty()) return fail(ErrorKind::kInvalid, "{}: holds no question", path);
  return questions;
}

}  // namespace mirror::bench
