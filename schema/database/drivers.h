// What database.cc needs of the two drivers. Private to schema/database/.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "schema/database/database.h"

namespace mirror {

[[nodiscard]] Result<std::unique_ptr<Database>> open_sqlite(const DatabaseUrl& url, OpenMode mode,
                                                            const DatabaseLimits& limits);
[[nodiscard]] Result<std::unique_ptr<Database>> open_postgresql(const DatabaseUrl& url,
                                                                OpenMode mode,
                                                                const DatabaseLimits& limits);
// An SQLite database that lives in this process's memory only: a place to look at what a script
// creates.
[[nodiscard]] Result<std::unique_ptr<Database>> open_sqlite_in_memory();

// What a transaction may still do: nothing while the rows of a query are read, and nothing but roll
// back after an error. One object a transaction.
class TransactionGuard {
 public:
  // Runs `work` if that is allowed now. `ended`: the transaction is over.
  template <typename Work>
  Result<void> run(bool ended, Work&& work) {
    if (busy_)
      return fail(ErrorKind::kConflict, "the transaction is in use: its rows are still being read");
    if (failed_)
      return fail(ErrorKind::kConflict,
                  "the transaction failed before and can only be rolled back");
    if (ended) return fail(ErrorKind::kConflict, "the transaction has ended");
    busy_ = true;
    Result<void> result = work();
    busy_ = false;
    failed_ = !result.has_value();
    return result;
  }

 private:
  bool busy_ = false;
  bool failed_ = false;
};

// Rows of numbers on their way to a callback. Private to the drivers.
class NumberBatch {
 public:
  NumberBatch(size_t columns, const NumbersCallback& callback)
      : columns_(columns), callback_(callback) {
    numbers_.reserve(kRows * columns);
  }
  void push(int64_t number) { numbers_.push_back(number); }
  // After each row.
  [[nodiscard]] Result<void> end_row() {
    return numbers_.size() < kRows * columns_ ? Result<void>{} : flush();
  }
  [[nodiscard]] Result<void> flush() {
    if (numbers_.empty()) return {};
    Result<void> result = callback_(numbers_);
    numbers_.clear();
    return result;
  }

 private:
  static constexpr size_t kRows = 4096;
  const size_t columns_;
  const NumbersCallback& callback_;
  std::vector<int64_t> numbers_;
};

// Behind an error about a table or column that is not there.
constexpr std::string_view kNotTheSchema =
    "; this is not the expected schema: mirrorctl database check says what is there, init creates "
    "it";

// The beginning of a statement on one line, to say in which one an error came up.
[[nodiscard]] std::string statement_for_message(std::string_view sql);

// The parts of DatabaseUrl that only libpq can answer.
[[nodiscard]] Result<void> check_postgresql_url(const std::string& target);
[[nodiscard]] std::string display_postgresql_url(const std::string& target);

}  // namespace mirror
