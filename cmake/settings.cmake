# What every target of ours is compiled with. Third-party headers are SYSTEM and stay silent.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# The sanitizers of a preset: "address,undefined", "thread" or nothing.
set(MIRROR_SANITIZE "" CACHE STRING "Value of -fsanitize= for the whole build")
if(MIRROR_SANITIZE)
  add_compile_options(-fsanitize=${MIRROR_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${MIRROR_SANITIZE})
endif()

# libFuzzer finds its way by the coverage of the code under test, not only of the target itself.
if(MIRROR_BUILD_FUZZERS)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

add_library(mirror_settings INTERFACE)
target_compile_options(mirror_settings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-align -Wformat=2
  -Wnull-dereference -Wimplicit-fallthrough -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports false null dereferences inside its own library when optimising with sanitizers.
  target_compile_options(mirror_settings INTERFACE -Wno-null-dereference)
  if(MIRROR_SANITIZE)
    # ... and false uninitialised members, in <regex> for one.
    target_compile_options(mirror_settings INTERFACE -Wno-maybe-uninitialized)
  endif()
endif()
target_compile_definitions(mirror_settings INTERFACE MIRROR_VERSION="${PROJECT_VERSION}")
target_include_directories(mirror_settings INTERFACE "${PROJECT_SOURCE_DIR}")

# mirror_library(NAME SOURCES ... [PUBLIC targets] [PRIVATE targets]): one stage of the project.
function(mirror_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC ${ARG_PUBLIC} PRIVATE mirror_settings ${ARG_PRIVATE})
endfunction()

# mirror_program(NAME SOURCES ... LIBRARIES ...): a thin main over libraries, placed in bin/.
function(mirror_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE mirror_settings ${ARG_LIBRARIES})
endfunction()
