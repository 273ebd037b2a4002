#include "edge/answer/explanation.h"

#include <algorithm>

#include "base/core/random.h"
#include "edge/answer/directory_choice.h"
#include "edge/answer/explanation_words.h"
#include "edge/answer/list_reply.h"
#include "edge/answer/mirror_choice.h"
#include "edge/answer/place.h"
#include "edge/answer/question.h"
#include "edge/answer/text_buffer.h"
#include "edge/answer/url_filter.h"
#include "edge/answer/url_text.h"

namespace mirror {
namespace {

constexpr IpAddress kDefaultClient{IpAddress::Family::kIpv4, 0, 0x7f000001};

// What a choice of a directory that was refused has looked for.
DirectoryChoice looked_for(const Question& question, const Refusal& refusal) {
  DirectoryChoice choice;
  if (question.has_path) {
    choice.path = refusal.first;
  } else {
    choice.repository = refusal.first;
    choice.arch = refusal.second;
  }
  return choice;
}

// One explanation, step by step as Answerer makes an answer.
class Explainer {
 public:
  Explainer(const SnapshotView& view, const GeoDatabase* geo, const AnswerOptions& options,
            const ExplainRequest& request)
      : view_(view), geo_(geo), options_(options), request_(request) {
    scratch_.allocate(kDirectoryScratchMax);
  }

  void run();
  [[nodiscard]] Explanation take() { return std::move(out_); }

 private:
  struct Located {
    const Question& question;
    const DirectoryChoice& directory;
    const Place& place;
    const Place& networks;  // the same with the networks, even if the question does not want them
  };

  void tell_generation();
  void tell_question(const Question& question);
  void tell_place(const Question& question, const DirectoryChoice& choice);
  void tell_directory(const DirectoryChoice& choice);
  void tell_client(const Question& question, const Place& networks);
  void tell_mirrors(const Located& located);
  void tell_group(const Located& located, const UrlFilter& filter, AnswerGroup group);
  void tell_absences(const Located& located, const UrlFilter& filter);
  void refuse(const Refusal& refusal);

  [[nodiscard]] ExplainedHost host(uint32_t index) const;
  [[nodiscard]] std::string country(uint32_t index) const;
  [[nodiscard]] std::vector<ChoiceObserver::Candidate> candidates(AnswerGroup group) const;
  [[nodiscard]] std::vector<std::string> urls(const Question& question, const UrlFilter& filter,
                                              uint32_t url_set);
  [[nodiscard]] std::vector<ListedHost> listed_hosts(uint32_t directory) const;

