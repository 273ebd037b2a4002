// The questions of a world, in the text form that World::requests() writes and the load generator
// and the replay read: `TARGET<tab>CLIENT<tab>STATUS` a line. The client, which is sent as
// X-Forwarded-For, and the status that the answer must have are optional.
//
// Immutable once read; any thread. Reading blocks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/error.h"

namespace mirror::bench {

struct WorldQuestion {
  std::string_view target;
  std::string_view client;  // "": none is sent
  uint16_t status = 0;      // 0: any that is no fault of the server

  // A whole HTTP/1.1 request, appended to `out`; `close` asks for the connection to be closed.
  void append_request(bool close, std::string& out) const;
};

// Owns the texts that its questions point into: a hundred thousand of them are one block of memory,
// which disturbs the caches of what is measured less than as many strings would.
class WorldQuestions {
 public:
  // At least one question, or an error that names file and line.
  [[nodiscard]] static Result<WorldQuestions> read(const std::string& path);

  [[nodiscard]] const std::vector<WorldQuestion>& all() const { return questions_; }

 private:
  std::unique_ptr<const std::string> text_;
  std::vector<WorldQuestion> questions_;
};

}  // namespace mirror::bench
