#include "scanner/rule_template.h"

namespace mirror {
namespace {

// Calls on_text and on_name for the pieces; false at a $ that begins no ${name}.
template <typename OnText, typename OnName>
bool walk_template(std::string_view text, const OnText& on_text, const OnName& on_name) {
  while (!text.empty()) {
    const auto dollar = text.find('$');
    on_text(text.substr(0, dollar));
    if (dollar == std::string_view::npos) return true;
    text.remove_prefix(dollar);
    const auto close = text.find('}');
    if (!text.starts_with("${") || close == std::string_view::npos || close == 2) return false;
    on_name(text.substr(2, close - 2));
    text.remove_prefix(close + 1);
  }
  return true;
}

}  // namespace

Result<std::vector<std::string>> template_names(std::string_view text) {
  std::vector<std::string> names;
  const bool good = walk_template(
      text, [](std::string_view) {}, [&](std::string_view name) { names.emplace_back(name); });
  if (!good)
    return fail(ErrorKind::kInvalid, "a $ must begin a name in braces, as in ${{version}}");
  return names;
}

std::string expand_template(std::string_view text, const Pattern::Groups& groups) {
  std::string expanded;
  walk_template(
      text, [&](std::string_view piece) { expanded += piece; },
      [&](std::string_view name) {
        const auto group = groups.find(name);
        if (group != groups.end()) expanded += group->second;
      });
  return expanded;
}

}  // namespace mirror
