#include "tests/sim/library.h"

#include <algorithm>

#include "tests/unit/answer/answer_world.h"

namespace mirror::sim {
namespace {

// From an answer of one piece to one of many blocks.
constexpr size_t kHostCounts[] = {1, 12, 300, 2500, 40};

std::string make_file(const std::string& mark, size_t hosts) {
  WorldBuilder builder;
  std::vector<uint32_t> carriers;
  for (size_t i = 0; i < hosts; ++i) {
    const auto url = "http://" + mark + ".example/" + std::to_string(i);
    carriers.push_back(builder.host({"SE", 100, {url}}));
  }
  builder.directory("pub/d", "d", carriers);
  builder.inputs.created_at = 1700000000;
  const auto model = build_model(std::move(builder.world), builder.inputs);
  EXPECT_TRUE(model.has_value());
  return *write_snapshot(*model);
}

}  // namespace

Library::Library() {
  for (const size_t hosts : kHostCounts) {
    const auto mark = "m" + std::to_string(files_.size());
    files_.push_back({add_snapshot(directory(), make_file(mark, hosts)), mark, hosts, true});
  }
  for (const bool cut : {false, true}) {
    auto bytes = make_file("bad", 5);
    Current current = add_snapshot(directory(), bytes);
    if (cut) {
      bytes.resize(bytes.size() / 2);
      current.size = bytes.size();
    } else {
      bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    }
    const auto path = SnapshotDirectory(directory()).path_of(current.name);
    std::filesystem::remove(path);
    write_bytes(path, bytes);
    files_.push_back({current, "bad", 0, false});
  }
}

const LibraryFile* Library::find(uint64_t sequence) const {
  const auto found = std::ranges::find_if(files_, [&](const LibraryFile& file) {
    return file.good && file.current.name.sequence == sequence;
  });
  return found == files_.end() ? nullptr : &*found;
}

}  // namespace mirror::sim
