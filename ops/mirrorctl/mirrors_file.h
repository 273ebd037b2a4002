// The mirrors file: TOML 1.0 (https://toml.io), laid out as ops/mirrors.example.toml documents it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/core/error.h"
#include "ops/mirrorctl/mirrors_document.h"

namespace mirror {

constexpr uint64_t kMirrorsFileSizeMax = uint64_t{64} << 20;

// `name` is what messages call the file: "NAME:LINE: KEY: what is wrong". Unknown keys, wrong
// types, wrong values and doublets are errors. Whether products and categories that are referred to
// exist is the planner's business.
[[nodiscard]] Result<MirrorsDocument> parse_mirrors_file(std::string_view text,
                                                         const std::string& name);

// What parse_mirrors_file() reads back as the same. What no file can express (a site whose name
// another has, a country of three letters...) is left out, with one warning each.
[[nodiscard]] std::string write_mirrors_file(const MirrorsDocument& document,
                                             std::vector<std::string>* warnings);

}  // namespace mirror
