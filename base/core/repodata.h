// Names that createrepo_c(8) gives: a directory is a repository if it has a folder with this name,
// and what dnf verifies all the rest by lies in this file of it.
#pragma once

#include <string_view>

namespace mirror {

inline constexpr std::string_view kRepodata = "repodata";
inline constexpr std::string_view kRepomd = "repomd.xml";

}  // namespace mirror
