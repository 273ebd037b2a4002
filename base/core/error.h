// Faults of the environment as values. A function that can fail returns Result<T>; each layer that
// hands an error on adds what it was doing, so that a message reads like
//   reading CURRENT: open DIR/CURRENT: No such file or directory
// Nothing of ours throws; what a library throws is caught at its border.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace mirror {

enum class ErrorKind {
  kSystem,    // the operating system refused (system_errno says why)
  kInvalid,   // an input is malformed
  kNotFound,  // what was asked for is not there
  kRefused,   // a safety gate said no
  kDatabase,  // the database engine reported an error
  kConflict,  // somebody else holds or changed it
  kLimit,     // a limit of ours was reached
};

struct Error {
  ErrorKind kind = ErrorKind::kInvalid;
  int system_errno = 0;
  std::string message;
};

template <typename T>
using Result = tl::expected<T, Error>;

// fail(kind, "format {}", ...) -> something that converts to any Result<T>.
template <typename... Arguments>
[[nodiscard]] tl::unexpected<Error> fail(ErrorKind kind, fmt::format_string<Arguments...> format,
                                         Arguments&&... arguments) {
  return tl::unexpected(Error{kind, 0, fmt::format(format, std::forward<Arguments>(arguments)...)});
}

// The error of a failed system call: "WHAT: STRERROR".
[[nodiscard]] tl::unexpected<Error> fail_errno(int system_errno, std::string_view what);

// Memory or descriptors ran out: says nothing of the file that was to be read.
[[nodiscard]] bool is_exhaustion(const Error& error);

// Adds "CONTEXT: " in front of the message.
[[nodiscard]] tl::unexpected<Error> with_context(Error error, std::string_view context);

// Exit codes of all programs, append-only and documented in README.md.
enum ExitCode : int {
  kExitDone = 0,
  kExitFailed = 1,
  kExitUsage = 2,
  kExitRefused = 3,
  kExitWarnings = 4,
};

// kRefused gives kExitRefused, everything else kExitFailed.
[[nodiscard]] int exit_code(const Error& error);

}  // namespace mirror

#define MIRROR_CONCAT_(a, b) a##b
#define MIRROR_CONCAT(a, b) MIRROR_CONCAT_(a, b)

// MIRROR_TRY(auto value, expression): hands the error on, or declares `value`.
#define MIRROR_TRY(declaration, expression) \
  MIRROR_TRY_IMPLEMENTATION(MIRROR_CONCAT(result_, __LINE__), declaration, expression)
#define MIRROR_TRY_IMPLEMENTATION(result, declaration, expression) \
  auto result = (expression);                                      \
  if (!result) return ::tl::unexpected(std::move(result).error()); \
  declaration = std::move(*result)

// MIRROR_CHECK(expression): the same for a Result<void>.
#define MIRROR_CHECK(expression)                            \
  do {                                                      \
    if (auto checked_ = (expression); !checked_)            \
      return ::tl::unexpected(std::move(checked_).error()); \
  } while (false)
