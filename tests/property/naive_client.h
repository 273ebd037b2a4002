// Who asks, by the text of the specification (quirks and their decision): shares no
// code with edge/answer/client_address.
#pragma once

#include <string>
#include <vector>

#include "base/core/ip.h"

namespace mirror {

struct NaiveClient {
  IpAddress peer;
  std::vector<std::string> forwarded_for;  // values of the X-Forwarded-For lines, in order
  std::vector<IpPrefix> trusted;

  [[nodiscard]] IpAddress address() const;
};

}  // namespace mirror
