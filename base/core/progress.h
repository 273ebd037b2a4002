// How far a long piece of work is: a bar that redraws itself on a terminal, a plain line every few
// seconds otherwise. Not thread-safe; owned by whoever does the work. Writes to stderr.
#pragma once

#include <cstdint>
#include <string>

#include "base/core/clock.h"

namespace mirror {

class Progress {
 public:
  // `total` 0: unknown, only the count is shown. `quiet`: nothing is ever written.
  Progress(std::string what, uint64_t total, const Clock& clock, bool quiet);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void advance(uint64_t steps = 1);
  // Ends the line; called by the destructor if need be.
  void finish();

 private:
  void draw(bool last);

  std::string what_;
  uint64_t total_;
  uint64_t done_ = 0;
  const Clock& clock_;
  int64_t started_ns_;
  int64_t drawn_ns_;
  bool terminal_;
  bool quiet_;
  bool finished_ = false;
};

}  // namespace mirror
