#include "tests/fuzz/fuzz_world.h"

#include <cstring>
#include <new>

#include "base/core/assert.h"

namespace mirror {
namespace {

constexpr uint64_t kSeed = 33;  // a world with a little of everything
constexpr uint64_t kCreatedAt = 1'700'000'000;
constexpr size_t kQuestions = 60;
constexpr std::align_val_t kAlignment{16};

FuzzWorld make() {
  FuzzWorld made;
  made.world = make_random_world(kSeed);
  MemoryRowSource source{MemoryRowReader(made.world.rows)};
  auto compiled = compile_world(source, made.world, kCreatedAt);
  MIRROR_ASSERT(compiled.has_value());
  made.compiled = std::move(*compiled);
  made.questions = make_random_questions(made.world, kSeed, kQuestions);
  return made;
}

}  // namespace

const FuzzWorld& fuzz_world() {
  static const FuzzWorld world = make();
  return world;
}

AlignedBytes::AlignedBytes(std::string_view bytes)
    : data_(static_cast<uint8_t*>(::operator new(bytes.size(), kAlignment))), size_(bytes.size()) {
  if (!bytes.empty()) std::memcpy(data_, bytes.data(), bytes.size());
}

AlignedBytes::~AlignedBytes() { ::operator delete(data_, kAlignment); }

}  // namespace mirror
