# mirror_embed_text(TARGET FILE HEADER NAME): makes HEADER with the text of FILE as std::string_view NAME.
function(mirror_embed_text target file header name)
  set(output "${CMAKE_BINARY_DIR}/generated/${header}")
  add_custom_command(OUTPUT "${output}"
    COMMAND ${CMAKE_COMMAND} "-DOUTPUT=${output}" "-DFILE=${CMAKE_CURRENT_SOURCE_DIR}/${file}" "-DSHOWN=${file}" "-DNAME=${name}"
            -P "${PROJECT_SOURCE_DIR}/cmake/embed_text_script.cmake"
    DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${file}" "${PROJECT_SOURCE_DIR}/cmake/embed_text_script.cmake" VERBATIM)
  target_sources(${target} PRIVATE "${output}")
  target_include_directories(${target} PRIVATE "${CMAKE_BINARY_DIR}/generated")
endfunction()
