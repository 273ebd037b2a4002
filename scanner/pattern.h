// A regular expression of a rules file: RE2 syntax, searched unanchored, linear in the text
// whatever the expression is. Copies share the compiled form; safe to use from several threads.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/core/error.h"

namespace re2 {
class RE2;
}

namespace mirror {

class Pattern {
 public:
  // The error is RE2's reason and quotes the place.
  [[nodiscard]] static Result<Pattern> compile(const std::string& expression);

  [[nodiscard]] bool matches(std::string_view text) const;
  // The named groups by name ("" for one that took no part); nullopt if nothing matches.
  using Groups = std::map<std::string, std::string, std::less<>>;
  [[nodiscard]] std::optional<Groups> groups(std::string_view text) const;
  // What the first group, or the whole expression if it has none, matched.
  [[nodiscard]] std::optional<std::string> first_group(std::string_view text) const;
  [[nodiscard]] bool has_group(const std::string& name) const;
  [[nodiscard]] const std::string& text() const;

 private:
  explicit Pattern(std::shared_ptr<const re2::RE2> expression);
  std::shared_ptr<const re2::RE2> expression_;
};

}  // namespace mirror
