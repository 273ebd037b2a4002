# Run by mirror_embed_text(): writes OUTPUT with the text of FILE as the constant NAME.
file(READ "${FILE}" text)
file(WRITE "${OUTPUT}" "// Generated from ${SHOWN} by cmake/embed_text_script.cmake.\n#pragma once\n#include <string_view>\n\nnamespace mirror {\n\ninline constexpr std::string_view ${NAME} = R\"text(${text})text\";\n\n}  // namespace mirror\n")
