// Why a host is not in an answer: the part of an explanation that the choice of mirrors cannot
// tell, since it never sees such a host or passes it over. It follows from the data of the snapshot
// and from which groups were looked at.
//
// Pure; allocates. What it points to must outlive it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "edge/answer/choice_record.h"
#include "edge/answer/place.h"
#include "edge/answer/question.h"
#include "edge/answer/url_filter.h"
#include "schema/snapshot/snapshot.h"

namespace mirror {

// In the order in which they decide: what the compiler knows of the host comes first, then what the
// question asks for, then what made the host unnecessary.
enum class AbsenceReason : uint8_t {
  kHostInactiveByAdmin,
  kHostInactiveByUser,
  kSiteInactiveByAdmin,
  kSiteInactiveByUser,
  kHostPrivate,  // and the client is in none of its networks
  kSitePrivate,  // likewise
  kUnlisted,     // not among the directory's public mirrors, and no flag says why
  kNotUpToDate,  // does not have this directory, as far as the snapshot knows
  kNoPublicUrl,
  kNoUrlOfScheme,          // has URLs, but none that an answer of this kind shows
  kCountryNotAllowed,      // does not serve clients in the client's country
  kNoUrlOfProtocol,        // the question's protocol= leaves none of its URLs
  kNetworksOff,            // claims the client's network, at which the question does not look
  kOtherCountryRequested,  // the question's country= asks for other countries
  kEnoughMirrors,          // the minimum was reached without the list of all mirrors
  kRedirectHasMirror,      // a redirect takes one mirror, and an earlier group has it
};
inline constexpr size_t kAbsenceReasons =
    static_cast<size_t>(AbsenceReason::kRedirectHasMirror) + 1;

// A stable word for programs, like `not_up_to_date`. Words are only ever added.
[[nodiscard]] std::string_view code_of(AbsenceReason reason);

struct Absence {
  AbsenceReason reason = AbsenceReason::kUnlisted;
  std::string sentence;  // for people; without a full stop
};

// A host of the directory's category, or one of its carriers.
struct ListedHost {
  uint32_t host = 0;         // SnapshotView::hosts
  uint32_t carrier = kNone;  // its place in the carriers of the directory; kNone: it is none
  uint32_t url_set = kNone;  // its public URLs; kNone: it has none
};

class AbsenceFinder {
 public:
  struct Facts {
    const SnapshotView& view;
    const Question& question;
    const UrlFilter& filter;
    const Place& place;  // with the networks, even if the question does not want them
    const ChoiceRecord& record;
    uint32_t carrier_set = 0;
    uint32_t minimum = 0;
  };
  explicit AbsenceFinder(const Facts& facts);

  // All reasons that hold for a host that is not in the answer: one at least, in their order.
  [[nodiscard]] std::vector<Absence> find(const ListedHost& host) const;

 private:
  using Absences = std::vector<Absence>;
  // How the client's networks name a host.
  struct Claim {
    uint32_t prefix_length = 0;  // 0: by no netblock
    bool by_as = false;
    [[nodiscard]] bool any() const { return prefix_length > 0 || by_as; }
  };

  void mark_reached_carriers();
  void mark_reached_countries();
  void mark_neighbours(uint32_t country);
  void add_inactive(const ListedHost& host, Absences& out) const;
  void add_private(const ListedHost& host, Absences& out) const;
  void add_not_up_to_date(const ListedHost& host, Absences& out) const;
  void add_country_not_allowed(const ListedHost& host, Absences& out) const;
  void add_urls(const ListedHost& host, bool by_question, Absences& out) const;
  void add_networks_off(const ListedHost& host, Absences& out) const;
  void add_unreached(const ListedHost& host, Absences& out) const;
  [[nodiscard]] bool is_public(const ListedHost& host) const;
  [[nodiscard]] bool is_reached(const ListedHost& host) const;
  [[nodiscard]] bool is_found_by_network(const ListedHost& host) const;
  [[nodiscard]] std::string claim_text(const Claim& claim) const;
  [[nodiscard]] std::string countries_text(const fb::Host& host) const;

  const Facts facts_;
  const SnapshotView& view_;
  const fb::CarrierSet& set_;
  std::vector<Claim> claims_;            // by host
  std::vector<bool> reached_carriers_;   // some group has looked at it as a mirror of its country
  std::vector<bool> reached_countries_;  // some group would have looked at a carrier in it
  bool everybody_reached_ = false;
};

}  // namespace mirror
