// What a scan has to tell a person besides its result. A note explains, a warning asks for an
// action and makes the program end with kExitWarnings. Only so many are kept: a hostile tree must
// not fill the memory.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "scanner/limits.h"

namespace mirror {

class Diagnostics {
 public:
  void note(std::string message) { add(&notes_, &note_count_, std::move(message)); }
  void warning(std::string message) { add(&warnings_, &warning_count_, std::move(message)); }

  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }
  // Counted also beyond what is kept.
  [[nodiscard]] size_t note_count() const { return note_count_; }
  [[nodiscard]] size_t warning_count() const { return warning_count_; }

 private:
  static void add(std::vector<std::string>* list, size_t* count, std::string message) {
    ++*count;
    if (list->size() < scan_limits::kWarningsKept) list->push_back(std::move(message));
  }

  std::vector<std::string> notes_, warnings_;
  size_t note_count_ = 0, warning_count_ = 0;
};

}  // namespace mirror
