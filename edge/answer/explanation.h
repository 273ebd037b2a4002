// The whole reasoning behind an answer: how a question was read, where its client is, which groups
// of mirrors were formed with which chances, and why every other host is missing. For operators:
// `mirrorctl explain` and the admin path /-/explain.
//
// explain() runs the code of the answer itself (question, directory, place and the choice of
// mirrors, which tells a ChoiceObserver what it does), so that it cannot say anything else. Pure:
// no clock, no descriptor, no thread; it allocates as it likes. An Explanation owns all its texts.
//
// Hostile input: of the texts only `target` may hold any bytes. The renderers quote what the client
// sent, and its texts in sentences are quoted already.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/digest.h"
#include "base/core/ip.h"
#include "edge/answer/absence.h"
#include "edge/answer/answerer.h"
#include "edge/answer/geo_database.h"
#include "edge/answer/refusal.h"
#include "schema/snapshot/snapshot.h"

namespace mirror {

struct ExplainRequest {
  std::string_view target;          // as a client would send it
  std::optional<IpAddress> client;  // who asks; without one it is as if 127.0.0.1 did
  uint64_t sequence = 0;            // of the snapshot; 0: not known
  Digest128 digest;                 // of the snapshot
};

struct ExplainedGeneration {
  uint64_t sequence = 0;  // 0: not known
  Digest128 digest;
  uint64_t created_at = 0;  // Unix seconds: when the data was read
  std::string geoip_type;   // "": there is no GeoIP database
  int64_t geoip_built_at = 0;
};

// How a question was read. `repository` and `arch` as sent; what they became, is in
// `repository_used` and `arch_used`.
struct ExplainedQuestion {
  Resource resource = Resource::kMirrorlist;
  bool has_path = false;
  std::string path;  // has_path: normalised
  std::string repository, arch, repository_used, arch_used;
  std::vector<std::string> countries;  // sorted, each once
  std::optional<std::string> protocol;
  bool use_networks = true;
  bool wants_redirect = false;
  bool wants_time = false;
  std::vector<std::string> notes;  // what that means, a sentence each
};

struct ExplainedRefusal {
  Refusal::Reason reason = Refusal::Reason::kUnknownResource;
  std::string sentence;
};

struct ExplainedDirectory {
  std::string name, subpath, file;  // file "": the question is about the directory itself
  size_t carriers = 0;
  bool has_category = false;  // caches of today's server do not name it
  int64_t category_id = 0;
  std::string category, product, top_directory;
  size_t category_hosts = 0;
};

struct ExplainedHost {
  int64_t id = 0;  // in the database
  std::string name, site;
  std::string country;  // "": none
  uint32_t weight = 0;
};

enum class ClientSource : uint8_t { kIpParameter, kGiven, kDefault };

struct ExplainedClient {
  IpAddress address;
  ClientSource source = ClientSource::kDefault;
  struct Netblock {
    std::string prefix;
    ExplainedHost host;
  };
  // What claims the client's network, whether the question looks at it or not; longest prefix
  // first.
  std::vector<Netblock> netblocks;
  std::optional<int64_t> asn;  // only if mirrors belong to it
  std::vector<ExplainedHost> asn_hosts;
  std::string country;  // "N/A": none
  CountrySource country_source = CountrySource::kNobody;
  std::string continent;  // "": none
};

struct ExplainedMirror {
  ExplainedHost host;
  double probability = 0;  // to come first within its group
  // How many of the group's countries hold it: each is a ticket in the draw. 0: the draw of this
  // group does not go by weight.
  uint32_t times = 0;
  std::string prefix;  // of the netblock group
  bool is_private = false;
  std::vector<std::string> urls;
};

struct ExplainedGroup {
  AnswerGroup group = AnswerGroup::kNoMirror;
  std::optional<GroupSkip> skip;  // why it was not looked at
  std::string sentence;           // what it is, and why it is empty or was not looked at
  // Whose mirrors were looked at.
  std::vector<std::string> countries;
  bool everybody = false;                // all public mirrors
  std::vector<ExplainedMirror> mirrors;  // likeliest first
};

struct ExplainedAbsence {
  ExplainedHost host;
  std::vector<Absence> reasons;
};

struct Explanation {
  std::string target;
  ExplainedGeneration generation;
  uint32_t minimum = 0;
  uint16_t status = 200;
  std::optional<ExplainedQuestion> question;    // empty: it could not be read
  std::optional<ExplainedDirectory> directory;  // empty: none was found
  std::optional<ExplainedClient> client;        // empty: it was refused before that
  std::optional<ExplainedRefusal> refusal;
  std::vector<ExplainedGroup> groups;  // all six in order; none if it was refused before that
  std::vector<ExplainedAbsence> absences;

  [[nodiscard]] size_t mirror_count() const;
};

[[nodiscard]] Explanation explain(const SnapshotView& view, const GeoDatabase* geo,
                                  const AnswerOptions& options, const ExplainRequest& request);

// Stable words for programs; they are only ever added to.
[[nodiscard]] std::string_view code_of(Refusal::Reason reason);
[[nodiscard]] std::string_view code_of(GroupSkip skip);
[[nodiscard]] std::string_view code_of(ClientSource source);
[[nodiscard]] std::string_view code_of(CountrySource source);

// For a terminal: lines without control characters of anybody.
[[nodiscard]] std::string render_text(const Explanation& explanation);
// One document; fields are only ever added, and all are there, null where there is nothing to say.
[[nodiscard]] std::string render_json(const Explanation& explanation);

}  // namespace mirror
