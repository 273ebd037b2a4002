// Statements are written once, with SQLite's numbered parameters; PostgreSQL wants $1 for ?1.
#pragma once

#include <string>
#include <string_view>

namespace mirror {

// Turns each ?N into $N, except inside texts, quoted names, comments and dollar-quoted bodies. A ?
// without a number (an operator of PostgreSQL) stays.
[[nodiscard]] std::string dollar_parameters(std::string_view sql);

}  // namespace mirror
