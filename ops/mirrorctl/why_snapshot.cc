// The snapshot half of `mirrorctl why`, and what follows from facts.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/core/repodata.h"
#include "base/core/text.h"
#include "ops/mirrorctl/why.h"

namespace mirror {
namespace {

WhyFact& at(WhyFacts& facts, WhyCondition condition) {
  return facts[static_cast<size_t>(condition)];
}
WhyRow remark(std::string text) { return {"", std::nullopt, std::move(text)}; }

class SnapshotWhy {
 public:
  SnapshotWhy(const SnapshotView& view, const WhyQuestion& question)
      : view_(view), question_(question) {}

  Result<WhyAnswer> run(std::optional<int64_t> host_id) {
    MIRROR_CHECK(find_host(host_id));
    if (answer_.is_known) tell_host();
    if (!question_.repository.empty()) {
      look_at_repository();
    } else if (!question_.directory.empty()) {
      add_target(view_.find_directory(question_.directory), question_.directory, false, {});
    } else if (answer_.is_known) {
      tell_categories();
    }
    return std::move(answer_);
  }

 private:
  // A cache file of today's server knows neither categories nor flags.
  [[nodiscard]] bool is_cache() const { return view_.categories.empty(); }

  Result<void> find_host(std::optional<int64_t> host_id) {
    const bool by_name = !host_id;
    if (by_name) host_id = parse_int64(question_.host);
    for (uint32_t i = 0; host_id && i < view_.host_infos.size(); ++i) {
      if (view_.host_infos[i].id() == *host_id) host_ = i;
    }
    std::vector<int64_t> ids;
    for (uint32_t i = 0; by_name && host_ == kNone && i < view_.host_infos.size(); ++i) {
      if (view_.text(view_.host_infos[i].name()) == question_.host)
        ids.push_back(view_.host_infos[i].id());
    }
    if (ids.size() > 1) {
      return fail(ErrorKind::kInvalid, "{} hosts have the name {}: say which by its id: {}",
                  ids.size(), quote_for_message(question_.host), fmt::join(ids, ", "));
    }
    if (ids.size() == 1) return find_host(ids[0]);
    auto& known = at(answer_.facts, WhyCondition::kKnown);
    known.met = answer_.is_known = host_ != kNone;
    if (!answer_.is_known) known.rows.push_back(remark("it has no such host"));
    return {};
  }

  void tell_host() {
    const auto& info = view_.host_infos[host_];
    answer_.host_id = info.id();
    answer_.host = view_.text(info.name());
    answer_.site = view_.text(info.site());
    if (is_cache()) {
      answer_.notes.emplace_back(
          "the snapshot is made from a cache file, which says neither who is switched off or "
          "private, nor which categories there are");
      return;
    }
    at(answer_.facts, WhyCondition::kSite).met = true;
    const auto flag = [&](WhyCondition condition, HostFlag bit, bool wanted) {
      at(answer_.facts, condition).met = ((info.flags() & bit) != 0) == wanted;
    };
    flag(WhyCondition::kHostActiveByAdmin, kHostAdminActive, true);
    flag(WhyCondition::kHostActiveByUser, kHostUserActive, true);
    flag(WhyCondition::kSiteActiveByAdmin, kSiteAdminActive, true);
    flag(WhyCondition::kSiteActiveByUser, kSiteUserActive, true);
    flag(WhyCondition::kHostPublic, kHostPrivate, false);
    flag(WhyCondition::kSitePublic, kSitePrivate, false);
    if ((info.flags() & (kHostPrivate | kSitePrivate)) != 0)
      at(answer_.facts, WhyCondition::kNetworks).met = has_networks();
  }

  // An AS of which no prefix is known leads nobody anywhere.
  [[nodiscard]] bool has_networks() const {
    const auto is_known = [&](uint32_t group) {
      const auto leads_to = [group](const auto& range) { return range.value() == group; };
      return std::ranges::any_of(view_.asns4, leads_to) ||
             std::ranges::any_of(view_.asns6, leads_to);
    };
    for (uint32_t group = 0; group < view_.asn_groups.size(); ++group) {
      const auto hosts = SnapshotView::part(view_.asn_hosts, view_.asn_groups[group].hosts());
      if (std::ranges::find(hosts, host_) != hosts.end() && is_known(group)) return true;
    }
    return std::ranges::any_of(view_.netblock_matches,
                               [&](const auto& match) { return match.host() == host_; });
  }

