#include "scanner/pattern.h"

#include <re2/re2.h>

#include <utility>
#include <vector>

namespace mirror {

Pattern::Pattern(std::shared_ptr<const re2::RE2> expression) : expression_(std::move(expression)) {}

Result<Pattern> Pattern::compile(const std::string& expression) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  auto compiled = std::make_shared<const re2::RE2>(expression, options);
  if (!compiled->ok()) {
    return fail(ErrorKind::kInvalid, "not a regular expression of RE2: {}", compiled->error());
  }
  return Pattern(std::move(compiled));
}

bool Pattern::matches(std::string_view text) const {
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *expression_);
}

std::optional<Pattern::Groups> Pattern::groups(std::string_view text) const {
  const re2::StringPiece piece(text.data(), text.size());
  std::vector<re2::StringPiece> found(static_cast<size_t>(expression_->NumberOfCapturingGroups()) +
                                      1);
  if (!expression_->Match(piece, 0, piece.size(), re2::RE2::UNANCHORED, found.data(),
                          static_cast<int>(found.size()))) {
    return std::nullopt;
  }
  Groups groups;
  for (const auto& [name, index] : expression_->NamedCapturingGroups()) {
    groups.emplace(name, std::string(found[static_cast<size_t>(index)]));
  }
  return groups;
}

std::optional<std::string> Pattern::first_group(std::string_view text) const {
  const re2::StringPiece piece(text.data(), text.size());
  const int index = expression_->NumberOfCapturingGroups() > 0 ? 1 : 0;
  re2::StringPiece found[2];
  if (!expression_->Match(piece, 0, piece.size(), re2::RE2::UNANCHORED, found, index + 1)) {
    return std::nullopt;
  }
  return std::string(found[index]);
}

bool Pattern::has_group(const std::string& name) const {
  return expression_->NamedCapturingGroups().contains(name);
}

const std::string& Pattern::text() const { return expression_->pattern(); }

}  // namespace mirror
