// Damaged snapshot files. An even first byte: the rest is the file. An odd one: the rest, four
// bytes each (offset, value), overwrites 32-bit words of the payload of a good file, whose header
// is then made to fit, so that the damage gets past the digests. What validate() lets through must
// answer questions without leaving the bytes.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/core/assert.h"
#include "edge/answer/answerer.h"
#include "tests/fuzz/fuzz_world.h"

namespace {

using namespace mirror;

// Offsets count words, so that 16 bits reach 256 KiB; small values are indices, 0xff.. is "none".
std::string damaged(std::string_view edits) {
  const std::string& file = fuzz_world().compiled.file;
  std::string payload = file.substr(sizeof(SnapshotHeader));
  for (; edits.size() >= 4; edits.remove_prefix(4)) {
    uint16_t word = 0, raw = 0;
    std::memcpy(&word, edits.data(), 2);
    std::memcpy(&raw, edits.data() + 2, 2);
    const uint32_t value = raw >= 0xff00 ? 0xffffff00u | raw : raw;
    const size_t at = word * sizeof value % payload.size();
    std::memcpy(payload.data() + at, &value, std::min(sizeof value, payload.size() - at));
  }
  if (edits.size() == 2) payload.resize(payload.size() - static_cast<uint8_t>(edits[0]));
  return make_snapshot_file({reinterpret_cast<const uint8_t*>(payload.data()), payload.size()}, 1);
}

std::string with_header_checksum(std::string file) {
  if (file.size() < sizeof(SnapshotHeader)) return file;
  constexpr size_t kAt = offsetof(SnapshotHeader, header_checksum);
  const uint64_t checksum = digest64({reinterpret_cast<const uint8_t*>(file.data()), kAt});
  std::memcpy(file.data() + kAt, &checksum, sizeof checksum);
  return file;
}

std::string file_of(uint8_t kind, std::string_view input) {
  if (kind % 3 == 1) return damaged(input);
  return kind % 3 == 0 ? std::string(input) : with_header_checksum(std::string(input));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const AlignedBytes file(file_of(data[0], input));
  const auto view = validate(file.bytes());
  if (!view) {
    MIRROR_ASSERT(!view.error().message.empty());
    return 0;
  }
  Answerer answerer(AnswerOptions{}, 1);
  answerer.adopt(&*view, nullptr);
  for (const RandomQuestion& question : fuzz_world().questions) {
    const Reply reply = answerer.answer({question.target, question.asker.address(), 1'700'000'000});
    MIRROR_ASSERT(reply.status >= 200 && reply.status <= 500);
    size_t sum = 0;  // every byte of the answer is read
    for (const std::string_view part : reply.body)
      for (const char c : part) sum += static_cast<unsigned char>(c);
    MIRROR_ASSERT(sum > 0 || reply.body_size() == 0);
  }
  return 0;
}
