// Messages for people, on stderr, one line each, flushed as written. main() makes one Log and
// passes it down. Thread-safe: one write(2) a line. Control bytes of quoted input are the caller's
// duty (text.h).
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace mirror {

// kNothing is for tests that provoke errors by the thousand.
enum class LogLevel { kDebug, kInfo, kWarning, kError, kNothing };

class Log {
 public:
  Log(std::string program, LogLevel lowest) : program_(std::move(program)), lowest_(lowest) {}

  [[nodiscard]] static std::optional<LogLevel> parse_level(std::string_view text);
  static constexpr std::string_view kLevelHelp = "debug, info, warning or error";

  template <typename... Arguments>
  void debug(fmt::format_string<Arguments...> format, Arguments&&... arguments) const {
    if (enabled(LogLevel::kDebug))
      write(LogLevel::kDebug, fmt::format(format, std::forward<Arguments>(arguments)...));
  }
  template <typename... Arguments>
  void info(fmt::format_string<Arguments...> format, Arguments&&... arguments) const {
    if (enabled(LogLevel::kInfo))
      write(LogLevel::kInfo, fmt::format(format, std::forward<Arguments>(arguments)...));
  }
  template <typename... Arguments>
  void warning(fmt::format_string<Arguments...> format, Arguments&&... arguments) const {
    if (enabled(LogLevel::kWarning))
      write(LogLevel::kWarning, fmt::format(format, std::forward<Arguments>(arguments)...));
  }
  template <typename... Arguments>
  void error(fmt::format_string<Arguments...> format, Arguments&&... arguments) const {
    if (enabled(LogLevel::kError))
      write(LogLevel::kError, fmt::format(format, std::forward<Arguments>(arguments)...));
  }

 private:
  [[nodiscard]] bool enabled(LogLevel level) const { return level >= lowest_; }
  void write(LogLevel level, std::string_view message) const;

  std::string program_;
  LogLevel lowest_;
};

}  // namespace mirror
