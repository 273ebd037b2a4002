// What the admin listener answers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mirror {

struct AdminReply {
  uint16_t status = 200;
  std::string_view content_type = "text/plain";  // static text
  std::string body;
};

}  // namespace mirror
