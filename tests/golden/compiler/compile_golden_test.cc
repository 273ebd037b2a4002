// Rows of every odd kind, compiled and printed: one text that shows each rule at work.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/unit/compiler/small_compile.h"

namespace mirror {
namespace {

std::string golden_path(const std::string& name) {
  const char* source = std::getenv("MIRROR_SOURCE");
  return std::string(source != nullptr ? source : ".") + "/tests/golden/compiler/" + name;
}

void expect_golden(const std::string& name, const std::string& text) {
  const auto path = golden_path(name);
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << text;
    GTEST_SKIP() << path << " was rewritten";
  }
  std::ifstream in(path, std::ios::binary);
  ASSERT_TRUE(in) << path << " is missing; UPDATE_GOLDEN=1 writes it";
  std::ostringstream expected;
  expected << in.rdbuf();
  EXPECT_EQ(text, expected.str()) << "UPDATE_GOLDEN=1 rewrites " << path;
}

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
  expect_golden("odd_rows.txt",
                snapshot.dump() + "diagnostics\n" + diagnostics_text(snapshot.diagnostics));
}

}  // namespace
}  // namespace mirror
