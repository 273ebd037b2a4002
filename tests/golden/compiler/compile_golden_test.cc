// Rows of every odd kind, compiled and printed: one text that shows each rule at work.
#include <gtest/gtest.h>

#include "tests/golden/golden_file.h"
#include "tests/unit/compiler/small_compile.h"

namespace mirror {
namespace {

std::string diagnostics_text(const Diagnostics& diagnostics) {
  std::string text;
  for (const auto& [key, entry] : diagnostics.entries()) {
    text += fmt::format("{}: {} {}: {}\n", key.first, entry.count, key.second,
                        fmt::join(entry.examples, ", "));
  }
  return text;
}

TEST(CompileGolden, OddRows) {
  SmallInputs inputs;
  inputs.netblocks = "192.0.2.0/24 64500\n192.0.2.128/25 64999\n2001:db8::/32 64501\n";
  inputs.resolver.answers["mirror.example"] = {*IpAddress::parse("198.18.0.1")};
  const auto snapshot = compile_rows(odd_rows(), inputs);
  expect_golden("compiler/odd_rows.txt",
                snapshot.dump() + "diagnostics\n" + diagnostics_text(snapshot.diagnostics));
}

}  // namespace
}  // namespace mirror
