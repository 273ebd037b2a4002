// Canary questions: what a snapshot must be able to answer before it goes live. The file has one
// question a line and what its answer must be like:
//
//   /metalink?repo=fedora-44&arch=x86_64&country=DE  min=5 contains=//mirror.uni.example/
//   # a comment; blank lines are skipped
//
// The first word is what a client asks for, without `redirect`, which names one mirror by chance.
//   min=N          at least N mirrors (1)
//   contains=TEXT  the text of the answer holds TEXT; may be repeated
//   lacks=TEXT     and does not hold this one; may be repeated
// The status must be 200. It is answered by the edge's own code, for the client that ip= names, or
// else 127.0.0.1, without GeoIP, with an edge's default options; all mirrors of the answer count,
// whose set is not random. Hostile input.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/error.h"
#include "schema/snapshot/snapshot.h"

namespace mirror {

class Answerer;

struct Canary {
  std::string where;  // FILE:LINE
  std::string target;
  uint64_t min = 1;
  std::vector<std::string> contains, lacks;
};
inline constexpr size_t kCanariesMax = 10'000;

// Errors name `file`, line and remedy.
[[nodiscard]] Result<std::vector<Canary>> parse_canaries(std::string_view text,
                                                         std::string_view file);
[[nodiscard]] Result<std::vector<Canary>> read_canaries(const std::string& path);

struct CanaryAnswer {
  struct Mirror {
    int64_t id = 0;
    std::string label;  // host_label()
  };
  uint16_t status = 0;
  std::string text;             // the whole body
  std::vector<Mirror> mirrors;  // each once, by id
};
// Puts questions to one snapshot. The same view and question give the same answer. One thread.
class CanaryAsker {
 public:
  explicit CanaryAsker(const SnapshotView& view);  // which must outlive this object
  ~CanaryAsker();
  CanaryAsker(const CanaryAsker&) = delete;
  CanaryAsker& operator=(const CanaryAsker&) = delete;

  [[nodiscard]] CanaryAnswer ask(const Canary& canary);

 private:
  const SnapshotView& view_;
  std::unique_ptr<Answerer> answerer_;
};

// What the answer lacks, as part of a sentence; "" if it is as it must be.
[[nodiscard]] std::string fault_of(const Canary& canary, const CanaryAnswer& answer);
// One sentence for each canary question whose answer is not as it must be.
[[nodiscard]] std::vector<std::string> failed_canaries(const SnapshotView& view,
                                                       std::span<const Canary> canaries);

}  // namespace mirror
