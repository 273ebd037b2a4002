#include "edge/answer/explanation_words.h"

#include <fmt/format.h>

#include <array>

#include "base/core/assert.h"
#include "base/core/text.h"
#include "edge/answer/limits.h"

namespace mirror {
namespace {

std::string quoted(std::string_view text) { return quote_for_message(text); }

std::string quoted_names(std::span<const std::string_view> names) {
  std::string text;
  for (const std::string_view name : names) text += (text.empty() ? "" : ", ") + quoted(name);
  return text;
}

bool is_empty(const ChoiceRecord& record, AnswerGroup group) {
  return record.of(group).candidates.empty();
}

std::string_view description_of(AnswerGroup group, const ChoiceRecord& record) {
  switch (group) {
    case AnswerGroup::kNetblock:
      return "mirrors that claim the client's network, the longest prefix first";
    case AnswerGroup::kAsn:
      return "mirrors that belong to the client's AS";
    case AnswerGroup::kCountry:
      return "mirrors in the countries that were asked for";
    case AnswerGroup::kGeoIp:
      return "mirrors in the client's country";
    case AnswerGroup::kContinent:
      return record.of(AnswerGroup::kGlobal).skip == GroupSkip::kRequestedCountries
                 ? "mirrors in the other countries of the continents that were asked for"
                 : "mirrors in the other countries of the client's continent";
    case AnswerGroup::kGlobal:
    case AnswerGroup::kNoMirror:
      break;
  }
  return "all public mirrors";
}

std::string skip_sentence(GroupSkip skip, const GroupContext& context) {
  switch (skip) {
    case GroupSkip::kCountryParameter:
      return "not looked at: country= leaves networks out";
    case GroupSkip::kNetblockParameter:
      return "not looked at: netblock= leaves networks out";
    case GroupSkip::kNoCountryRequested:
      return "not looked at: the question has no country=";
    case GroupSkip::kRequestedCountries:
      return "not looked at: what country= asks for decides alone";
    case GroupSkip::kRedirectHasMirror:
      return "not looked at: a redirect takes one mirror, and an earlier group has it";
    case GroupSkip::kMinimumReached:
      return fmt::format("not looked at: the groups before hold {}, and {} are enough",
                         context.found_before, context.minimum);
  }
  MIRROR_ASSERT(!"a skip without a sentence");
}

std::string empty_sentence(AnswerGroup group, const GroupContext& context) {
  if (group == AnswerGroup::kNetblock || group == AnswerGroup::kAsn) {
    const bool is_claimed = group == AnswerGroup::kNetblock ? !context.networks.netblocks.empty()
                                                            : context.networks.as_group != nullptr;
    return is_claimed ? "empty: who is there does not have the directory, has nothing to show, or "
                        "came before"
                      : "empty: no mirror claims the client's network";
  }
  const ChoiceRecord::Group& record = context.record.of(group);
  if (!record.everybody && record.countries.empty()) {
    return "empty: no mirror with the directory is there";
  }
  return "empty: who is there does not serve the client, has nothing to show, or came before";
}

}  // namespace

std::string shown(std::string_view text) {
  std::string quoted_text = quote_for_message(text, text.size());
  const bool is_plain = quoted_text.size() == text.size() + 2;
  return is_plain ? std::string(text) : quoted_text;
}

std::string_view code_of(GroupSkip skip) {
  switch (skip) {
    case GroupSkip::kCountryParameter:
      return "country_parameter";
    case GroupSkip::kNetblockParameter:
      return "netblock_parameter";
    case GroupSkip::kNoCountryRequested:
      return "no_country_requested";
    case GroupSkip::kRequestedCountries:
      return "requested_countries";
    case GroupSkip::kRedirectHasMirror:
      return "redirect_has_mirror";
    case GroupSkip::kMinimumReached:
      return "minimum_reached";
  }
  MIRROR_ASSERT(!"a skip without a code");
}

std::string_view code_of(ClientSource source) {
  switch (source) {
    case ClientSource::kIpParameter:
      return "ip_parameter";
    case ClientSource::kGiven:
      return "given";
    case ClientSource::kDefault:
      return "default";
  }
  MIRROR_ASSERT(!"a source without a code");
}

std::string_view code_of(CountrySource source) {
  switch (source) {
    case CountrySource::kNobody:
      return "nobody";
    case CountrySource::kNetblockTable:
      return "netblock_table";
    case CountrySource::kGeoIp:
      return "geoip";
  }
  MIRROR_ASSERT(!"a source without a code");
}

std::string_view code_of(Refusal::Reason reason) {
  switch (reason) {
    case Refusal::Reason::kTargetTooLong:
      return "target_too_long";
    case Refusal::Reason::kUnknownResource:
      return "unknown_resource";
    case Refusal::Reason::kBadText:
      return "bad_text";
    case Refusal::Reason::kTooManyNames:
      return "too_many_names";
    case Refusal::Reason::kParametersMissing:
      return "parameters_missing";
    case Refusal::Reason::kInvalidPath:
      return "invalid_path";
    case Refusal::Reason::kRepositoryDisabled:
      return "repository_disabled";
    case Refusal::Reason::kUnknownRepository:
      return "unknown_repository";
    case Refusal::Reason::kBrokenRepository:
      return "broken_repository";
    case Refusal::Reason::kBadClientAddress:
      return "bad_client_address";
    case Refusal::Reason::kNoMetalink:
      return "no_metalink";
    case Refusal::Reason::kNoRedirect:
      return "no_redirect";
  }
  MIRROR_ASSERT(!"a reason without a code");
}

std::vector<std::string> parameter_notes(const Question& question, const AnswerOptions& options) {
  std::vector<std::string> notes;
  if (!question.countries.empty()) {
    notes.push_back(
        fmt::format("country= asks for mirrors in {}, and if there are none for the rest of the "
                    "continent; networks are not looked at",
                    quoted_names(question.countries)));
  } else if (!question.use_networks) {
    notes.emplace_back("netblock= is not 1: networks are not looked at");
  }
  if (question.has_protocol) {
    notes.push_back(
        fmt::format("protocol= asks for URLs of the schemes {}", quoted_names(question.protocols)));
  }
  if (question.wants_redirect) {
    notes.emplace_back("redirect asks for one mirror, the first, in a Location");
  }
  if (question.wants_time) {
    notes.emplace_back(question.resource == Resource::kMetalink || question.wants_redirect
                           ? "time does nothing here"
                           : "time asks for the line that says when the data were made");
  }
  if (!options.ip_parameter && !question.ip.empty()) {
    notes.emplace_back("ip= is not honoured (--no-ip-parameter)");
  }
  return notes;
}

std::vector<std::string> place_notes(const Question& question, const ExplainedQuestion& read) {
  std::vector<std::string> notes;
  if (question.has_path) {
    if (read.path != question.path) {
      notes.push_back(fmt::format("path= is read as {}, with single slashes", quoted(read.path)));
    }
    if (question.has_repository) {
      notes.emplace_back("path= decides; repo= and arch= only go to the access log");
    }
    return notes;
  }
  if (read.repository_used != question.repository) {
    notes.push_back(fmt::format("repository {} is redirected to {}", quoted(question.repository),
                                quoted(read.repository_used)));
  }
  if (read.arch_used != question.arch) {
    notes.push_back(
        fmt::format("architecture {} becomes {}, since the repository has that in its name",
                    quoted(question.arch), quoted(read.arch_used)));
  }
  return notes;
}

std::string refusal_sentence(const Refusal& refusal, std::string_view target) {
  switch (refusal.reason) {
    case Refusal::Reason::kTargetTooLong:
      return fmt::format("the request target has {} bytes, and {} are the most", target.size(),
                         kTargetSizeMax);
    case Refusal::Reason::kUnknownResource:
      return "the path ends neither in /mirrorlist nor in /metalink";
    case Refusal::Reason::kBadText:
      return "path=, repo=, arch=, country= or protocol= holds control characters, line ends, "
             "U+FFFE or U+FFFF, or is not UTF-8";
    case Refusal::Reason::kTooManyNames:
      return fmt::format("country= takes up to {} names, and protocol= up to {}",
                         kRequestedCountriesMax, kRequestedProtocolsMax);
    case Refusal::Reason::kParametersMissing:
      return "there is no path=, and not both of repo= and arch=";
    case Refusal::Reason::kInvalidPath:
      return fmt::format(
          "{} is no directory that is known, and its last part is no file name in one",
          quoted(refusal.first));
    case Refusal::Reason::kRepositoryDisabled:
      return fmt::format("repository {} is disabled", quoted(refusal.first));
    case Refusal::Reason::kUnknownRepository:
      return fmt::format("there is no repository {} for architecture {}", quoted(refusal.first),
                         quoted(refusal.second));
    case Refusal::Reason::kBrokenRepository:
      return fmt::format(
          "repository {} for architecture {} is known, but its directory (for a metalink its "
          "repodata) is not in the data",
          quoted(refusal.first), quoted(refusal.second));
    case Refusal::Reason::kBadClientAddress:
      return fmt::format("ip= holds {}, which is no address", quoted(refusal.first));
    case Refusal::Reason::kNoMetalink:
      if (refusal.second.empty()) {
        return fmt::format("{} is a directory, and metalinks are for files", quoted(refusal.first));
      }
      return fmt::format("no checksums of {} in {} are known", quoted(refusal.second),
                         quoted(refusal.first));
    case Refusal::Reason::kNoRedirect:
      return "no mirror is left that has an http or https URL";
  }
  MIRROR_ASSERT(!"a reason without a sentence");
}

std::string group_sentence(AnswerGroup group, const GroupContext& context) {
  const auto skip = context.record.of(group).skip;
  if (skip) return skip_sentence(*skip, context);
  if (is_empty(context.record, group)) return empty_sentence(group, context);
  return std::string(description_of(group, context.record));
}

}  // namespace mirror
