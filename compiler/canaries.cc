#include "compiler/canaries.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/core/files.h"
#include "base/core/text.h"
#include "compiler/comparison.h"
#include "edge/answer/answerer.h"
#include "edge/answer/explanation.h"
#include "edge/answer/question.h"

namespace mirror {
namespace {

constexpr uint64_t kCanaryFileSizeMax = uint64_t{16} << 20;
constexpr size_t kMirrorsNamed = 5;
constexpr uint64_t kSeed = 0;  // who comes first does not matter
constexpr IpAddress kAsker{IpAddress::Family::kIpv4, 0, 0x7f000001};

class Parser {
 public:
  Parser(std::string_view text, std::string_view file) : text_(text), file_(file) {}

  Result<std::vector<Canary>> run() {
    for (const std::string_view line : split(text_, '\n')) {
      ++line_;
      const auto words = split_blanks(trim(line));
      if (words.empty() || words[0].starts_with('#')) continue;
      if (canaries_.size() == kCanariesMax) {
        return fault("more than {} questions; leave some out", kCanariesMax);
      }
      Canary canary;
      canary.where = fmt::format("{}:{}", file_, line_);
      MIRROR_CHECK(read_target(words[0], canary));
      for (const auto word : std::span(words).subspan(1))
        MIRROR_CHECK(read_condition(word, canary));
      canaries_.push_back(std::move(canary));
    }
    return std::move(canaries_);
  }

 private:
  template <typename... Arguments>
  [[nodiscard]] tl::unexpected<Error> fault(fmt::format_string<Arguments...> format,
                                            Arguments&&... arguments) const {
    return fail(ErrorKind::kInvalid, "{}:{}: {}", file_, line_,
                fmt::format(format, std::forward<Arguments>(arguments)...));
  }

  // Whatever the snapshot holds, an edge would refuse such a question: it is a slip of the pen.
  Result<void> read_target(std::string_view target, Canary& canary) {
    const auto shown = quote_for_message(target);
    const auto question = reader_.read(target);
    if (!question) {
      if (question.error().refusal.reason == Refusal::Reason::kUnknownResource) {
        return fault("{} is no question; write /mirrorlist?... or /metalink?...", shown);
      }
      return fault("an edge would refuse {}: {}", shown,
                   trim(message_of(question.error().refusal.reason)));
    }
    if (question->wants_redirect) {
      return fault("{} asks for a redirect, which names one mirror by chance; ask for the list",
                   shown);
    }
    if (!choose_client(*question, kAsker, true)) {
      return fault("{}: ip={} is no address", shown, quote_for_message(question->ip));
    }
    canary.target = target;
    return {};
  }

  Result<void> read_condition(std::string_view word, Canary& canary) const {
    const auto equals = word.find('=');
    const auto name = word.substr(0, equals);
    const auto value = equals == std::string_view::npos ? "" : word.substr(equals + 1);
    if (value.empty() || (name != "min" && name != "contains" && name != "lacks")) {
      return fault("{} is no condition; write min=NUMBER, contains=TEXT or lacks=TEXT",
                   quote_for_message(word));
    }
    if (has_control_byte(value) || !is_valid_utf8(value)) {
      return fault("{} holds control bytes or is not UTF-8, as no answer does",
                   quote_for_message(word));
    }
    if (name == "contains") canary.contains.emplace_back(value);
    if (name == "lacks") canary.lacks.emplace_back(value);
    if (name != "min") return {};
    const auto number = parse_uint64(value);
    if (!number) return fault("min={} is no number; write min=0 or more", quote_for_message(value));
    canary.min = *number;
    return {};
  }

  std::string_view text_, file_;
  size_t line_ = 0;
  QuestionReader reader_;
  std::vector<Canary> canaries_;
};

// Who is in the answer, by the code that chose them; the text of a metalink does not tell where
// one mirror ends and the next begins.
std::vector<CanaryAnswer::Mirror> mirrors_of(const SnapshotView& view, const Explanation& told) {
  std::vector<uint32_t> hosts;
  for (const ExplainedGroup& group : told.groups) {
    for (const ExplainedMirror& mirror : group.mirrors) {
      const auto at = std::ranges::lower_bound(view.host_infos, mirror.host.id, {},
                                               [](const fb::HostInfo& info) { return info.id(); });
      hosts.push_back(static_cast<uint32_t>(at - view.host_infos.begin()));
    }
  }
  std::ranges::sort(hosts);
  std::vector<CanaryAnswer::Mirror> mirrors;
  for (const uint32_t host : hosts)
    mirrors.push_back({view.host_infos[host].id(), host_label(view, host)});
  return mirrors;
}

}  // namespace

Result<std::vector<Canary>> parse_canaries(std::string_view text, std::string_view file) {
  return Parser(text, file).run();
}

Result<std::vector<Canary>> read_canaries(const std::string& path) {
  MIRROR_TRY(const auto text, read_file(path, kCanaryFileSizeMax));
  MIRROR_TRY(auto canaries, parse_canaries(text, path));
  // Whoever names a file relies on it.
  if (canaries.empty())
    return fail(ErrorKind::kInvalid, "{}: there is no canary question in it", path);
  return canaries;
}

CanaryAsker::CanaryAsker(const SnapshotView& view)
    : view_(view), answerer_(std::make_unique<Answerer>(AnswerOptions(), kSeed)) {
  answerer_->adopt(&view, nullptr);
}
CanaryAsker::~CanaryAsker() = default;

CanaryAnswer CanaryAsker::ask(const Canary& canary) {
  const Reply reply =
      answerer_->answer({canary.target, kAsker, static_cast<int64_t>(view_.created_at)});
  CanaryAnswer answer;
  answer.status = reply.status;
  for (const auto piece : reply.body) answer.text += piece;
  answer.mirrors =
      mirrors_of(view_, explain(view_, nullptr, AnswerOptions(), {canary.target, kAsker, 0, {}}));
  return answer;
}

std::string fault_of(const Canary& canary, const CanaryAnswer& answer) {
  if (answer.status != 200) {
    const auto line = std::string_view(answer.text).substr(0, answer.text.find('\n'));
    return fmt::format("status {}: {}", answer.status, quote_for_message(line));
  }
  std::vector<std::string> faults;
  if (answer.mirrors.size() < canary.min) {
    std::string named;
    for (const auto& mirror :
         std::span(answer.mirrors).first(std::min(kMirrorsNamed, answer.mirrors.size()))) {
      named += (named.empty() ? ": " : ", ") + mirror.label;
    }
    if (answer.mirrors.size() > kMirrorsNamed) named += ", ...";
    faults.push_back(
        fmt::format("{} mirrors instead of min={}{}", answer.mirrors.size(), canary.min, named));
  }
  for (const auto& text : canary.contains) {
    if (answer.text.find(text) == std::string::npos)
      faults.push_back(fmt::format("{} is not in it", quote_for_message(text)));
  }
  for (const auto& text : canary.lacks) {
    if (answer.text.find(text) != std::string::npos)
      faults.push_back(fmt::format("{} is in it", quote_for_message(text)));
  }
  return fmt::format("{}", fmt::join(faults, "; "));
}

std::vector<std::string> failed_canaries(const SnapshotView& view,
                                         std::span<const Canary> canaries) {
  std::vector<std::string> failed;
  CanaryAsker asker(view);
  for (const Canary& canary : canaries) {
    const auto fault = fault_of(canary, asker.ask(canary));
    if (fault.empty()) continue;
    failed.push_back(
        fmt::format("{}: {}: {}", canary.where, quote_for_message(canary.target), fault));
  }
  return failed;
}

}  // namespace mirror
