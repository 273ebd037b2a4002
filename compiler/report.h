// What a compile has to tell an operator about its input: the rows that it left out or changed
// (Diagnostics), and what is suspicious in the rest (findings). As text for people and as JSON for
// programs; `mirror-compile --report` writes the JSON and `mirrorctl doctor` shows it.
//
// The JSON's fields, and the words in `code`, are only ever added to.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/error.h"
#include "compiler/diagnostics.h"
#include "compiler/findings.h"

namespace mirror {

inline constexpr uint64_t kReportSizeMax = uint64_t{16} << 20;

struct CompileReport {
  uint64_t created_at = 0;  // Unix seconds: when the data was read
  std::string source;       // a database without its password, or a file
  Diagnostics::Entries left_out;
  std::vector<Finding> findings;
};

// Rows that were left out count as warnings. kNote if there is nothing at all.
[[nodiscard]] Severity worst_of(const CompileReport& report);

[[nodiscard]] std::string render_report_text(const CompileReport& report);
[[nodiscard]] std::string render_report_json(const CompileReport& report);
// The parts of both that are about findings: lines, and an array.
[[nodiscard]] std::string render_findings_text(const std::vector<Finding>& findings);
[[nodiscard]] std::string render_findings_json(const std::vector<Finding>& findings);
// One line: how much there is of what.
[[nodiscard]] std::string summary_of(const CompileReport& report);

// Hostile input: kInvalid for everything that render_report_json() does not write.
[[nodiscard]] Result<CompileReport> parse_report(std::string_view json);
// The errors name the file.
[[nodiscard]] Result<CompileReport> read_report(const std::string& path);

}  // namespace mirror
