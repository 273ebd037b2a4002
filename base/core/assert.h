// Assertions that stay on in every build: a bug stops the process at the place where it shows, and
// never lets a wrong answer out. Faults of the environment are not bugs: they are Results
// (error.h).
#pragma once

namespace mirror {

[[noreturn]] void assertion_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace mirror

#define MIRROR_ASSERT(condition)          \
  (static_cast<bool>(condition) ? void(0) \
                                : ::mirror::assertion_failed(#condition, __FILE__, __LINE__))

// MIRROR_DEBUG_CHECKS is defined in unoptimised and sanitizer builds only: for checks on the path
// of a request. Not NDEBUG: CMake's flags for optimised builds with debug information are ours, and
// libraries keep their own assertions.
#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MIRROR_DEBUG_CHECKS
#endif
#endif
#if !defined(__OPTIMIZE__) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#ifndef MIRROR_DEBUG_CHECKS
#define MIRROR_DEBUG_CHECKS
#endif
#endif

#ifdef MIRROR_DEBUG_CHECKS
#define MIRROR_DEBUG_ASSERT(condition) MIRROR_ASSERT(condition)
#else
#define MIRROR_DEBUG_ASSERT(condition) void(0)
#endif
