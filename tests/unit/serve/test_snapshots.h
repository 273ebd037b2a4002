// Small real snapshots in a directory of their own, and the seams of the publisher as a test drives
// them.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "base/core/clock.h"
#include "compiler/snapshot_model.h"
#include "edge/serve/publisher.h"
#include "schema/snapshot/snapshot_directory.h"

namespace mirror {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "mirror-serve-XXXXXX").string();
    const char* made = ::mkdtemp(pattern.data());
    EXPECT_NE(made, nullptr);
    path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline std::string read_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
inline void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// The bytes of a snapshot whose contents depend on the mark.
inline std::string make_snapshot(const std::string& mark, uint64_t created_at = 1700000000) {
  World world;
  world.categories.push_back({1, mark, "Product", "pub/" + mark, {}});
  ModelInputs inputs;
  inputs.created_at = created_at;
  auto model = build_model(std::move(world), inputs);
  EXPECT_TRUE(model.has_value()) << model.error().message;
  auto bytes = write_snapshot(*model);
  EXPECT_TRUE(bytes.has_value());
  return *bytes;
}

// As the compiler does it.
inline Current add_snapshot(const std::string& directory, const std::string& bytes) {
  auto writer = SnapshotDirectory(directory).lock();
  EXPECT_TRUE(writer.has_value());
  auto current = writer->add(bytes);
  EXPECT_TRUE(current.has_value()) << current.error().message;
  return *current;
}
inline void point_current_to(const std::string& directory, const Current& current) {
  write_bytes(directory + "/CURRENT.new", current.to_string());
  std::filesystem::rename(directory + "/CURRENT.new", directory + "/CURRENT");
}
inline Current publish_snapshot(const std::string& directory, const std::string& bytes) {
  const auto current = add_snapshot(directory, bytes);
  point_current_to(directory, current);
  return current;
}

class TestClock final : public Clock {
 public:
  [[nodiscard]] int64_t unix_seconds() const override {
    return 1700000000 + now_ns / 1'000'000'000;
  }
  [[nodiscard]] int64_t monotonic_ns() const override { return now_ns; }
  void advance_ms(int64_t milliseconds) { now_ns += milliseconds * 1'000'000; }
  int64_t now_ns = 0;
};

// Workers that adopt when they are told to.
class TestSink final : public GenerationSink {
 public:
  void publish(const Generation& generation) override { posted = &generation; }
  [[nodiscard]] uint64_t lowest_adopted_ordinal() const override { return adopted; }
  void load_ended() override { ++loads_ended; }
  void adopt() { adopted = posted->ordinal; }
  const Generation* posted = nullptr;
  uint64_t adopted = 0;
  unsigned loads_ended = 0;
};

}  // namespace mirror
