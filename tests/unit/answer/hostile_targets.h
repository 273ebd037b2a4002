// Targets made of everything that may hurt: for the tests that no answer and no explanation suffers
// from them. The pieces name the world that makes them (answer_world.h): the directory pub/os with
// a.iso, the repository os-1 for x86_64.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/core/random.h"

namespace mirror {

inline const std::vector<std::string_view> kHostilePieces = {"/mirrorlist",
                                                             "/metalink",
                                                             "?",
                                                             "&",
                                                             "=",
                                                             "%",
                                                             "%0a",
                                                             "%0d%0a",
                                                             "%00",
                                                             "%2F",
                                                             "%3Cevil/%3E",
                                                             "--",
                                                             "-->",
                                                             "#",
                                                             "path",
                                                             "repo",
                                                             "arch",
                                                             "country",
                                                             "protocol",
                                                             "redirect",
                                                             "time",
                                                             "netblock",
                                                             "ip",
                                                             "pub/os",
                                                             "os-1",
                                                             "x86_64",
                                                             "a.iso",
                                                             "repomd.xml",
                                                             "pub/os/",
                                                             "//",
                                                             "..",
                                                             "global",
                                                             "SE",
                                                             "se,DE",
                                                             ",",
                                                             "https",
                                                             "rsync,ftp",
                                                             "127.0.0.1",
                                                             "::1",
                                                             "%ff",
                                                             "%C3%A9",
                                                             "+",
                                                             ";",
                                                             "1",
                                                             "source",
                                                             "&path=pub/os",
                                                             "&repo=os-1&arch=x86_64",
                                                             "http://x/",
                                                             "\n",
                                                             "X-Evil:%201",
                                                             "http://evil.example/"};

inline std::string random_hostile_target(Random& random) {
  std::string target = random.below(8) == 0   ? ""
                       : random.below(2) == 0 ? "/mirrorlist?"
                                              : "/metalink?";
  for (uint64_t pieces = random.below(14); pieces > 0; --pieces) {
    switch (random.below(12)) {
      case 0:
        target += static_cast<char>(random.next());
        break;
      case 1:
        target += std::string(random.below(600), static_cast<char>('a' + random.below(26)));
        break;
      default:
        target += kHostilePieces[random.below(kHostilePieces.size())];
    }
  }
  return target;
}

}  // namespace mirror
