#include "compiler/report.h"

#include <fmt/format.h>
#include <rapidjson/document.h>
#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/core/files.h"
#include "base/core/http_date.h"
#include "base/core/text.h"

namespace mirror {
namespace {

constexpr uint64_t kReportFormat = 1;
constexpr std::array kSeverities = {Severity::kError, Severity::kWarning, Severity::kNote};

using Writer = rapidjson::PrettyWriter<rapidjson::StringBuffer>;
using Json = rapidjson::Value;

void key(Writer& json, std::string_view name) {
  json.Key(name.data(), static_cast<rapidjson::SizeType>(name.size()));
}
// What a terminal can show. Examples quote what they hold; the name of a source may hold anything.
bool is_showable(std::string_view value) {
  for (size_t at = value.find('\xc2'); at != std::string_view::npos;
       at = value.find('\xc2', at + 1)) {
    if (at + 1 < value.size() && static_cast<unsigned char>(value[at + 1]) < 0xa0) return false;
  }
  return is_valid_utf8(value) && !has_control_byte(value);
}
void text(Writer& json, std::string_view value) {
  const std::string safe =
      is_showable(value) ? std::string(value) : quote_for_message(value, value.size());
  json.String(safe.data(), static_cast<rapidjson::SizeType>(safe.size()));
}
void field(Writer& json, std::string_view name, std::string_view value) {
  key(json, name);
  text(json, value);
}
void field(Writer& json, std::string_view name, uint64_t value) {
  key(json, name);
  json.Uint64(value);
}
void examples(Writer& json, const std::vector<std::string>& values) {
  key(json, "examples");
  json.StartArray();
  for (const auto& value : values) text(json, value);
  json.EndArray();
}

void write_findings(Writer& json, const std::vector<Finding>& findings) {
  json.StartArray();
  for (const auto& finding : findings) {
    json.StartObject();
    field(json, "code", finding.code);
    field(json, "severity", name_of(finding.severity));
    field(json, "what", finding.what);
    field(json, "remedy", finding.remedy);
    field(json, "count", finding.count);
    examples(json, finding.examples);
    json.EndObject();
  }
  json.EndArray();
}

std::string render_examples(const std::vector<std::string>& examples, uint64_t count) {
  std::string text;
  for (const auto& example : examples) text += fmt::format("    {}\n", example);
  if (count > examples.size()) text += fmt::format("    and {} more\n", count - examples.size());
  return text;
}

// Members of a JSON object by name; nullopt for what is not there or is of another kind.
class Fields {
 public:
  explicit Fields(const Json& value) : value_(value) {}
  [[nodiscard]] const Json* find(const char* name) const {
    if (!value_.IsObject()) return nullptr;
    const auto at = value_.FindMember(name);
    return at == value_.MemberEnd() ? nullptr : &at->value;
  }
  [[nodiscard]] std::optional<uint64_t> number(const char* name) const {
    const Json* found = find(name);
    return found != nullptr && found->IsUint64() ? std::optional(found->GetUint64()) : std::nullopt;
  }
  [[nodiscard]] std::optional<std::string> text(const char* name) const {
    const Json* found = find(name);
    return found == nullptr ? std::nullopt : text_of(*found);
  }
  [[nodiscard]] std::optional<std::vector<std::string>> texts(const char* name) const {
    const Json* found = find(name);
    if (found == nullptr || !found->IsArray()) return std::nullopt;
    std::vector<std::string> result;
    for (const auto& element : found->GetArray()) {
      auto one = text_of(element);
      if (!one) return std::nullopt;
      result.push_back(std::move(*one));
    }
    return result;
  }

