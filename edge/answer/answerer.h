// From a question to an answer: the observable behaviour of MirrorManager's mirrorlist-server, with
// its defects mended. Pure: no clock, no descriptor, no loop, no logging; the same snapshot,
// question and random numbers give the same bytes. The edge, the compiler's canary questions and
// mirrorctl use this code.
//
// One Answerer serves one thread. It owns its scratch memory, which grows only in adopt(): answer()
// does not allocate, lock or fail. What a Reply points to stays valid until the next call of
// answer() or adopt().
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/core/ip.h"
#include "base/core/random.h"
#include "edge/answer/answer_group.h"
#include "edge/answer/geo_database.h"
#include "schema/snapshot/snapshot.h"

namespace mirror {

struct AnswerOptions {
  uint32_t minimum = 5;      // below so many usable mirrors the global list is appended
  bool ip_parameter = true;  // honour ip= of the query
};

enum class ContentType : uint8_t { kTextPlain, kMetalink };

struct AnswerRequest {
  std::string_view target;  // the request target as sent: origin form or absolute form
  IpAddress client;  // who asks: TCP peer or what a trusted proxy said (client_address.h), unmapped
  int64_t now_unix = 0;  // for pubdate
};

struct Reply {
  uint16_t status = 200;
  ContentType type = ContentType::kTextPlain;
  AnsweredResource resource = AnsweredResource::kUnknown;
  AnswerGroup group = AnswerGroup::kNoMirror;
  std::string_view location;               // non-empty: a Location header (status 302)
  std::array<std::string_view, 3> body{};  // in order; any of them may be empty
  // For the access log. MirrorManager's line is written if `logged`: the repository as sent, the
  // architecture in effect; blanks and ';' in them are percent-encoded, so that a line always has
  // ten words. The path is as the client sent it, decoded. Empty: not asked for, or not looked at,
  // since the question was refused before. None holds a control byte, all are UTF-8.
  bool logged = false;
  IpAddress log_client;
  std::string_view log_country, log_repo, log_arch, log_path;

  [[nodiscard]] size_t body_size() const {
    return body[0].size() + body[1].size() + body[2].size();
  }
};

class Answerer {
 public:
  Answerer(const AnswerOptions& options, uint64_t seed);
  ~Answerer();
  Answerer(const Answerer&) = delete;
  Answerer& operator=(const Answerer&) = delete;

  // From now on answers come from this snapshot and this GeoIP database (may be null: everybody is
  // in no country). Both must stay valid until the next adopt(). Allocates scratch memory for the
  // largest answer.
  void adopt(const SnapshotView* snapshot, const GeoDatabase* geo);

  [[nodiscard]] Reply answer(const AnswerRequest& request);

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace mirror
