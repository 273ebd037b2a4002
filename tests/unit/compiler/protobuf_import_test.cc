#include "compiler/protobuf_import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <numeric>
#include <protozero/pbf_writer.hpp>
#include <protozero/varint.hpp>

#include "compiler/record_stream.h"
#include "tests/unit/compiler/small_compile.h"

namespace mirror {
namespace {

using protozero::pbf_writer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

class ProtobufImport : public ::testing::Test {
 protected:
  ProtobufImport()
      : path_((std::filesystem::temp_directory_path() /
               fmt::format("mirror_import_{}.proto", ::getpid()))
                  .string()) {}
  ~ProtobufImport() override { std::filesystem::remove(path_); }

  Result<World> import(std::string_view bytes) {
    // Some file systems write a file that is truncated and filled again to the disk at once.
    std::filesystem::remove(path_);
    std::ofstream(path_, std::ios::binary) << bytes;
    const SystemClock clock;
    return import_protobuf(path_, clock, true, diagnostics_);
  }
  SmallSnapshot compile(std::string_view bytes) {
    auto world = import(bytes);
    EXPECT_TRUE(world) << (world ? "" : world.error().message);
    return compile_world(std::move(*world), SmallInputs{});
  }
  std::string error_of(std::string_view bytes) {
    const auto world = import(bytes);
    return world ? "" : world.error().message;
  }

