// The shipped table of countries and continents: the codes are those of the package iso-codes, the
// continents those of UN M49 (https://unstats.un.org/unsd/methodology/m49/), whose regions are
// written down here once more, sub-region by sub-region.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidjson/document.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "base/core/files.h"
#include "base/core/text.h"
#include "compiler/tables.h"

namespace mirror {
namespace {

using ::testing::HasSubstr;

constexpr const char* kIsoCodes = "/usr/share/iso-codes/json/iso_3166-1.json";

struct Region {
  const char* continent;
  const char* name;
  const char* countries;
};
constexpr Region kRegions[] = {
    {"AF", "Northern Africa", "DZ EG LY MA SD TN EH"},
    {"AF", "Eastern Africa", "IO BI KM DJ ER ET TF KE MG MW MU YT MZ RE RW SC SO SS UG TZ ZM ZW"},
    {"AF", "Middle Africa", "AO CM CF TD CG CD GQ GA ST"},
    {"AF", "Southern Africa", "BW SZ LS NA ZA"},
    {"AF", "Western Africa", "BJ BF CV CI GM GH GN GW LR ML MR NE NG SH SN SL TG"},
    {"AN", "Antarctica, of no region", "AQ"},
    {"AS", "Central Asia", "KZ KG TJ TM UZ"},
    {"AS", "Eastern Asia; M49 does not list TW", "CN HK MO KP JP MN KR TW"},
    {"AS", "South-eastern Asia", "BN KH ID LA MY MM PH SG TH TL VN"},
    {"AS", "Southern Asia", "AF BD BT IN IR MV NP PK LK"},
    {"AS", "Western Asia", "AM AZ BH CY GE IQ IL JO KW LB OM QA SA PS SY TR AE YE"},
    {"EU", "Eastern Europe", "BY BG CZ HU PL MD RO RU SK UA"},
    {"EU", "Northern Europe", "AX GG JE DK EE FO FI IS IE IM LV LT NO SJ SE GB"},
    {"EU", "Southern Europe", "AL AD BA HR GI GR VA IT MT ME MK PT SM RS SI ES"},
    {"EU", "Western Europe", "AT BE FR DE LI LU MC NL CH"},
    {"NA", "Caribbean",
     "AI AG AW BS BB BQ VG KY CU CW DM DO GD GP HT JM MQ MS PR BL KN LC MF VC SX TT TC VI"},
    {"NA", "Central America", "BZ CR SV GT HN MX NI PA"},
    {"NA", "Northern America", "BM CA GL PM US"},
    {"OC", "Australia and New Zealand", "AU CX CC HM NZ NF"},
    {"OC", "Melanesia", "FJ NC PG SB VU"},
    {"OC", "Micronesia", "GU KI MH FM NR MP PW UM"},
    {"OC", "Polynesia", "AS CK PF NU PN WS TK TO TV WF"},
    {"SA", "South America", "AR BO BV BR CL CO EC FK GF GY PY PE GS SR UY VE"},
};

// What the CSV file says; Kosovo's code is added by the program.
CountryContinents shipped() {
  auto table = default_country_continents();
  EXPECT_EQ(table["XK"], "EU");
  table.erase("XK");
  return table;
}

TEST(CountryTable, HasExactlyTheCodesOfIso3166) {
  const auto text = read_file(kIsoCodes, 1 << 20);
  ASSERT_TRUE(text) << text.error().message << ": install the package iso-codes (ops/packages)";
  rapidjson::Document document;
  document.Parse(text->data(), text->size());
  ASSERT_FALSE(document.HasParseError());
  std::set<std::string> codes;
  for (const auto& country : document["3166-1"].GetArray())
    codes.insert(country["alpha_2"].GetString());
  EXPECT_GT(codes.size(), 200u);
  std::set<std::string> ours;
  for (const auto& [code, continent] : shipped()) ours.insert(code);
  EXPECT_EQ(ours, codes);
}

TEST(CountryTable, HasTheContinentsOfM49) {
  CountryContinents want;
  for (const Region& region : kRegions) {
    for (const auto code : split_blanks(region.countries))
      EXPECT_TRUE(want.emplace(code, region.continent).second) << code << " twice";
  }
  const auto ours = shipped();
  EXPECT_EQ(ours.size(), want.size());
  for (const auto& [code, continent] : want) {
    const auto at = ours.find(code);
    EXPECT_EQ(at == ours.end() ? "none" : at->second, continent) << code;
  }
}

class CountryFile : public ::testing::Test {
 protected:
  ~CountryFile() override { std::filesystem::remove(path_); }
  Result<CountryContinents> read(std::string_view text) {
    std::ofstream(path_, std::ios::binary) << text;
    return read_country_continents(path_, diagnostics_);
  }
  // The examples of all faults.
  std::string faults() const {
    std::string all;
    for (const auto& [key, entry] : diagnostics_.entries())
      for (const auto& example : entry.examples) all += example + ": " + key.second + "\n";
    return all;
  }

  std::string path_ =
      (std::filesystem::temp_directory_path() / fmt::format("mirror_countries_{}.csv", ::getpid()))
          .string();
  Diagnostics diagnostics_;
};

TEST_F(CountryFile, FaultsNameFileAndLine) {
  const auto table = read(
      "\xef\xbb\xbf"
      "de,eu\nGermany,EU\nFR\nSE,\xff\n\nGB,\x1b[2J\nUS,NA\n");
  ASSERT_TRUE(table);
  EXPECT_EQ(*table, (CountryContinents{{"DE", "EU"}, {"US", "NA"}}));
  EXPECT_THAT(faults(),
              HasSubstr(path_ + ":2 \"Germany\": lines do not begin with a code of two letters"));
  EXPECT_THAT(faults(), HasSubstr(path_ + ":3 \"FR\": lines have no continent"));
  for (const char* line : {":4: ", ":6: "}) EXPECT_THAT(faults(), HasSubstr(path_ + line));
  EXPECT_EQ(diagnostics_.count(), 4u);
}

TEST_F(CountryFile, OneThatIsNoTableIsRefused) {
  EXPECT_FALSE(read(""));
  const auto binary =
      read(std::string("\x7f"
                       "ELF\0\0\0\n\0\0\xff\xff,\n",
                       14));
  ASSERT_FALSE(binary);
  EXPECT_THAT(binary.error().message,
              HasSubstr(path_ + ": no line like DE,EU in it (" + path_ + ":2 \"\\x00"));
  const auto large = read(std::string(size_t{2} << 20, 'x'));
  ASSERT_FALSE(large);
  EXPECT_THAT(large.error().message, HasSubstr("more than"));
  EXPECT_FALSE(read_country_continents("/", diagnostics_));
  EXPECT_FALSE(read_country_continents("/nonexistent.csv", diagnostics_));
}

// A line may be as long as the file, and there may be as many as fit into it.
TEST_F(CountryFile, ManyBadLinesCostNoMemory) {
  std::string text = "DE,EU\n";
  for (int i = 0; i < 100'000; ++i) text += "xxx,y\n";
  text += std::string(100'000, ',') + "\n";
  ASSERT_TRUE(read(text));
  ASSERT_EQ(diagnostics_.entries().size(), 1u);
  EXPECT_EQ(diagnostics_.entries().begin()->second.examples.size(), Diagnostics::kExamplesMax);
}

}  // namespace
}  // namespace mirror
