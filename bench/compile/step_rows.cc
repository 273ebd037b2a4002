// The floor for a compile from SQLite: nothing but sqlite3_step() and the columns of each row.
//
//   step_rows DATABASE STATEMENTS
//
// STATEMENTS is a file with a statement a line; prints the number of rows.
#include <sqlite3.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>

int main(int argc, char** argv) {
  sqlite3* database = nullptr;
  std::ifstream statements(argc == 3 ? argv[2] : "");
  if (argc != 3 || !statements ||
      sqlite3_open_v2(argv[1], &database, SQLITE_OPEN_READONLY, nullptr) != SQLITE_OK) {
    std::fprintf(stderr, "usage: step_rows DATABASE STATEMENTS\n");
    return 2;
  }
  // As mirror-compile has it.
  sqlite3_exec(database, "PRAGMA cache_size = -65536", nullptr, nullptr, nullptr);
  uint64_t rows = 0;
  uint64_t bytes = 0;
  std::string line;
  while (std::getline(statements, line)) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(database, line.c_str(), -1, &statement, nullptr) != SQLITE_OK) {
      std::fprintf(stderr, "step_rows: %s: %s\n", line.c_str(), sqlite3_errmsg(database));
      return 1;
    }
    const int columns = sqlite3_column_count(statement);
    while (sqlite3_step(statement) == SQLITE_ROW) {
      ++rows;
      for (int column = 0; column < columns; ++column) {
        bytes += sqlite3_column_type(statement, column) == SQLITE_INTEGER
                     ? static_cast<uint64_t>(sqlite3_column_int64(statement, column)) & 1
                     : static_cast<uint64_t>(sqlite3_column_bytes(statement, column));
      }
    }
    sqlite3_finalize(statement);
  }
  sqlite3_close(database);
  std::printf("%ju rows, %ju\n", uintmax_t{rows}, uintmax_t{bytes});
  return 0;
}
