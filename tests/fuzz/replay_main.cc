// Stands in for libFuzzer where the compiler has none: puts every file of the folders (or files)
// that are given as arguments to LLVMFuzzerTestOneInput, in the order of their names. Fails on
// fewer than 50 inputs: a corpus that got lost must not pass.
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "base/core/files.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

constexpr size_t kInputsMin = 50;
constexpr uint64_t kInputBytesMax = 64 << 20;

std::vector<std::string> files_below(const std::string& path) {
  std::vector<std::string> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path, error)) {
    if (entry.is_regular_file(error)) files.push_back(entry.path().string());
  }
  if (std::filesystem::is_regular_file(path, error)) files.push_back(path);
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

int main(int argc, char** argv) {
  size_t inputs = 0;
  for (int i = 1; i < argc; ++i) {
    for (const std::string& file : files_below(argv[i])) {
      const auto bytes = mirror::read_file(file, kInputBytesMax);
      if (!bytes) {
        std::fprintf(stderr, "%s\n", bytes.error().message.c_str());
        return mirror::kExitFailed;
      }
      // Announced before, so that a crash can be told whose it is.
      std::printf("%s\n", file.c_str());
      std::fflush(stdout);
      // A copy of exactly this size: AddressSanitizer then sees every read beyond the end.
      const std::unique_ptr<uint8_t[]> copy(new uint8_t[bytes->size()]);
      std::copy(bytes->begin(), bytes->end(), copy.get());
      LLVMFuzzerTestOneInput(copy.get(), bytes->size());
      ++inputs;
    }
  }
  std::printf("%zu inputs\n", inputs);
  return inputs >= kInputsMin ? mirror::kExitDone : mirror::kExitFailed;
}