  // As an edge does it.
  void look_at_repository() {
    constexpr std::string_view kSource = "source";
    std::string_view name = question_.repository;
    uint32_t prefix = view_.find_prefix(name);
    if (prefix != kNone && view_.prefixes[prefix].redirect().size() > 0) {
      name = view_.text(view_.prefixes[prefix].redirect());
      prefix = view_.find_prefix(name);
    }
    const bool sources = name.find(kSource) != std::string_view::npos ||
                         question_.repository.find(kSource) != std::string::npos;
    const auto key =
        fmt::format("{}+{}", name, sources ? kSource : std::string_view(question_.arch));
    WhyFacts facts;
    at(facts, WhyCondition::kEnabled).met =
        prefix == kNone || view_.prefixes[prefix].disabled() == 0;
    const uint32_t found = view_.find_repository(key);
    at(facts, WhyCondition::kRepository).met = found != kNone;
    if (found == kNone) {
      at(facts, WhyCondition::kRepository)
          .rows.push_back(remark("no repository has the key " + quote_for_message(key)));
      add_target(kNone, "", false, facts);
      add_target(kNone, "", true, facts);
      return;
    }
    const auto& repository = view_.repositories[found];
    const auto add = [&](uint32_t directory, bool is_metalink) {
      const std::string shown = directory == kNone
                                    ? "of this repository"
                                    : std::string(view_.text(view_.directories[directory].name()));
      add_target(directory, shown, is_metalink, facts);
    };
    add(repository.directory(), false);
    add(repository.metalink_directory(), true);
  }

  void add_target(uint32_t directory, const std::string& name, bool is_metalink,
                  const WhyFacts& facts) {
    WhyTarget target{is_metalink, directory == kNone ? "" : name, facts, WhyVerdict::kNobody};
    if (directory != kNone) {
      look_at_directory(view_.directories[directory], target);
    } else if (!name.empty()) {
      at(target.facts, WhyCondition::kDirectory) = {
          false, {remark("the directory is not among those that are offered")}};
    }
    answer_.targets.push_back(std::move(target));
  }

  void look_at_directory(const fb::Directory& directory, WhyTarget& target) {
    at(target.facts, WhyCondition::kDirectory).met = true;
    at(target.facts, WhyCondition::kOffered).met = true;
    if (target.is_metalink) {
      at(target.facts, WhyCondition::kChecksums).met = view_.find_file(directory, kRepomd) != kNone;
    }
    if (!answer_.is_known) return;
    uint32_t url_set = kNone;
    bool is_member = false;
    if (directory.category() != kNone) {
      for (const auto& member : SnapshotView::part(
               view_.category_hosts, view_.categories[directory.category()].hosts())) {
        if (member.host() != host_) continue;
        is_member = true;
        url_set = member.url_set();
      }
      at(target.facts, WhyCondition::kCategory).met = is_member;
    }
    const auto& set = view_.carrier_sets[directory.carrier_set()];
    const auto carriers = SnapshotView::part(view_.carriers, set.carriers());
    const auto found = std::ranges::find_if(
        carriers, [&](const auto& carrier) { return carrier.host() == host_; });
    const bool carries = found != carriers.end();
    if (carries) url_set = found->url_set();
    if (carries || is_member) tell_urls(url_set, target.facts);
    if (target.is_metalink) at(target.facts, WhyCondition::kListableUrl) = {};
    // Of hosts that are switched off, and of private ones without a URL, a snapshot does not say
    // what they have.
    const bool is_told = carries || is_cache() || (is_member && is_active() && is_told_of(url_set));
    if (is_told) at(target.facts, WhyCondition::kUpToDate).met = carries;
    if (!carries) return;
    const bool is_global = static_cast<size_t>(found - carriers.begin()) < set.global_count();
    WhyFacts as_listed;
    at(as_listed, WhyCondition::kHostPublic).met = is_global;
    at(as_listed, WhyCondition::kNetworks) = at(answer_.facts, WhyCondition::kNetworks);
    target.verdict = verdict_of(as_listed, target.facts);
  }

