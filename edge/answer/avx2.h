// Functions that are compiled once more for processors with AVX2, which is asked for at run time.
#pragma once

#if defined(__x86_64__)
#define MIRROR_TARGET_AVX2 [[gnu::target("avx2")]]
#else
#define MIRROR_TARGET_AVX2
#endif

namespace mirror {

// Whether functions with MIRROR_TARGET_AVX2 may run, and are worth it.
inline bool has_avx2() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") != 0;
#else
  return false;
#endif
}

}  // namespace mirror