  const SnapshotView& view_;
  const GeoDatabase* const geo_;
  const AnswerOptions& options_;
  const ExplainRequest& request_;
  Explanation out_;
  QuestionReader reader_;
  TextBuffer scratch_;
  UrlTail tail_;
  ChoiceRecord record_;
  std::span<const fb::Carrier> carriers_;
  std::vector<bool> answered_;  // by carrier
};

void Explainer::run() {
  tell_generation();
  const auto question = reader_.read(request_.target);
  if (!question) return refuse(question.error().refusal);
  tell_question(*question);
  const auto directory = choose_directory(view_, *question, scratch_);
  if (!directory) {
    tell_place(*question, looked_for(*question, directory.error()));
    return refuse(directory.error());
  }
  tell_place(*question, *directory);
  tell_directory(*directory);
  const auto client =
      choose_client(*question, request_.client.value_or(kDefaultClient), options_.ip_parameter);
  if (!client) return refuse(client.error());
  Locator locator;
  locator.adopt(view_, geo_);
  const Place place = locator.locate(*client, question->use_networks);
  const Place networks = locator.locate(*client, true);
  tell_client(*question, networks);
  if (question->resource == Resource::kMetalink) {
    const auto file = find_metalink_file(view_, *directory);
    if (!file) return refuse(file.error());
  }
  tell_mirrors({*question, *directory, place, networks});
}

void Explainer::tell_generation() {
  out_.target = request_.target;
  out_.minimum = options_.minimum;
  out_.generation.sequence = request_.sequence;
  out_.generation.digest = request_.digest;
  out_.generation.created_at = view_.created_at;
  if (geo_ == nullptr) return;
  out_.generation.geoip_type = geo_->database_type();
  out_.generation.geoip_built_at = geo_->build_epoch();
}

void Explainer::refuse(const Refusal& refusal) {
  out_.status = status_of(refusal.reason);
  out_.refusal = {refusal.reason, refusal_sentence(refusal, request_.target)};
}

void Explainer::tell_question(const Question& question) {
  ExplainedQuestion& read = out_.question.emplace();
  read.resource = question.resource;
  read.has_path = question.has_path;
  read.path = question.path;
  read.repository = question.repository;
  read.arch = question.arch;
  read.countries.assign(question.countries.begin(), question.countries.end());
  if (question.has_protocol) read.protocol = question.protocol;
  read.use_networks = question.use_networks;
  read.wants_redirect = question.wants_redirect;
  read.wants_time = question.wants_time;
  read.notes = parameter_notes(question, options_);
}

void Explainer::tell_place(const Question& question, const DirectoryChoice& choice) {
  ExplainedQuestion& read = *out_.question;
  read.path = choice.path;
  read.repository_used = choice.repository;
  read.arch_used = choice.arch;
  auto notes = place_notes(question, read);
  read.notes.insert(read.notes.begin(), notes.begin(), notes.end());
}

void Explainer::tell_directory(const DirectoryChoice& choice) {
  const fb::Directory& directory = view_.directories[choice.directory];
  ExplainedDirectory& found = out_.directory.emplace();
  found.name = view_.text(directory.name());
  found.subpath = view_.text(directory.subpath());
  found.file = choice.file;
  found.carriers = view_.carrier_sets[directory.carrier_set()].carriers().count();
  found.has_category = directory.category() != kNone;
  if (!found.has_category) return;
  const fb::Category& category = view_.categories[directory.category()];
  found.category_id = category.id();
  found.category = view_.text(category.name());
  found.product = view_.text(category.product());
  found.top_directory = view_.text(category.topdir());
  found.category_hosts = category.hosts().count();
}

void Explainer::tell_client(const Question& question, const Place& networks) {
  ExplainedClient& client = out_.client.emplace();
  client.address = networks.client;
  client.source = options_.ip_parameter && !question.ip.empty() ? ClientSource::kIpParameter
                  : request_.client                             ? ClientSource::kGiven
                                                                : ClientSource::kDefault;
  for (const fb::NetblockMatch& match : networks.netblocks) {
    const auto prefix = IpPrefix::of(networks.client, static_cast<int>(match.prefix_length()));
    client.netblocks.push_back({prefix.to_string(), host(match.host())});
  }
  if (networks.as_group != nullptr) {
    client.asn = networks.as_group->asn();
    for (const uint32_t index : SnapshotView::part(view_.asn_hosts, networks.as_group->hosts())) {
      client.asn_hosts.push_back(host(index));
    }
  }
  client.country = networks.country;
  client.country_source = networks.country_source;
  if (networks.country_index == kNone) return;
  const uint32_t continent = view_.countries[networks.country_index].continent();
  if (continent != kNone) client.continent = view_.text(view_.continents[continent].name());
}

void Explainer::tell_mirrors(const Located& located) {
  const uint32_t set = view_.directories[located.directory.directory].carrier_set();
  carriers_ = SnapshotView::part(view_.carriers, view_.carrier_sets[set].carriers());
  answered_.resize(carriers_.size());
  if (!located.question.use_networks) {
    const auto why = located.question.countries.empty() ? GroupSkip::kNetblockParameter
                                                        : GroupSkip::kCountryParameter;
    record_.on_skip(AnswerGroup::kNetblock, why);
    record_.on_skip(AnswerGroup::kAsn, why);
  }
  const UrlFilter filter(view_, located.question);
  MirrorChooser chooser;
  chooser.adopt(view_);
  Random random(0);  // who is drawn first does not matter here
  const auto choice = chooser.choose(
      {located.question, located.place, filter, set, options_.minimum, nullptr}, random, record_);
  if (located.question.wants_redirect) {
    out_.status = 302;
    if (choice.mirrors.empty()) refuse({Refusal::Reason::kNoRedirect, {}, {}});
  }
  tail_.allocate();
  tail_.set_plain(view_, located.directory, "");
  for (const AnswerGroup group : kGroupsInOrder) tell_group(located, filter, group);
  tell_absences(located, filter);
}

// The candidates of a group, each once; likeliest first, equal ones by host.
std::vector<ChoiceObserver::Candidate> Explainer::candidates(AnswerGroup group) const {
  auto all = record_.of(group).candidates;
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.carrier != b.carrier ? a.carrier < b.carrier : a.share > b.share;
  });
  std::vector<ChoiceObserver::Candidate> once;
  for (const auto& candidate : all) {
    if (once.empty() || once.back().carrier != candidate.carrier) {
      once.push_back(candidate);
    } else if (group != AnswerGroup::kNetblock) {
      once.back().share += candidate.share;
    }
  }
  std::sort(once.begin(), once.end(), [this](const auto& a, const auto& b) {
    return a.share != b.share ? a.share > b.share
                              : carriers_[a.carrier].host() < carriers_[b.carrier].host();
  });
  return once;
}

