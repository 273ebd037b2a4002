#include "base/core/log.h"

#include <unistd.h>

namespace mirror {

std::optional<LogLevel> Log::parse_level(std::string_view text) {
  if (text == "debug") return LogLevel::kDebug;
  if (text == "info") return LogLevel::kInfo;
  if (text == "warning") return LogLevel::kWarning;
  if (text == "error") return LogLevel::kError;
  return std::nullopt;
}

void Log::write(LogLevel level, std::string_view message) const {
  constexpr std::string_view kNames[] = {"debug: ", "", "warning: ", "error: "};
  const std::string line =
      fmt::format("{}: {}{}\n", program_, kNames[static_cast<int>(level)], message);
  // A message that stderr refuses has nowhere else to go.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace mirror
