# llhttp from the C sources that Debian's package node-llhttp ships. Its default build accepts three
# published request-smuggling inputs (CVE-2023-30589, CVE-2025-23167, CVE-2024-27982); strict mode closes
# two of them and the guard in edge/http/ the third.
find_path(LLHTTP_INCLUDE_DIR llhttp.h PATHS /usr/share/include/llhttp NO_DEFAULT_PATH REQUIRED)
set(LLHTTP_SOURCE_DIR /usr/share/llhttp)
file(STRINGS "${LLHTTP_INCLUDE_DIR}/llhttp.h" llhttp_version REGEX "^#define LLHTTP_VERSION_(MAJOR|MINOR) ")
if(NOT llhttp_version MATCHES "MAJOR 8" OR NOT llhttp_version MATCHES "MINOR 1")
  message(FATAL_ERROR "llhttp 8.1 expected in ${LLHTTP_INCLUDE_DIR} (package node-llhttp), found: ${llhttp_version}. "
    "The guard in edge/http/ was checked against 8.1 only: check it against the new version, then raise this line.")
endif()
add_library(llhttp STATIC ${LLHTTP_SOURCE_DIR}/llhttp.c ${LLHTTP_SOURCE_DIR}/api.c ${LLHTTP_SOURCE_DIR}/http.c)
target_include_directories(llhttp SYSTEM PUBLIC ${LLHTTP_INCLUDE_DIR})
target_compile_definitions(llhttp PUBLIC LLHTTP_STRICT_MODE=1)
target_compile_options(llhttp PRIVATE -O3 -w)
