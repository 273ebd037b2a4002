#include "edge/answer/absence.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/core/assert.h"
#include "base/core/text.h"

namespace mirror {
namespace {

constexpr std::array<std::string_view, kAbsenceReasons> kCodes = {"host_inactive_by_admin",
                                                                  "host_inactive_by_user",
                                                                  "site_inactive_by_admin",
                                                                  "site_inactive_by_user",
                                                                  "host_private",
                                                                  "site_private",
                                                                  "unlisted",
                                                                  "not_up_to_date",
                                                                  "no_public_url",
                                                                  "no_url_of_scheme",
                                                                  "country_not_allowed",
                                                                  "no_url_of_protocol",
                                                                  "networks_off",
                                                                  "other_country_requested",
                                                                  "enough_mirrors",
                                                                  "redirect_has_mirror"};

constexpr std::string_view kRedirectSentence =
    "a redirect takes one mirror, and an earlier group has it";

struct Switch {
  HostFlag flag;
  AbsenceReason reason;
  std::string_view sentence;
};
constexpr std::array kSwitches = {
    Switch{kHostAdminActive, AbsenceReason::kHostInactiveByAdmin,
           "the administrators have switched the host off (admin_active of the host)"},
    Switch{kHostUserActive, AbsenceReason::kHostInactiveByUser,
           "its own people have switched the host off (user_active of the host)"},
    Switch{kSiteAdminActive, AbsenceReason::kSiteInactiveByAdmin,
           "the administrators have switched the site off (admin_active of the site)"},
    Switch{kSiteUserActive, AbsenceReason::kSiteInactiveByUser,
           "its own people have switched the site off (user_active of the site)"},
};

// "https, rsync": each scheme once, in the order of the URLs.
std::string schemes_text(const SnapshotView& view, uint32_t url_set) {
  std::vector<std::string_view> schemes;
  for (const fb::Url& url : SnapshotView::part(view.urls, view.url_sets[url_set].urls())) {
    const std::string_view base = view.text(url.base());
    const std::string_view scheme = base.substr(0, base.find(':'));
    if (std::find(schemes.begin(), schemes.end(), scheme) == schemes.end()) {
      schemes.push_back(scheme);
    }
  }
  return fmt::format("{}", fmt::join(schemes, ", "));
}

}  // namespace

std::string_view code_of(AbsenceReason reason) { return kCodes[static_cast<size_t>(reason)]; }

AbsenceFinder::AbsenceFinder(const Facts& facts)
    : facts_(facts), view_(facts.view), set_(view_.carrier_sets[facts.carrier_set]) {
  claims_.resize(view_.hosts.size());
  for (const fb::NetblockMatch& match : facts_.place.netblocks) {
    auto& length = claims_[match.host()].prefix_length;
    length = std::max(length, match.prefix_length());
  }
  if (facts_.place.as_group != nullptr) {
    for (const uint32_t host :
         SnapshotView::part(view_.asn_hosts, facts_.place.as_group->hosts())) {
      claims_[host].by_as = true;
    }
  }
  mark_reached_carriers();
  mark_reached_countries();
}

void AbsenceFinder::mark_reached_carriers() {
  reached_carriers_.resize(set_.carriers().count());
  std::vector<bool> countries(view_.countries.size());
  for (const AnswerGroup group : kGroupsInOrder) {
    everybody_reached_ = everybody_reached_ || facts_.record.of(group).everybody;
    for (const uint32_t country : facts_.record.of(group).countries) countries[country] = true;
  }
  for (const fb::CountryGroup& group : SnapshotView::part(view_.country_groups, set_.groups())) {
    if (!countries[group.country()]) continue;
    for (const uint32_t place : SnapshotView::part(view_.group_members, group.members())) {
      reached_carriers_[place] = true;
    }
  }
}

// A country without carriers has no group to look at, but a host in it would make one if it had the
// directory.
void AbsenceFinder::mark_reached_countries() {
  reached_countries_.resize(view_.countries.size());
  std::vector<uint32_t> requested;
  for (const std::string_view name : facts_.question.countries) {
    requested.push_back(find_country_any_case(view_, name));
  }
  const auto is_skipped = [this](AnswerGroup group) {
    return facts_.record.of(group).skip.has_value();
  };
  const uint32_t home = facts_.place.country_index;
  if (!is_skipped(AnswerGroup::kCountry)) {
    for (const uint32_t country : requested) {
      if (country != kNone) reached_countries_[country] = true;
    }
  }
  if (!is_skipped(AnswerGroup::kGeoIp) && home != kNone) reached_countries_[home] = true;
  if (is_skipped(AnswerGroup::kContinent)) return;
  if (facts_.record.of(AnswerGroup::kGlobal).skip != GroupSkip::kRequestedCountries) {
    return mark_neighbours(home);
  }
  for (const uint32_t country : requested) mark_neighbours(country);
}

void AbsenceFinder::mark_neighbours(uint32_t country) {
  if (country == kNone) return;
  const uint32_t continent = view_.countries[country].continent();
  for (uint32_t other = 0; other < view_.countries.size(); ++other) {
    if (continent != kNone && other != country && view_.countries[other].continent() == continent)
      reached_countries_[other] = true;
  }
}

bool AbsenceFinder::is_public(const ListedHost& host) const {
  if (host.carrier != kNone) return host.carrier < set_.global_count();
  return (view_.host_infos[host.host].flags() & (kHostPrivate | kSitePrivate)) == 0;
}

bool AbsenceFinder::is_reached(const ListedHost& host) const {
  if (everybody_reached_ && is_public(host)) return true;
  if (host.carrier != kNone) return reached_carriers_[host.carrier];
  const uint32_t country = view_.hosts[host.host].country();
  return country != kNone && reached_countries_[country];
}

bool AbsenceFinder::is_found_by_network(const ListedHost& host) const {
  return facts_.question.use_networks && claims_[host.host].any();
}

std::vector<Absence> AbsenceFinder::find(const ListedHost& host) const {
  Absences found;
  add_inactive(host, found);
  add_private(host, found);
  add_not_up_to_date(host, found);
  add_urls(host, false, found);
  add_country_not_allowed(host, found);
  add_urls(host, true, found);
  add_networks_off(host, found);
  add_unreached(host, found);
  return found;
}

void AbsenceFinder::add_inactive(const ListedHost& host, Absences& out) const {
  const uint32_t flags = view_.host_infos[host.host].flags();
  for (const Switch& one : kSwitches) {
    if ((flags & one.flag) == 0) out.push_back({one.reason, std::string(one.sentence)});
  }
}

void AbsenceFinder::add_private(const ListedHost& host, Absences& out) const {
  if (is_public(host) || is_found_by_network(host)) return;
  const std::string_view rest =
      claims_[host.host].any()
          ? "only clients of its netblocks and AS numbers get it"
          : "only clients of its netblocks and AS numbers get it, and this one is in none of them";
  const uint32_t flags = view_.host_infos[host.host].flags();
  if ((flags & kHostPrivate) != 0) {
    out.push_back({AbsenceReason::kHostPrivate, fmt::format("the host is private: {}", rest)});
  }
  if ((flags & kSitePrivate) != 0) {
    out.push_back({AbsenceReason::kSitePrivate, fmt::format("the site is private: {}", rest)});
  }
  // A cache file has no flags, and may list a host under a country that is not listed for all.
  if ((flags & (kHostPrivate | kSitePrivate)) == 0 && !is_reached(host)) {
    out.push_back({AbsenceReason::kUnlisted,
                   fmt::format("it is not among the directory's public mirrors: {}", rest)});
  }
}

void AbsenceFinder::add_not_up_to_date(const ListedHost& host, Absences& out) const {
  // Of hosts that are switched off, and of private ones without a URL, a snapshot does not say
  // which directories they have.
  constexpr uint32_t kActive =
      kHostAdminActive | kHostUserActive | kSiteAdminActive | kSiteUserActive;
  const bool is_active = (view_.host_infos[host.host].flags() & kActive) == kActive;
  const bool is_told_of = is_public(host) || host.url_set != kNone;
  if (host.carrier != kNone || !is_active || !is_told_of) return;
  out.push_back({AbsenceReason::kNotUpToDate,
                 "it does not have the directory as it should be, as far as this snapshot knows"});
}

void AbsenceFinder::add_country_not_allowed(const ListedHost& host, Absences& out) const {
  const fb::Host& facts = view_.hosts[host.host];
  if (is_found_by_network(host) || allows_client(view_, facts, facts_.place)) return;
  const bool is_somewhere = facts_.place.country_source != CountrySource::kNobody;
  out.push_back(
      {AbsenceReason::kCountryNotAllowed,
       fmt::format("it serves clients in {} only, and this one is in {}", countries_text(facts),
                   is_somewhere ? facts_.place.country : "no country that is known")});
}

// `by_question`: whether protocol= leaves a URL, otherwise whether there is one to show at all.
void AbsenceFinder::add_urls(const ListedHost& host, bool by_question, Absences& out) const {
  const bool has_urls = host.url_set != kNone && view_.url_sets[host.url_set].urls().count() > 0;
  if (!has_urls) {
    if (by_question) return;
    return out.push_back({AbsenceReason::kNoPublicUrl, "it has no public URL for this category"});
  }
  const Question& question = facts_.question;
  if (question.has_protocol != by_question || facts_.filter.pick(host.url_set) != kNone) return;
  const std::string_view shown = question.wants_redirect ? "a redirect takes https and http"
                                                         : "a list shows https, http and ftp";
  const std::string schemes = schemes_text(view_, host.url_set);
  if (!by_question) {
    return out.push_back({AbsenceReason::kNoUrlOfScheme,
                          fmt::format("its URLs are {} only, and {}", schemes, shown)});
  }
  out.push_back(
      {AbsenceReason::kNoUrlOfProtocol,
       fmt::format("its URLs are {} only, and protocol= asks for {}{}", schemes,
                   quote_for_message(question.protocol),
                   question.wants_redirect ? ", of which a redirect takes https and http" : "")});
}

void AbsenceFinder::add_networks_off(const ListedHost& host, Absences& out) const {
  if (facts_.question.use_networks || !claims_[host.host].any()) return;
  const bool by_country = !facts_.question.countries.empty();
  out.push_back(
      {AbsenceReason::kNetworksOff,
       fmt::format("its network is the client's ({}), but {} leaves networks out",
                   claim_text(claims_[host.host]), by_country ? "country=" : "netblock=")});
}

// What kept the answer from looking at the mirrors of the host's country, and at those of all.
void AbsenceFinder::add_unreached(const ListedHost& host, Absences& out) const {
  if (is_found_by_network(host)) {
    const bool is_passed_over = claims_[host.host].prefix_length == 0 &&
                                facts_.record.of(AnswerGroup::kAsn).skip.has_value();
    if (is_passed_over) {
      out.push_back({AbsenceReason::kRedirectHasMirror, std::string(kRedirectSentence)});
    }
    return;
  }
  const auto skip = facts_.record.of(AnswerGroup::kGlobal).skip;
  if (!is_public(host) || is_reached(host) || !skip) return;
  if (*skip == GroupSkip::kRequestedCountries) {
    const uint32_t country = view_.hosts[host.host].country();
    const std::string_view name =
        country == kNone ? std::string_view() : view_.text(view_.countries[country].name());
    out.push_back({AbsenceReason::kOtherCountryRequested,
                   fmt::format("country= asks for others, and it is in {}",
                               name.empty() ? "no country" : name)});
  } else if (*skip == GroupSkip::kMinimumReached) {
    out.push_back(
        {AbsenceReason::kEnoughMirrors,
         fmt::format("so many mirrors were found without the list of all that it was not needed "
                     "(minimum {})",
                     facts_.minimum)});
  } else {
    out.push_back({AbsenceReason::kRedirectHasMirror, std::string(kRedirectSentence)});
  }
}

std::string AbsenceFinder::claim_text(const Claim& claim) const {
  std::string text;
  if (claim.prefix_length > 0) {
    text = IpPrefix::of(facts_.place.client, static_cast<int>(claim.prefix_length)).to_string();
  }
  if (claim.by_as) {
    text += fmt::format("{}AS {}", text.empty() ? "" : ", ", facts_.place.as_group->asn());
  }
  return text;
}

std::string AbsenceFinder::countries_text(const fb::Host& host) const {
  std::vector<std::string_view> names;
  for (const uint32_t country : SnapshotView::part(view_.allowed_countries, host.allowed())) {
    names.push_back(view_.text(view_.countries[country].name()));
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace mirror
