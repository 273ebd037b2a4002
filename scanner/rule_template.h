// Texts with ${name} in them, as the prefixes of a rules file are written.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/core/error.h"
#include "scanner/pattern.h"

namespace mirror {

// The names that a template uses. kInvalid: a $ that begins no ${name}.
[[nodiscard]] Result<std::vector<std::string>> template_names(std::string_view text);

// REQUIRES: template_names(text) succeeded. A name that is not among the groups gives nothing.
[[nodiscard]] std::string expand_template(std::string_view text, const Pattern::Groups& groups);

}  // namespace mirror
