#include "compiler/tables.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/core/files.h"
#include "base/core/text.h"
#include "compiler/country_continent.h"
#include "compiler/text_rules.h"

namespace mirror {
namespace {

constexpr uint64_t kPrefixFileSizeMax = uint64_t{512} << 20;
constexpr uint64_t kCountryFileSizeMax = uint64_t{1} << 20;

// Faults are shown as `FILE:LINE text`.
std::string place_of(std::string_view file, int64_t number) {
  return fmt::format("{}:{}", file, number);
}

// Calls `each(line, number)` for every line, without its end.
template <typename Each>
void for_each_line(std::string_view text, Each each) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  for (int64_t number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    each(text.substr(0, end), number);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// Cuts the first piece between blanks off a line.
std::string_view next_word(std::string_view& line) {
  constexpr std::string_view kBlanks = " \t\r\v\f";
  const auto first = line.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return line = {};
  const auto end = std::min(line.find_first_of(kBlanks, first), line.size());
  const auto word = line.substr(first, end - first);
  line.remove_prefix(end);
  return word;
}

std::string_view unquote(std::string_view field) {
  field = trim(field);
  if (field.size() >= 2 && (field.front() == '"' || field.front() == '\'') &&
      field.back() == field.front()) {
    field = trim(field.substr(1, field.size() - 2));
  }
  return field;
}

// " (FILE:LINE text: reason)" of the first fault of a file, or nothing.
std::string first_fault(const Diagnostics& diagnostics, std::string_view file) {
  for (const auto& [key, entry] : diagnostics.entries())
    if (key.first == file) return fmt::format(" ({}: {})", entry.examples.front(), key.second);
  return {};
}

}  // namespace

PrefixAsnTable parse_prefix_asns(std::string_view text, std::string_view file,
                                 Diagnostics& diagnostics) {
  PrefixAsnTable table;
  // At once, as growing takes half as much again; the shortest line is `::/1 1`.
  constexpr size_t kLineSizeMin = 7;
  table.reserve(std::min(static_cast<size_t>(std::ranges::count(text, '\n')) + 1,
                         text.size() / kLineSizeMin + 1));
  for_each_line(text, [&](std::string_view line, int64_t number) {
    const auto prefix_text = next_word(line);
    if (prefix_text.empty() || prefix_text.front() == '#') return;
    const auto asn_text = next_word(line);
    const auto prefix = prefix_text.find('/') == std::string_view::npos
                            ? std::nullopt
                            : IpPrefix::parse(prefix_text);
    if (!prefix)
      return diagnostics.add(file, "lines do not begin with a prefix", place_of(file, number),
                             quote_for_message(prefix_text, 40));
    if (prefix->length == 0)
      return diagnostics.add(file, "lines name the whole address space", place_of(file, number));
    if (asn_text.empty())
      return diagnostics.add(file, "lines have no AS number", place_of(file, number),
                             prefix->to_string());
    const auto asn = parse_int64(asn_text);
    if (!asn)
      diagnostics.add(file, "AS numbers are no numbers; the prefix belongs to no mirror",
                      place_of(file, number), quote_for_message(asn_text, 40));
    table.push_back({*prefix, asn.value_or(0), asn.has_value()});
  });
  // Stable, so that of equal prefixes the last line comes last.
  std::ranges::stable_sort(table, {}, &PrefixAsn::prefix);
  size_t kept = 0;
  for (size_t i = 0; i < table.size(); ++i) {
    if (i + 1 == table.size() || table[i].prefix != table[i + 1].prefix) table[kept++] = table[i];
  }
  table.resize(kept);
  return table;
}

Result<PrefixAsnTable> read_prefix_asns(const std::string& path, Diagnostics& diagnostics) {
  MIRROR_TRY(const auto text, read_file(path, kPrefixFileSizeMax));
  auto table = parse_prefix_asns(text, path, diagnostics);
  if (table.empty()) {
    return fail(
        ErrorKind::kInvalid,
        "{}: no line like 192.0.2.0/24 64496 in it{}: give a table of prefixes and AS numbers",
        path, first_fault(diagnostics, path));
  }
  return table;
}

CountryContinents parse_country_continents(std::string_view text, std::string_view file,
                                           Diagnostics& diagnostics) {
  constexpr size_t kCodeSize = 2;
  CountryContinents continents;
  for_each_line(text, [&](std::string_view line, int64_t number) {
    const auto fields = split(line, ',');
    const auto country = unquote(fields[0]);
    if (country.empty() || country.front() == '#') return;
    // A heading, mostly.
    if (country.size() != kCodeSize && number == 1) return;
    if (country.size() != kCodeSize) {
      return diagnostics.add(file, "lines do not begin with a code of two letters",
                             place_of(file, number), quote_for_message(country, 40));
    }
    const auto continent = fields.size() < 2 ? std::string_view{} : unquote(fields[1]);
    if (continent.empty())
      return diagnostics.add(file, "lines have no continent", place_of(file, number),
                             quote_for_message(country));
    if (!is_clean_text(country) || !is_clean_text(continent))
      return diagnostics.add(file, "lines hold control bytes, are not UTF-8 or too long",
                             place_of(file, number));
    continents[upper_ascii(country)] = upper_ascii(continent);
  });
  return continents;
}

Result<CountryContinents> read_country_continents(const std::string& path,
                                                  Diagnostics& diagnostics) {
  MIRROR_TRY(const auto text, read_file(path, kCountryFileSizeMax));
  auto continents = parse_country_continents(text, path, diagnostics);
  if (continents.empty()) {
    return fail(ErrorKind::kInvalid,
                "{}: no line like DE,EU in it{}: give a table of countries and continents", path,
                first_fault(diagnostics, path));
  }
  return continents;
}

CountryContinents default_country_continents() {
  Diagnostics none;
  auto continents = parse_country_continents(kCountryContinentCsv, "country_continent.csv", none);
  // Kosovo: ISO 3166-1 leaves XK to its users, and GeoIP databases use it.
  continents["XK"] = "EU";
  return continents;
}

}  // namespace mirror
