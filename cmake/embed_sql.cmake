# mirror_embed_sql(TARGET OUTPUT FILES ...): makes one header with a std::string_view a statement.
#
# A statement file holds named statements, each after a line `-- name: select_hosts`; the text runs to the
# next such line. A file without names (a DDL script) becomes one constant that is called like the file.
function(mirror_embed_sql target output)
  cmake_parse_arguments(ARG "" "" "FILES" ${ARGN})
  set(header "${CMAKE_CURRENT_BINARY_DIR}/generated/${output}")
  list(TRANSFORM ARG_FILES PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/" OUTPUT_VARIABLE absolute)
  add_custom_command(OUTPUT "${header}"
    COMMAND ${CMAKE_COMMAND} "-DOUTPUT=${header}" "-DFILES=${absolute}" -P "${PROJECT_SOURCE_DIR}/cmake/embed_sql_script.cmake"
    DEPENDS ${absolute} "${PROJECT_SOURCE_DIR}/cmake/embed_sql_script.cmake" VERBATIM)
  target_sources(${target} PRIVATE "${header}")
  target_include_directories(${target} PUBLIC "${CMAKE_CURRENT_BINARY_DIR}/generated")
endfunction()