  std::string path_;
  Diagnostics diagnostics_;
};

std::string time_only() {
  std::string bytes;
  pbf_writer(bytes).add_uint64(1, 1'700'000'000);
  return bytes;
}

// Calls `fill` on a nested message.
template <typename Fill>
void nested(pbf_writer& out, protozero::pbf_tag_type field, Fill fill) {
  std::string bytes;
  pbf_writer message(bytes);
  fill(message);
  out.add_message(field, bytes);
}

void text_to_text(pbf_writer& out, protozero::pbf_tag_type field, std::string_view key,
                  std::string_view value) {
  nested(out, field, [&](pbf_writer& m) {
    m.add_string(1, key.data(), key.size());
    m.add_string(2, value.data(), value.size());
  });
}
void number_to_text(pbf_writer& out, protozero::pbf_tag_type field, int64_t key,
                    std::string_view value) {
  nested(out, field, [&](pbf_writer& m) {
    m.add_int64(1, key);
    m.add_string(2, value.data(), value.size());
  });
}
void number_to_numbers(pbf_writer& out, protozero::pbf_tag_type field, int64_t key,
                       std::vector<int64_t> values, bool packed) {
  nested(out, field, [&](pbf_writer& m) {
    m.add_int64(1, key);
    if (packed)
      m.add_packed_int64(2, values.begin(), values.end());
    else
      for (const int64_t value : values) m.add_int64(2, value);
  });
}
void text_to_numbers(pbf_writer& out, protozero::pbf_tag_type field, std::string_view key,
                     std::vector<int64_t> values) {
  nested(out, field, [&](pbf_writer& m) {
    m.add_string(1, key.data(), key.size());
    for (const int64_t value : values) m.add_int64(2, value);
  });
}

// The mirror list comes before what it refers to: any order of fields is allowed.
std::string whole_cache(bool packed) {
  std::string bytes;
  pbf_writer out(bytes);
  nested(out, 16, [&](pbf_writer& m) {
    m.add_string(1, "pub/f");
    m.add_string(3, "sub");
    const std::vector<int64_t> global = {2, 1, 14};
    if (packed)
      m.add_packed_int64(2, global.begin(), global.end());
    else
      for (const int64_t id : global) m.add_int64(2, id);
    text_to_numbers(m, 4, "DE", {1, 2, 1});
    text_to_numbers(m, 4, "AU", {12});
    text_to_numbers(m, 4, "DE", {14});  // the second of a key
    text_to_numbers(m, 4, "FR", {});
    text_to_numbers(m, 5, "DE", {99});  // ByCountryInternet2: nobody reads it
    number_to_numbers(m, 6, 1, {12, 11}, packed);
    number_to_numbers(m, 6, 2, {999}, packed);  // no such URL: still in the list
    number_to_numbers(m, 6, 6, {13}, packed);   // outside of Global
    number_to_numbers(m, 6, 1, {13}, packed);   // the second of a key
    m.add_string(77, "unknown field");
  });
  nested(out, 16, [&](pbf_writer& m) { m.add_string(1, "pub/f"); });  // the second of a key
  out.add_uint64(1, 1'700'000'123);
  number_to_text(out, 4, 11, " http://one.example/f/ ");
  number_to_text(out, 4, 12, "https://one.example/f");
  number_to_text(out, 4, 13, "no scheme");
  number_to_text(out, 12, 1, "de");
  nested(out, 13, [](pbf_writer& m) {
    m.add_int64(1, 1);
    m.add_int64(2, -7);
  });
  nested(out, 14, [](pbf_writer& m) {
    m.add_int64(1, 1);
    m.add_string(2, "se");
    m.add_string(2, "FR ");
  });
  text_to_numbers(out, 15, "10.9.9.9/16", {6, 77});
  text_to_numbers(out, 15, "bogus", {1});
  text_to_text(out, 2, "192.0.2.0/24", "se");
  text_to_text(out, 8, "rawhide", "f");
  text_to_text(out, 8, "rawhide", "-40");  // not concatenated
  text_to_text(out, 9, "f+x86_64", "pub/f");
  text_to_text(out, 9, "f+x86_64", "/40");
  text_to_text(out, 9, "lost+x86_64", "pub/missing");
  nested(out, 6, [](pbf_writer& m) {
    m.add_string(1, "old");
    m.add_bool(2, true);
  });
  nested(out, 6, [](pbf_writer& m) {
    m.add_string(1, "new");
    m.add_bool(2, false);
  });
  nested(out, 5, [](pbf_writer& m) {
    m.add_string(1, "pub/f");
    for (const char* hash : {"t1", "t0"}) {
      nested(m, 2, [&](pbf_writer& file) {
        file.add_string(1, "twice.iso");
        nested(file, 2, [&](pbf_writer& version) {
          version.add_uint64(1, 5);
          version.add_uint64(2, 0);
          version.add_string(4, hash);
        });
      });
    }
    nested(m, 2, [](pbf_writer& file) { file.add_string(1, "none.iso"); });
  });
  return bytes;
}

class BothEncodings : public ProtobufImport, public ::testing::WithParamInterface<bool> {};
INSTANTIATE_TEST_SUITE_P(PackedOrNot, BothEncodings, ::testing::Bool());

TEST_P(BothEncodings, KeepsTheListsAsTheyAre) {
  const auto snapshot = compile(whole_cache(GetParam()));
  EXPECT_THAT(snapshot.global("pub/f"), ElementsAre(1, 2, 14));
  EXPECT_THAT(snapshot.others("pub/f"), ElementsAre(6, 12));
  EXPECT_THAT(snapshot.urls("pub/f", 1),
              ElementsAre("https://one.example/f", "http://one.example/f"));
  EXPECT_THAT(snapshot.groups("pub/f"),
              ElementsAre(Pair("AU", ElementsAre(12)), Pair("DE", ElementsAre(1, 2)),
                          Pair("FR", IsEmpty())));
  EXPECT_THAT(snapshot.netblocks("10.9.0.1"), ElementsAre("6/16", "77/16"));
  EXPECT_EQ(snapshot.netblock_country("192.0.2.1"), "SE");
  EXPECT_EQ(snapshot.repository("f+x86_64"), "pub/f");
  EXPECT_EQ(snapshot.repository("lost+x86_64"), "-");
  EXPECT_EQ(snapshot.view.created_at, SmallInputs{}.created_at);
}

TEST_P(BothEncodings, AHostWithUnusableUrlsIsNotOneWithoutUrls) {
  const auto snapshot = compile(whole_cache(GetParam()));
  const auto& set = snapshot.view.carrier_sets[snapshot.directory("pub/f").carrier_set()];
  const auto carriers = SnapshotView::part(snapshot.view.carriers, set.carriers());
  ASSERT_NE(carriers[1].url_set(), kNone);  // host 2: an entry whose only URL is unknown
  EXPECT_EQ(snapshot.view.url_sets[carriers[1].url_set()].urls().count(), 0u);
  EXPECT_EQ(carriers[2].url_set(), kNone);  // host 14: no entry
}

TEST_F(ProtobufImport, Q07TheFirstOfDuplicateKeysCounts) {
  auto world = import(whole_cache(false));
  ASSERT_TRUE(world);
  EXPECT_EQ(world->prefixes.at("rawhide").redirect, "f");
  EXPECT_TRUE(world->prefixes.at("old").disabled);
  EXPECT_EQ(world->prefixes.count("new"), 0u);
  EXPECT_EQ(world->directories.size(), 1u);
  EXPECT_EQ(*world->created_at, 1'700'000'123u);
  EXPECT_EQ(
      diagnostics_.count("RepoArchToDirectoryName", "entries repeat a key; the first one counts"),
      1u);
}

TEST_F(ProtobufImport, FilesOfOneNameAreMerged) {
  const auto snapshot = compile(whole_cache(false));
  EXPECT_THAT(snapshot.file_block("pub/f", "twice.iso"),
              HasSubstr("    <hash type=\"md5\">t1</hash>\n   </verification>\n   "
                        "<mm0:alternates>\n    <mm0:alternate>\n"
                        "      <mm0:timestamp>5</mm0:timestamp>\n      <verification>\n       "
                        "<hash type=\"md5\">t0</hash>"));
  EXPECT_EQ(snapshot.file_block("pub/f", "none.iso"),
            " <files>\n  <file name=\"none.iso\">\n   <resources maxconnections=\"1\">\n");
}

TEST_F(ProtobufImport, AnEmptyContinentIsNone) {
  std::string bytes = time_only();
  pbf_writer out(bytes);
  text_to_text(out, 7, "DE", " ");
  text_to_text(out, 7, "de", "na");
  const auto world = import(bytes);
  ASSERT_TRUE(world);
  EXPECT_THAT(world->continent_redirects, ElementsAre(Pair("DE", "NA")));
  EXPECT_EQ(diagnostics_.count("CountryContinentRedirectCache", "entries have no continent"), 1u);
}

// Ten bytes of the file become hundreds in memory.
TEST_F(ProtobufImport, TheNumberOfEntriesHasALimit) {
  constexpr int kOtherEntriesMax = 500'000;
  std::string bytes = time_only();
  pbf_writer out(bytes);
  for (int i = 0; i < kOtherEntriesMax; ++i) text_to_text(out, 7, "DE", "EU");
  EXPECT_TRUE(import(bytes));
  text_to_text(out, 7, "DE", "EU");
  const auto world = import(bytes);
  ASSERT_FALSE(world);
  EXPECT_EQ(world.error().kind, ErrorKind::kLimit);
  EXPECT_THAT(world.error().message, HasSubstr("more than 500000 entries of other things"));
}

TEST_F(ProtobufImport, TheNumberOfHostsHasALimit) {
  constexpr int64_t kHostsMax = 1'000'000;
  std::string bytes = time_only();
  pbf_writer out(bytes);
  std::vector<int64_t> ids(kHostsMax);
  std::iota(ids.begin(), ids.end(), 0);
  number_to_numbers(out, 10, 64500, ids, true);
  EXPECT_TRUE(import(bytes));
  number_to_numbers(out, 10, 64501, {kHostsMax - 1}, true);
  EXPECT_TRUE(import(bytes));
  number_to_numbers(out, 10, 64502, {kHostsMax}, true);
  const auto world = import(bytes);
  ASSERT_FALSE(world);
  EXPECT_EQ(world.error().kind, ErrorKind::kLimit);
  EXPECT_THAT(world.error().message, HasSubstr("more than 1000000 different hosts"));
}

// What a length promises costs nothing before the bytes are there, and a list does not grow to many
// times its bytes.
TEST_F(ProtobufImport, RefusesLengthBombs) {
  for (const uint64_t size : {RecordStream::kRecordSizeMax + 1, uint64_t{1} << 32, ~uint64_t{0}}) {
    std::string bytes = time_only();
    bytes += "\x82\x01";  // field 16, a message
    protozero::write_varint(std::back_inserter(bytes), size);
    const auto world = import(bytes + "x");
    ASSERT_FALSE(world);
    EXPECT_EQ(world.error().kind, ErrorKind::kLimit);
    EXPECT_THAT(
        world.error().message,
        HasSubstr(fmt::format("the entry at byte 6 has {} bytes, more than the limit", size)));
  }
  std::string bytes = time_only();
  bytes += "\x82\x01";
  protozero::write_varint(std::back_inserter(bytes), RecordStream::kRecordSizeMax);
  EXPECT_THAT(error_of(bytes + "x"), HasSubstr("cut off: the entry at byte 6 needs"));

  bytes = time_only();
  pbf_writer out(bytes);
  nested(out, 16, [](pbf_writer& m) {
    m.add_string(1, "pub/f");
    m.add_bytes(2, std::string(1'000'001, '\x01'));  // the host 1, again and again
  });
  const auto world = import(bytes);
  ASSERT_FALSE(world);
  EXPECT_EQ(world.error().kind, ErrorKind::kLimit);
  EXPECT_THAT(world.error().message, HasSubstr("Global has more than 1000000 elements"));
}

// Messages in messages in messages, where the format has three levels: the reader never goes deeper
// than the format.
TEST_F(ProtobufImport, DeepNestingIsNotFollowed) {
  std::string inner;
  for (int i = 0; i < 100'000; ++i) {
    std::string next = "\x12";  // field 2, a message
    protozero::write_varint(std::back_inserter(next), inner.size());
    inner.insert(0, next);
  }
  std::string bytes = time_only();
  pbf_writer out(bytes);
  out.add_message(77, inner);
  EXPECT_TRUE(import(bytes));
  out.add_message(5, inner);
  EXPECT_THAT(error_of(bytes), HasSubstr("Size is not a number, in the entry of field 5"));
  bytes = time_only() + std::string(100'000, '\x0b');  // groups, which only open
  EXPECT_THAT(error_of(bytes), HasSubstr("unknown wire type 3 at byte 6"));
}

TEST_F(ProtobufImport, HighAndNegativeIdsAreHostsToo) {
  std::string bytes = time_only();
  pbf_writer out(bytes);
  const std::vector<int64_t> ids = {-1, 16383, 16384, int64_t{1} << 40, 16383, -1};
  number_to_numbers(out, 10, 64500, ids, true);
  const auto world = import(bytes);
  ASSERT_TRUE(world);
  ASSERT_EQ(world->hosts.size(), 4u);
  EXPECT_THAT(world->asns.at(64500), ElementsAre(0, 1, 2, 3, 1, 0));
}

TEST_F(ProtobufImport, RefusesWhatIsNoCache) {
  EXPECT_THAT(error_of(""), HasSubstr("Time is missing"));
  EXPECT_THAT(error_of("hello, this is a text"), HasSubstr("field 13 is not a message"));
  EXPECT_THAT(error_of(std::string(12, '\xff')), HasSubstr("more than ten bytes"));
  std::string late;
  pbf_writer(late).add_uint64(1, (uint64_t{1} << 40) + 1);
  EXPECT_THAT(error_of(late), HasSubstr("Time 1099511627777 is above the limit"));
  const SystemClock clock;
  EXPECT_FALSE(import_protobuf("/nonexistent/cache", clock, true, diagnostics_));
  EXPECT_FALSE(import_protobuf("/", clock, true, diagnostics_));
}

TEST_F(ProtobufImport, RefusesMissingFieldsBadTextsAndBadNesting) {
  std::string bytes = time_only();
  pbf_writer out(bytes);
  const size_t begin = bytes.size();
  nested(out, 2, [](pbf_writer& m) { m.add_string(1, "10.0.0.0/8"); });
  EXPECT_THAT(error_of(bytes),
              HasSubstr(fmt::format(
                  "the required field value is missing, in the entry of field 2 at bytes {} to {}",
                  begin, bytes.size())));

  bytes = time_only();
  text_to_text(out, 8, "from", "\xc3(");
  EXPECT_THAT(error_of(bytes), HasSubstr("value is not UTF-8"));

  bytes = time_only();
  out.add_message(16, std::string("\x0a\x7fxyz"));  // a text of 127 bytes in a message of 5
  EXPECT_THAT(error_of(bytes), HasSubstr("beyond the end of its message"));

  bytes = time_only();
  out.add_message(16, std::string("\x0b"));  // a group
  EXPECT_THAT(error_of(bytes), HasSubstr("unknown wire type"));

  bytes = time_only();
  nested(out, 16, [](pbf_writer& m) { m.add_int64(1, 5); });
  EXPECT_THAT(error_of(bytes), HasSubstr("directory is not a text"));
}

TEST_F(ProtobufImport, EveryTruncationIsAnErrorOrAWholeCache) {
  const auto bytes = whole_cache(true);
  size_t whole = 0;
  for (size_t size = 0; size < bytes.size(); ++size) {
    if (import(std::string_view(bytes).substr(0, size))) ++whole;
  }
  // Only between entries, and only after Time.
  EXPECT_LT(whole, 25u);
  EXPECT_GT(whole, 10u);
}

TEST_F(ProtobufImport, EveryFlippedBitIsHarmless) {
  auto bytes = whole_cache(false);
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    if (auto world = import(bytes))
      static_cast<void>(compile_world(std::move(*world), SmallInputs{}));
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
  }
}

}  // namespace
}  // namespace mirror