  void tell_urls(uint32_t url_set, WhyFacts& facts) const {
    const bool has_urls = url_set != kNone && view_.url_sets[url_set].urls().count() > 0;
    at(facts, WhyCondition::kUrl).met = has_urls;
    if (!has_urls) return;
    at(facts, WhyCondition::kListableUrl).met = view_.url_sets[url_set].first_listable() != kNone;
    for (const auto& url : SnapshotView::part(view_.urls, view_.url_sets[url_set].urls())) {
      at(facts, WhyCondition::kUrl)
          .rows.push_back(remark(quote_for_message(view_.text(url.base()), 400)));
    }
  }

  [[nodiscard]] bool is_active() const {
    constexpr uint32_t kActive =
        kHostAdminActive | kHostUserActive | kSiteAdminActive | kSiteUserActive;
    return (view_.host_infos[host_].flags() & kActive) == kActive;
  }
  [[nodiscard]] bool is_told_of(uint32_t url_set) const {
    const bool is_private = (view_.host_infos[host_].flags() & (kHostPrivate | kSitePrivate)) != 0;
    return !is_private || url_set != kNone;
  }

  void tell_categories() {
    std::vector<bool> carries(view_.carrier_sets.size());
    for (size_t i = 0; i < carries.size(); ++i) {
      carries[i] =
          std::ranges::any_of(SnapshotView::part(view_.carriers, view_.carrier_sets[i].carriers()),
                              [&](const auto& carrier) { return carrier.host() == host_; });
    }
    std::vector<WhyCategory> categories(view_.categories.size());
    uint64_t without_category = 0;
    for (const auto& directory : view_.directories) {
      if (directory.category() == kNone) {
        without_category += carries[directory.carrier_set()] ? 1 : 0;
        continue;
      }
      auto& category = categories[directory.category()];
      ++category.directories;
      category.up2date += carries[directory.carrier_set()] ? 1 : 0;
    }
    for (size_t i = 0; i < categories.size(); ++i) {
      auto& category = categories[i];
      category.id = view_.categories[i].id();
      category.name = view_.text(view_.categories[i].name());
      for (const auto& member :
           SnapshotView::part(view_.category_hosts, view_.categories[i].hosts())) {
        if (member.host() != host_) continue;
        category.has_url = member.url_set() != kNone;
        category.always_up2date = member.always_up2date() != 0;
        answer_.categories.push_back(category);
      }
    }
    if (is_cache()) {
      answer_.notes.push_back(fmt::format("it carries {} of {} directories", without_category,
                                          view_.directories.size()));
    }
  }

  const SnapshotView& view_;
  const WhyQuestion& question_;
  uint32_t host_ = kNone;
  WhyAnswer answer_;
};

}  // namespace

WhyVerdict verdict_of(const WhyFacts& host, const WhyFacts& directory) {
  const auto is_unmet = [](const WhyFact& fact) { return !fact.met.value_or(true); };
  bool is_private = false;
  for (size_t i = 0; i < kWhyConditions; ++i) {
    const auto condition = static_cast<WhyCondition>(i);
    if (!is_unmet(host[i]) && !is_unmet(directory[i])) continue;
    if (condition != WhyCondition::kHostPublic && condition != WhyCondition::kSitePublic)
      return WhyVerdict::kNobody;
    is_private = true;
  }
  return is_private ? WhyVerdict::kNetworks : WhyVerdict::kEverybody;
}

Result<WhyAnswer> why_by_snapshot(const SnapshotView& view, const WhyQuestion& question,
                                  std::optional<int64_t> host_id) {
  return SnapshotWhy(view, question).run(host_id);
}

}  // namespace mirror
