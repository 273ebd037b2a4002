#include "edge/answer/question.h"

#include <algorithm>
#include <optional>

#include "base/core/text.h"

namespace mirror {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The path of a target in origin or absolute form (RFC 9112 section 3.2); empty for the other
// forms.
std::string_view path_of(std::string_view target) {
  if (target.starts_with('/')) return target;
  const auto separator = target.find("://");
  if (separator == std::string_view::npos) return {};
  const auto slash = target.find('/', separator + 3);
  return slash == std::string_view::npos ? std::string_view() : target.substr(slash);
}

// By the raw suffix: `/mirror%6cist` is something else.
std::optional<Resource> resource_of(std::string_view path) {
  if (path.ends_with("/metalink")) return Resource::kMetalink;
  if (path.ends_with("/mirrorlist")) return Resource::kMirrorlist;
  return std::nullopt;
}

// Valid UTF-8 that may stand in a line of text and in XML 1.0 (section 2.2): no control characters,
// no U+FFFE, U+FFFF.
bool is_printable(std::string_view text) {
  unsigned char all = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) return false;
    all |= byte;
  }
  if (all < 0x80) return true;
  return is_valid_utf8(text) && !has_line_end_above_ascii(text) &&
         text.find("\xef\xbf\xbe") == std::string_view::npos &&
         text.find("\xef\xbf\xbf") == std::string_view::npos;
}

// Splits at commas, sorts by bytes and drops duplicates. nullopt: more names than there is room
// for.
template <size_t kRoom>
bool split_names(std::string_view text, std::array<std::string_view, kRoom>& names,
                 std::span<const std::string_view>& result) {
  size_t count = 0;
  for (;;) {
    if (count == kRoom) return false;
    const auto comma = text.find(',');
    names[count++] = text.substr(0, comma);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  std::sort(names.begin(), names.begin() + count);
  result = {names.begin(), std::unique(names.begin(), names.begin() + count)};
  return true;
}

}  // namespace

void append_decoded(std::string_view text, TextBuffer& out) {
  for (size_t at = 0; at < text.size(); ++at) {
    const bool complete = text[at] == '%' && text.size() - at > 2;
    const int high = complete ? hex_digit(text[at + 1]) : -1;
    const int low = complete ? hex_digit(text[at + 2]) : -1;
    if (high < 0 || low < 0) {
      out.append(text[at]);
    } else {
      out.append(static_cast<char>(high * 16 + low));
      at += 2;
    }
  }
}

// The known parameters as given last.
struct QuestionReader::Values {
  std::optional<std::string_view> path, repository, arch, ip, country, netblock, protocol;
  bool time = false;
  bool redirect = false;
};

QuestionReader::QuestionReader() { decoded_.allocate(kTargetSizeMax); }

std::string_view QuestionReader::decode(std::string_view text) {
  if (text.find('%') == std::string_view::npos) return text;
  const size_t begin = decoded_.size();
  append_decoded(text, decoded_);
  return decoded_.text_from(begin);
}

void QuestionReader::read_query(std::string_view query, Values& values) {
  while (!query.empty()) {
    const std::string_view piece = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), piece.size() + 1));
    const size_t equals = piece.find('=');
    const std::string_view name = decode(piece.substr(0, equals));
    std::optional<std::string_view>* value = nullptr;
    if (name == "path") value = &values.path;
    if (name == "repo") value = &values.repository;
    if (name == "arch") value = &values.arch;
    if (name == "ip") value = &values.ip;
    if (name == "country") value = &values.country;
    if (name == "netblock") value = &values.netblock;
    if (name == "protocol") value = &values.protocol;
    if (name == "time") values.time = true;
    if (name == "redirect") values.redirect = true;
    if (value == nullptr) continue;
    *value =
        equals == std::string_view::npos ? std::string_view() : decode(piece.substr(equals + 1));
  }
}

tl::expected<Question, Refusal> QuestionReader::interpret(const Values& values, Resource resource) {
  for (const auto& value :
       {values.path, values.repository, values.arch, values.country, values.protocol}) {
    if (value && !is_printable(*value)) {
      return tl::unexpected(Refusal{Refusal::Reason::kBadText, {}, {}});
    }
  }
  Question question;
  question.resource = resource;
  question.has_path = values.path.has_value();
  question.has_repository = values.repository && values.arch;
  if (!question.has_path && !question.has_repository) {
    return tl::unexpected(Refusal{Refusal::Reason::kParametersMissing, {}, {}});
  }
  question.path = values.path.value_or(std::string_view());
  question.repository = values.repository.value_or(std::string_view());
  question.arch = values.arch.value_or(std::string_view());
  question.ip = values.ip.value_or(std::string_view());
  question.has_protocol = values.protocol.has_value();
  question.protocol = values.protocol.value_or(std::string_view());
  question.wants_time = values.time;
  question.wants_redirect = values.redirect && resource == Resource::kMirrorlist;
  const std::string_view country = values.country.value_or(std::string_view());
  question.use_networks = country.empty() && values.netblock.value_or("1") == "1";
  if ((!country.empty() && !split_names(country, countries_, question.countries)) ||
      (question.has_protocol && !split_names(question.protocol, protocols_, question.protocols))) {
    return tl::unexpected(Refusal{Refusal::Reason::kTooManyNames, {}, {}});
  }
  return question;
}

tl::expected<Question, QuestionReader::Refused> QuestionReader::read(std::string_view target) {
  if (target.size() > kTargetSizeMax) {
    return tl::unexpected(
        Refused{{Refusal::Reason::kTargetTooLong, {}, {}}, Resource::kMirrorlist});
  }
  decoded_.clear();
  target = target.substr(0, target.find('#'));
  const size_t mark = target.find('?');
  const auto resource = resource_of(path_of(target.substr(0, mark)));
  if (!resource) {
    return tl::unexpected(
        Refused{{Refusal::Reason::kUnknownResource, {}, {}}, Resource::kMirrorlist});
  }
  Values values;
  if (mark != std::string_view::npos) read_query(target.substr(mark + 1), values);
  auto question = interpret(values, *resource);
  if (!question) return tl::unexpected(Refused{question.error(), *resource});
  return *question;
}

}  // namespace mirror