void Explainer::tell_group(const Located& located, const UrlFilter& filter, AnswerGroup group) {
  const auto members = candidates(group);
  // Longer prefixes come strictly first, so that only the longest can have the first mirror.
  const bool by_length = group == AnswerGroup::kNetblock;
  double all = 0;
  for (const auto& member : members) {
    all += by_length ? (member.share == members[0].share ? 1 : 0) : member.share;
  }
  ExplainedGroup told;
  told.group = group;
  told.skip = record_.of(group).skip;
  told.sentence =
      group_sentence(group, {record_, located.networks, options_.minimum, out_.mirror_count()});
  told.everybody = record_.of(group).everybody;
  for (const uint32_t index : record_.of(group).countries) told.countries.push_back(country(index));
  const uint32_t set = view_.directories[located.directory.directory].carrier_set();
  for (const auto& member : members) {
    const fb::Carrier& carrier = carriers_[member.carrier];
    ExplainedMirror mirror;
    mirror.host = host(carrier.host());
    mirror.is_private = member.carrier >= view_.carrier_sets[set].global_count();
    mirror.urls = urls(located.question, filter, carrier.url_set());
    if (by_length) {
      mirror.probability = member.share == members[0].share ? 1 / all : 0;
      mirror.prefix =
          IpPrefix::of(located.place.client, static_cast<int>(member.share)).to_string();
    } else {
      mirror.probability = member.share / all;
      if (group != AnswerGroup::kAsn) mirror.times = member.share / mirror.host.weight;
    }
    answered_[member.carrier] = true;
    told.mirrors.push_back(std::move(mirror));
  }
  out_.groups.push_back(std::move(told));
}

std::vector<std::string> Explainer::urls(const Question& question, const UrlFilter& filter,
                                         uint32_t url_set) {
  const uint32_t pick = filter.pick(url_set);
  std::vector<std::string> found;
  filter.for_each_url(pick, [&](const fb::Url& url) {
    found.push_back(std::string(view_.text(url.base())) + std::string(tail_.text()));
  });
  if (!question.wants_redirect) return found;
  TextBuffer location;
  location.allocate(3 * found[0].size());
  append_location(view_, pick, tail_, location);
  return {std::string(location.text())};
}

std::vector<ListedHost> Explainer::listed_hosts(uint32_t directory) const {
  std::vector<uint32_t> carrier_of(view_.hosts.size(), kNone);
  for (uint32_t place = 0; place < carriers_.size(); ++place) {
    carrier_of[carriers_[place].host()] = place;
  }
  std::vector<ListedHost> listed;
  std::vector<bool> known(view_.hosts.size());
  const uint32_t category = view_.directories[directory].category();
  if (category != kNone) {
    const auto hosts = SnapshotView::part(view_.category_hosts, view_.categories[category].hosts());
    for (const fb::CategoryHost& entry : hosts) {
      const uint32_t place = carrier_of[entry.host()];
      listed.push_back(
          {entry.host(), place, place == kNone ? entry.url_set() : carriers_[place].url_set()});
      known[entry.host()] = true;
    }
  }
  for (uint32_t place = 0; place < carriers_.size(); ++place) {
    const fb::Carrier& carrier = carriers_[place];
    if (!known[carrier.host()]) listed.push_back({carrier.host(), place, carrier.url_set()});
  }
  std::sort(listed.begin(), listed.end(),
            [](const ListedHost& a, const ListedHost& b) { return a.host < b.host; });
  return listed;
}

void Explainer::tell_absences(const Located& located, const UrlFilter& filter) {
  const uint32_t directory = located.directory.directory;
  const AbsenceFinder finder({view_, located.question, filter, located.networks, record_,
                              view_.directories[directory].carrier_set(), options_.minimum});
  for (const ListedHost& listed : listed_hosts(directory)) {
    if (listed.carrier != kNone && answered_[listed.carrier]) continue;
    out_.absences.push_back({host(listed.host), finder.find(listed)});
  }
}

ExplainedHost Explainer::host(uint32_t index) const {
  const fb::HostInfo& info = view_.host_infos[index];
  return {info.id(), std::string(view_.text(info.name())), std::string(view_.text(info.site())),
          country(view_.hosts[index].country()), view_.hosts[index].weight()};
}

std::string Explainer::country(uint32_t index) const {
  return index == kNone ? std::string() : std::string(view_.text(view_.countries[index].name()));
}

}  // namespace

size_t Explanation::mirror_count() const {
  size_t count = 0;
  for (const ExplainedGroup& group : groups) count += group.mirrors.size();
  return count;
}

Explanation explain(const SnapshotView& view, const GeoDatabase* geo, const AnswerOptions& options,
                    const ExplainRequest& request) {
  Explainer explainer(view, geo, options, request);
  explainer.run();
  return explainer.take();
}

}  // namespace mirror
