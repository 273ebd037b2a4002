// What a program says on stdout. Messages about what went wrong go through Log.
#pragma once

#include <string_view>

#include "base/core/error.h"

namespace mirror {

// Writes the whole text to stdout and flushes it: a full disk or a reader that has gone is an
// error, not lost output. Print outside of transactions, since it may block for as long as the
// reader likes.
[[nodiscard]] Result<void> print_out(std::string_view text);

// For the start of main(): writing to a pipe that nobody reads becomes an error of that write; the
// signal would end the process wherever it is.
void make_closed_pipes_errors();

}  // namespace mirror