 private:
  static std::optional<std::string> text_of(const Json& value) {
    if (!value.IsString()) return std::nullopt;
    std::string text(value.GetString(), value.GetStringLength());
    if (!is_showable(text)) return std::nullopt;
    return text;
  }
  const Json& value_;
};

std::optional<Severity> parse_severity(const std::optional<std::string>& word) {
  for (const Severity severity : kSeverities) {
    if (word && *word == name_of(severity)) return severity;
  }
  return std::nullopt;
}

Result<void> parse_left_out(const Json& element, CompileReport& report) {
  const Fields fields(element);
  const auto table = fields.text("table");
  const auto reason = fields.text("reason");
  const auto count = fields.number("count");
  auto shown = fields.texts("examples");
  if (!table || !reason || !count || !shown)
    return fail(ErrorKind::kInvalid, "an entry of left_out lacks a field or has a wrong one");
  report.left_out[{*table, *reason}] = {*count, std::move(*shown)};
  return {};
}

Result<void> parse_finding(const Json& element, CompileReport& report) {
  const Fields fields(element);
  const auto code = fields.text("code");
  const auto severity = parse_severity(fields.text("severity"));
  const auto what = fields.text("what");
  const auto remedy = fields.text("remedy");
  const auto count = fields.number("count");
  auto shown = fields.texts("examples");
  if (!code || !severity || !what || !remedy || !count || !shown)
    return fail(ErrorKind::kInvalid, "an entry of findings lacks a field or has a wrong one");
  report.findings.push_back({*code, *severity, *what, *remedy, *count, std::move(*shown)});
  return {};
}

uint64_t count_of(const CompileReport& report, Severity severity) {
  return static_cast<uint64_t>(std::ranges::count(report.findings, severity, &Finding::severity));
}

uint64_t left_out_count(const CompileReport& report) {
  uint64_t count = 0;
  for (const auto& [key, entry] : report.left_out) count += entry.count;
  return count;
}

}  // namespace

Severity worst_of(const CompileReport& report) {
  Severity worst = report.left_out.empty() ? Severity::kNote : Severity::kWarning;
  for (const auto& finding : report.findings) worst = std::max(worst, finding.severity);
  return worst;
}

std::string summary_of(const CompileReport& report) {
  return fmt::format(
      "rows left out or changed: {}; kinds of errors: {}, of warnings: {}, of notes: {}",
      left_out_count(report), count_of(report, Severity::kError),
      count_of(report, Severity::kWarning), count_of(report, Severity::kNote));
}

std::string render_findings_text(const std::vector<Finding>& findings) {
  std::string text;
  for (const Severity severity : kSeverities) {
    for (const auto& finding : findings) {
      if (finding.severity != severity) continue;
      text += fmt::format("\n{:<7} {}: {}\n  {}\n", name_of(severity), finding.code, finding.count,
                          finding.what);
      text += render_examples(finding.examples, finding.count);
      text += fmt::format("  remedy: {}\n", finding.remedy);
    }
  }
  return text;
}

std::string render_report_text(const CompileReport& report) {
  std::string text = fmt::format("data        {}, read at {}\n            {}\n", report.source,
                                 utc_text(report.created_at), summary_of(report));
  if (!report.left_out.empty()) text += "\nrows left out or changed\n";
  for (const auto& [key, entry] : report.left_out) {
    text += fmt::format("  {}: {}: {}\n", key.first, key.second, entry.count);
    text += render_examples(entry.examples, entry.count);
  }
  text += render_findings_text(report.findings);
  return text;
}

std::string render_findings_json(const std::vector<Finding>& findings) {
  rapidjson::StringBuffer buffer;
  Writer json(buffer);
  write_findings(json, findings);
  return {buffer.GetString(), buffer.GetSize()};
}

std::string render_report_json(const CompileReport& report) {
  rapidjson::StringBuffer buffer;
  Writer json(buffer);
  json.SetIndent(' ', 2);
  json.StartObject();
  field(json, "format", kReportFormat);
  field(json, "created_at", report.created_at);
  field(json, "source", report.source);
  field(json, "severity", name_of(worst_of(report)));
  key(json, "left_out");
  json.StartArray();
  for (const auto& [names, entry] : report.left_out) {
    json.StartObject();
    field(json, "table", names.first);
    field(json, "reason", names.second);
    field(json, "count", entry.count);
    examples(json, entry.examples);
    json.EndObject();
  }
  json.EndArray();
  key(json, "findings");
  write_findings(json, report.findings);
  json.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

Result<CompileReport> parse_report(std::string_view json) {
  rapidjson::Document document;
  // Without recursion: the nesting may be as deep as the input is long.
  document.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
  if (document.HasParseError()) {
    return fail(ErrorKind::kInvalid, "no JSON document: what is wrong is at byte {}",
                document.GetErrorOffset());
  }
  const Fields fields(document);
  const auto format = fields.number("format");
  if (!format)
    return fail(ErrorKind::kInvalid, "no report of mirror-compile --report: it has no format");
  if (*format != kReportFormat) {
    return fail(ErrorKind::kInvalid, "a report of format {}, and this program reads {}", *format,
                kReportFormat);
  }
  const auto created_at = fields.number("created_at");
  const auto source = fields.text("source");
  const Json* left_out = fields.find("left_out");
  const Json* findings = fields.find("findings");
  if (!created_at || !source || left_out == nullptr || !left_out->IsArray() ||
      findings == nullptr || !findings->IsArray()) {
    return fail(ErrorKind::kInvalid,
                "a report needs created_at, source, left_out and findings, each of its kind");
  }
  CompileReport report;
  report.created_at = *created_at;
  report.source = *source;
  for (const auto& element : left_out->GetArray()) MIRROR_CHECK(parse_left_out(element, report));
  for (const auto& element : findings->GetArray()) MIRROR_CHECK(parse_finding(element, report));
  return report;
}

Result<CompileReport> read_report(const std::string& path) {
  MIRROR_TRY(const auto json, read_file(path, kReportSizeMax));
  auto report = parse_report(json);
  if (!report) return with_context(std::move(report).error(), path);
  return report;
}

}  // namespace mirror
