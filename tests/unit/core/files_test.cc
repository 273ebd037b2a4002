#include "base/core/files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/core/assert.h"
#include "base/core/file_copy.h"

namespace mirror {
namespace {

class Files : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/mirror-files-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string folder_;
};

TEST_F(Files, ReplacesWholeFilesAndReadsThemBack) {
  const std::string path = folder_ + "/file";
  ASSERT_TRUE(replace_file(path, "old"));
  ASSERT_TRUE(replace_file(path, "new text"));
  EXPECT_EQ(read_file(path, 100).value(), "new text");
  EXPECT_FALSE(std::filesystem::exists(path + ".tmp"));
}

TEST_F(Files, AFullDiskLeavesTheOldFileAndNoLeftover) {
  const std::string path = folder_ + "/file";
  ASSERT_TRUE(replace_file(path, "old"));
  rlimit old_limit{};
  ::getrlimit(RLIMIT_FSIZE, &old_limit);
  const rlimit limit{4096, old_limit.rlim_max};
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &limit);
  const auto replaced = replace_file(path, std::string(10000, 'x'));
  ::setrlimit(RLIMIT_FSIZE, &old_limit);
  std::signal(SIGXFSZ, old_handler);
  ASSERT_FALSE(replaced);
  EXPECT_NE(replaced.error().message.find("File too large"), std::string::npos)
      << replaced.error().message;
  EXPECT_EQ(read_file(path, 100).value(), "old");
  EXPECT_FALSE(std::filesystem::exists(path + ".tmp"));
}

TEST_F(Files, RefusesWhatIsNoOrdinarySmallFile) {
  const std::string path = folder_ + "/file";
  ASSERT_TRUE(replace_file(path, std::string(1000, 'x')));
  EXPECT_EQ(read_file(path, 999).error().kind, ErrorKind::kLimit);
  EXPECT_TRUE(read_file(path, 1000));
  EXPECT_EQ(read_file(folder_, 10).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(read_file(folder_ + "/none", 10).error().system_errno, ENOENT);
  // A FIFO without a writer must not block.
  ASSERT_EQ(::mkfifo((folder_ + "/fifo").c_str(), 0600), 0);
  EXPECT_FALSE(read_file(folder_ + "/fifo", 10));
  EXPECT_FALSE(FileCopy::open(folder_ + "/fifo", 10));
}

std::string text_of(const FileCopy& copy) { return {copy.bytes().begin(), copy.bytes().end()}; }

TEST_F(Files, CopiesWholeFiles) {
  const std::string path = folder_ + "/file";
  ASSERT_TRUE(replace_file(path, "copied"));
  auto file = FileCopy::open(path, 6);
  ASSERT_TRUE(file) << file.error().message;
  const FileCopy moved = std::move(*file);
  EXPECT_EQ(text_of(moved), "copied");
  EXPECT_EQ(*read_file(moved.file_path(), 6), "copied");
  EXPECT_EQ(FileCopy::open(path, 5).error().kind, ErrorKind::kLimit);
  // In place, by another process as it may be: the copy keeps what was checked.
  ASSERT_EQ(::truncate(path.c_str(), 0), 0);
  EXPECT_EQ(text_of(moved), "copied");
  EXPECT_EQ(FileCopy::open(path, 5).error().kind, ErrorKind::kInvalid);
}

// Bytes of the mapping that begins there which the page table knows, as proc(5) has it.
size_t mapped_bytes(const void* begin) {
  std::ifstream smaps("/proc/self/smaps");
  std::string line;
  const std::string mapping = fmt::format("{:x}-", reinterpret_cast<uintptr_t>(begin));
  while (std::getline(smaps, line) && !line.starts_with(mapping)) {
  }
  while (std::getline(smaps, line) && !line.starts_with("Rss:")) {
  }
  return line.empty() ? 0 : std::stoul(line.substr(4)) * 1024;
}

TEST_F(Files, CopiesIntoTheMemoryOfASpareIfItFits) {
  const std::string path = folder_ + "/file";
  const auto copy_of = [&](const std::string& text, FileCopy spare) {
    EXPECT_TRUE(replace_file(path, text));
    auto copy = FileCopy::open(path, 10'000'000, std::move(spare));
    EXPECT_TRUE(copy) << copy.error().message;
    EXPECT_GE(mapped_bytes(copy->bytes().data()), text.size());
    EXPECT_EQ(text_of(*copy), text);
    return std::move(*copy);
  };
  std::string large;
  for (int i = 0; large.size() < 1'000'000; ++i) large += std::to_string(i);
  FileCopy copy = copy_of(large, {});
  const auto* const memory = copy.bytes().data();
  // A little larger, a little smaller, and what nobody could read any more.
  copy = copy_of(large + "er", std::move(copy));
  EXPECT_EQ(copy.bytes().data(), memory);
  copy.forbid_access();
  EXPECT_DEATH(text_of(copy), "");
  copy = copy_of(large.substr(1), std::move(copy));
  EXPECT_EQ(copy.bytes().data(), memory);
  // What is much smaller gets memory of its own, and what is too large must.
  copy = copy_of("small", std::move(copy));
  copy = copy_of(large, std::move(copy));
  // A refused file takes the spare along.
  EXPECT_FALSE(FileCopy::open(path, 10, std::move(copy)));
  copy = copy_of(large, {});
  // Nor can anybody else write to it, or cut it.
  const UniqueFd found(::open(copy.file_path().c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_TRUE(found.valid());
  EXPECT_NE(::ftruncate(found.get(), 0), 0);
  EXPECT_LT(::write(found.get(), "x", 1), 0);
  EXPECT_EQ(text_of(copy), large);
#ifdef MIRROR_DEBUG_CHECKS
  EXPECT_DEATH(const_cast<uint8_t&>(copy.bytes()[0]) = 0, "");
#endif
}

}  // namespace
}  // namespace mirror
