// mirrorctl database triggers install|remove|status: the marks of schema/database/change_marks.h.
#pragma once

#include <string>

#include "base/core/command_line.h"
#include "base/core/error.h"

namespace mirror {

class TriggerCommands {
 public:
  // `database` is the URL that --database sets; it must outlive this object.
  TriggerCommands(CommandLine& database_group, std::string* database);
  [[nodiscard]] bool chosen() const { return group_.chosen(); }
  // The exit code.
  [[nodiscard]] Result<int> run() const;

 private:
  CommandLine& group_;
  CommandLine& install_;
  CommandLine& remove_;
  CommandLine& status_;
  const std::string& database_;
};

}  // namespace mirror
