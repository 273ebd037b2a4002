// Every bound of the scanner in one place. A tree, a rules file and a metadata file are hostile
// input.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mirror::scan_limits {

constexpr int kDepthMax = 64;                  // directories below the top one
constexpr size_t kPathBytesMax = 4000;         // a directory's name in the database
constexpr size_t kDirectoriesMax = 5'000'000;  // in one category
constexpr size_t kEntriesPerDirectoryMax = 2'000'000;
constexpr size_t kSampleFilesMax = 10'000;  // a directory with more is sampled whatever it holds
constexpr size_t kWarningsKept = 1000;      // the rest is only counted

constexpr uint64_t kRulesBytesMax = 4 << 20;
constexpr uint64_t kRepomdBytesMax = 16 << 20;  // real ones have 2 to 200 kB
constexpr int kRepomdDepthMax = 32;
constexpr size_t kRepomdElementsMax = 200'000;
constexpr uint64_t kChecksumBytesMax = 16 << 20;
constexpr size_t kChecksumEntriesMax = 100'000;  // in one file
constexpr size_t kChecksumFilesMax = 100;        // in one directory

constexpr int kReadAttemptsMax = 3;        // of a file that is replaced while it is read
constexpr int kScanAttemptsMax = 3;        // of a category whose rows another program changes
constexpr int64_t kSettleBudgetMs = 5000;  // see settle.h; for one category

}  // namespace mirror::scan_limits
