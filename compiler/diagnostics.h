// What a compile left out or changed, and why: for each reason the count and the first few
// examples, so that fifteen million bad rows cost no more memory than five.
//
// A reason is a fixed text; what differs from row to row is the example. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/core/log.h"

namespace mirror {

class Diagnostics {
 public:
  static constexpr size_t kExamplesMax = 5;
  struct Entry {
    uint64_t count = 0;
    std::vector<std::string> examples;
  };

  // `log`, if not null, gets each one at once, at level debug; it must outlive this object.
  explicit Diagnostics(const Log* log = nullptr, size_t examples_max = kExamplesMax)
      : log_(log), examples_max_(examples_max) {}

  // `table` is a database table, a map of a protobuf cache, or a file; `where` names the row in it:
  // an id, a key, a line. `detail` is a quoted value or empty.
  void add(std::string_view table, std::string_view reason, std::string_view where,
           std::string_view detail = {});
  void add(std::string_view table, std::string_view reason, int64_t id,
           std::string_view detail = {});

  // Many of one reason at once, with the first examples.
  void add(std::string_view table, std::string_view reason, uint64_t count,
           const std::vector<std::string>& examples);

  // By table, then by reason.
  using Entries = std::map<std::pair<std::string, std::string>, Entry, std::less<>>;
  [[nodiscard]] const Entries& entries() const { return entries_; }
  [[nodiscard]] uint64_t count() const;
  // The count of one table and reason.
  [[nodiscard]] uint64_t count(std::string_view table, std::string_view reason) const;
  // One warning a reason.
  void report(const Log& log) const;

 private:
  const Log* log_;
  size_t examples_max_;
  Entries entries_;
};

}  // namespace mirror
