#include "base/core/error.h"

#include <cerrno>
#include <system_error>

namespace mirror {

tl::unexpected<Error> fail_errno(int system_errno, std::string_view what) {
  return tl::unexpected(
      Error{ErrorKind::kSystem, system_errno,
            fmt::format("{}: {}", what, std::generic_category().message(system_errno))});
}

bool is_exhaustion(const Error& error) {
  return error.system_errno == ENOMEM || error.system_errno == EMFILE ||
         error.system_errno == ENFILE;
}

tl::unexpected<Error> with_context(Error error, std::string_view context) {
  error.message = fmt::format("{}: {}", context, error.message);
  return tl::unexpected(std::move(error));
}

int exit_code(const Error& error) {
  return error.kind == ErrorKind::kRefused ? kExitRefused : kExitFailed;
}

}  // namespace mirror
