#include <fmt/format.h>

#include "base/core/http_date.h"
#include "base/core/text.h"
#include "edge/answer/explanation.h"
#include "edge/answer/explanation_words.h"

namespace mirror {
namespace {

// Longer targets are cut: the JSON has all of them.
constexpr size_t kShownTargetMax = 2000;

// A line of the upper part: a name, or none where it goes on, and what there is to say.
std::string line(std::string_view name, std::string_view what) {
  return fmt::format("{:<11} {}\n", name, what);
}

// "1 mirror", "2 mirrors"
std::string counted(size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string describe(const ExplainedHost& host) {
  return fmt::format("{} ({}, {}, id {})", host.name.empty() ? "?" : shown(host.name),
                     host.site.empty() ? "?" : shown(host.site),
                     host.country.empty() ? "no country" : shown(host.country), host.id);
}

std::string render_generation(const ExplainedGeneration& generation) {
  const std::string number =
      generation.sequence == 0 ? "of unknown number" : fmt::to_string(generation.sequence);
  const std::string geoip =
      generation.geoip_type.empty()
          ? "no GeoIP database"
          : fmt::format("GeoIP {} of {}", shown(generation.geoip_type),
                        utc_text(static_cast<uint64_t>(generation.geoip_built_at)));
  return line("generation",
              fmt::format("{}, digest {}, data read at {}; {}", number, generation.digest.hex(),
                          utc_text(generation.created_at), geoip));
}

std::string render_question(const ExplainedQuestion& question) {
  const std::string_view kind = question.resource == Resource::kMetalink ? "a metalink"
                                : question.wants_redirect                ? "a redirect"
                                                                         : "a list";
  const std::string where = question.has_path
                                ? fmt::format("path {}", quote_for_message(question.path))
                                : fmt::format("repository {}, architecture {}",
                                              quote_for_message(question.repository_used),
                                              quote_for_message(question.arch_used));
  std::string text = line("read as", fmt::format("{} for {}", kind, where));
  for (const std::string& note : question.notes) text += line("", note);
  return text;
}

std::string render_directory(const ExplainedDirectory& directory) {
  std::string text = line("directory", shown(directory.name));
  if (!directory.file.empty()) text += line("", fmt::format("file {}", shown(directory.file)));
  if (directory.has_category) {
    return text + line("", fmt::format("category {}: {} of its {} hosts carry the directory",
                                       shown(directory.category), directory.carriers,
                                       directory.category_hosts));
  }
  return text + line("", fmt::format("carried by {}; its category is not known, and so are its "
                                     "other hosts",
                                     counted(directory.carriers, "host")));
}

std::string_view words_of(ClientSource source) {
  switch (source) {
    case ClientSource::kIpParameter:
      return "as ip= says";
    case ClientSource::kGiven:
      return "as was given";
    case ClientSource::kDefault:
      break;
  }
  return "since no client was given";
}

std::string_view words_of(CountrySource source) {
  switch (source) {
    case CountrySource::kNetblockTable:
      return "by the operators' netblock table";
    case CountrySource::kGeoIp:
      return "by GeoIP";
    case CountrySource::kNobody:
      break;
  }
  return "which nobody knows";
}

std::string render_client(const ExplainedClient& client) {
  std::string text =
      line("client", fmt::format("{}, {}", client.address.to_string(), words_of(client.source)));
  for (const auto& netblock : client.netblocks) {
    text += line("", fmt::format("netblock {}: {}", netblock.prefix, describe(netblock.host)));
  }
  if (client.netblocks.empty()) text += line("", "in no mirror's netblock");
  if (!client.asn) text += line("", "in no mirror's AS");
  for (const ExplainedHost& host : client.asn_hosts) {
    text += line("", fmt::format("AS {}: {}", *client.asn, describe(host)));
  }
  return text +
         line("", fmt::format("country {}, {}; {}", shown(client.country),
                              words_of(client.country_source),
                              client.continent.empty() ? "no continent"
                                                       : "continent " + shown(client.continent)));
}

std::string render_answer(const Explanation& explanation) {
  if (explanation.refusal) {
    return line("answer",
                fmt::format("{}: {} ({})", explanation.status, explanation.refusal->sentence,
                            code_of(explanation.refusal->reason)));
  }
  const bool redirects = explanation.question && explanation.question->wants_redirect;
  return line("answer",
              fmt::format("{}, {}{}; minimum {}", explanation.status, redirects ? "one of " : "",
                          counted(explanation.mirror_count(), "mirror"), explanation.minimum));
}

std::string render_mirror(const ExplainedMirror& mirror) {
  std::string text = fmt::format("{:>8.2f} %  {}", mirror.probability * 100, describe(mirror.host));
  if (!mirror.prefix.empty()) text += fmt::format(", netblock {}", mirror.prefix);
  if (mirror.times > 0) text += fmt::format(", weight {}", mirror.host.weight);
  if (mirror.times > 1) text += fmt::format(" times {}", mirror.times);
  if (mirror.is_private) text += ", private";
  text += '\n';
  for (const std::string& url : mirror.urls) text += line("", shown(url));
  return text;
}

std::string render_group(const ExplainedGroup& group) {
  std::string text = "\n" + line(code_of(group.group), group.sentence);
  if (!group.countries.empty()) {
    std::string names = group.everybody ? "all" : "";
    for (const std::string& name : group.countries) {
      names += (names.empty() ? "" : " ") + (name.empty() ? std::string("\"\"") : shown(name));
    }
    text += line("", "countries " + names);
  }
  for (const ExplainedMirror& mirror : group.mirrors) text += render_mirror(mirror);
  return text;
}

std::string render_absence(const ExplainedAbsence& absence) {
  std::string text = "  " + describe(absence.host) + "\n";
  for (const Absence& reason : absence.reasons) {
    text += line("", fmt::format("{}: {}", code_of(reason.reason), reason.sentence));
  }
  return text;
}

}  // namespace

std::string render_text(const Explanation& explanation) {
  std::string text = line("question", quote_for_message(explanation.target, kShownTargetMax)) +
                     render_generation(explanation.generation);
  if (explanation.question) text += render_question(*explanation.question);
  if (explanation.directory) text += render_directory(*explanation.directory);
  if (explanation.client) text += render_client(*explanation.client);
  text += render_answer(explanation);
  for (const ExplainedGroup& group : explanation.groups) text += render_group(group);
  if (explanation.groups.empty()) return text;
  text += fmt::format("\nnot in the answer: {}\n", counted(explanation.absences.size(), "host"));
  for (const ExplainedAbsence& absence : explanation.absences) text += render_absence(absence);
  return text;
}

}  // namespace mirror
