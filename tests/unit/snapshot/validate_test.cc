// Hostile snapshot files. A small but complete snapshot is the raw material.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/core/random.h"
#include "schema/snapshot/hash_index.h"
#include "schema/snapshot/rendering.h"
#include "schema/snapshot/snapshot.h"
#include "tests/unit/compiler/small_compile.h"
#include "tests/unit/snapshot/hostile.h"

namespace mirror {
namespace {

using ::testing::HasSubstr;

// 16 bytes of alignment, as a mapping has.
struct alignas(16) Block {
  uint8_t bytes[16];
};
class AlignedFile {
 public:
  explicit AlignedFile(std::span<const uint8_t> bytes)
      : blocks_(bytes.size() / sizeof(Block) + 1), size_(bytes.size()) {
    std::memcpy(blocks_.data(), bytes.data(), bytes.size());
  }
  [[nodiscard]] std::span<uint8_t> bytes() { return {blocks_.front().bytes, size_}; }

 private:
  std::vector<Block> blocks_;
  size_t size_;
};

SmallSnapshot small() {
  SmallInputs inputs;
  inputs.netblocks = "192.0.2.0/24 64500\n2001:db8::/32 64501\n";
  return compile_rows(odd_rows(), inputs);
}

TEST(Validate, TakesWhatTheCompilerWrites) {
  auto file = AlignedFile(small().bytes);
  const auto view = validate(file.bytes());
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_GT(walk(*view), 0u);
  EXPECT_EQ(view->created_at, 1'700'000'000u);
}

TEST(Validate, RefusesEveryTruncation) {
  const auto whole = small().bytes;
  for (size_t size = 0; size < whole.size(); ++size) {
    auto file = AlignedFile(std::span(whole).first(size));
    ASSERT_FALSE(validate(file.bytes())) << size;
  }
  auto longer = whole;
  longer.push_back(0);
  EXPECT_FALSE(validate(AlignedFile(longer).bytes()));
}

TEST(Validate, RefusesEveryFlippedBit) {
  auto file = AlignedFile(small().bytes);
  const auto bytes = file.bytes();
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<uint8_t>(1 << (bit % 8));
    ASSERT_FALSE(validate(bytes)) << bit;
    bytes[bit / 8] ^= static_cast<uint8_t>(1 << (bit % 8));
  }
}

// Texts are checked in pieces of 64 KiB, which end between characters.
TEST(Validate, ReadsCharactersAcrossPieces) {
  const std::string character = "\xf0\x9f\xaa\x9e";
  for (size_t shift = 0; shift < character.size(); ++shift) {
    auto rows = simple_rows();
    for (int i = 0; i < 400; ++i) {
      std::string name = fmt::format("pub/linux/{:03}", i) + std::string(shift, 'x');
      while (name.size() < 500) name += character;
      rows.directories.push_back({100 + i, name});
      rows.category_directories.push_back({1, 100 + i});
    }
    const auto snapshot = compile_rows(rows);
    auto file = AlignedFile(snapshot.bytes);
    ASSERT_TRUE(validate(file.bytes())) << shift;
    const auto text = snapshot.view.text_bytes;
    ASSERT_GT(text.size(), 3u << 16);
    const size_t begin = static_cast<size_t>(text.data() - snapshot.bytes.data());
    // Half a character before, at and after each border.
    for (size_t at = 1 << 16; at < text.size(); at += 1 << 16) {
      for (size_t near = at - 4; near < at + 4; ++near) {
        const uint8_t before = file.bytes()[begin + near];
        if (before < 0x80) continue;
        file.bytes()[begin + near] = 'x';
        sign(file.bytes());
        const auto broken = validate(file.bytes());
        ASSERT_FALSE(broken) << shift << " " << near;
        EXPECT_THAT(broken.error().message, HasSubstr("UTF-8"));
        file.bytes()[begin + near] = before;
      }
    }
  }
}

// A byte changed on purpose, with digests that fit: refused, or nothing in it leads astray.
TEST(Validate, SignedCorruptionIsRefusedOrHarmless) {
  auto file = AlignedFile(small().bytes);
  const auto payload = payload_of(file.bytes());
  size_t refused = 0;
  size_t taken = 0;
  for (size_t at = 0; at < payload.size(); ++at) {
    for (const int change : {1, 0x80, 0xff}) {
      payload[at] ^= static_cast<uint8_t>(change);
      sign(file.bytes());
      if (const auto view = validate(file.bytes())) {
        ++taken;
        walk(*view);
      } else {
        ++refused;
      }
      payload[at] ^= static_cast<uint8_t>(change);
    }
  }
  // Taken are those that change a text or a number that means nothing to the format.
  EXPECT_GT(refused, taken);
}

TEST(Validate, RandomSignedCorruptionIsRefusedOrHarmless) {
  const char* text = std::getenv("MIRROR_SEED");
  const uint64_t seed = text != nullptr ? std::strtoull(text, nullptr, 10) : Random::system_seed();
  fmt::print("MIRROR_SEED={}\n", seed);
  Random random(seed);
  const auto whole = small().bytes;
  for (int round = 0; round < 3000; ++round) {
    auto file = AlignedFile(whole);
    const auto payload = payload_of(file.bytes());
    for (uint64_t i = 0; i <= random.below(4); ++i) {
      // Whole words, so that indices and sizes take interesting values.
      const size_t at = random.below(payload.size() / 4) * 4;
      const uint32_t values[] = {0,
                                 1,
                                 2,
                                 0x7fffffff,
                                 0x80000000,
                                 kNone,
                                 static_cast<uint32_t>(random.next()),
                                 static_cast<uint32_t>(random.below(payload.size()))};
      std::memcpy(payload.data() + at, &values[random.below(std::size(values))], sizeof(uint32_t));
    }
    sign(file.bytes());
    if (const auto view = validate(file.bytes())) walk(*view);
  }
}

std::string refusal(std::span<uint8_t> bytes) {
  const auto view = validate(bytes);
  return view ? "" : view.error().message;
}

TEST(Validate, SaysWhatIsWrongWithAHeader) {
  const auto whole = small().bytes;
  const auto with_header = [&whole](auto change) {
    auto file = AlignedFile(whole);
    SnapshotHeader header;
    std::memcpy(&header, file.bytes().data(), sizeof header);
    change(header);
    const auto* bytes = reinterpret_cast<const uint8_t*>(&header);
    header.header_checksum = digest64(std::span(bytes, offsetof(SnapshotHeader, header_checksum)));
    std::memcpy(file.bytes().data(), &header, sizeof header);
    return refusal(file.bytes());
  };
  EXPECT_THAT(with_header([](SnapshotHeader& h) { h.format = 2; }),
              HasSubstr("format 2 is unknown"));
  EXPECT_THAT(with_header([](SnapshotHeader& h) { h.magic[0] = 'X'; }),
              HasSubstr("not a snapshot"));
  EXPECT_THAT(with_header([](SnapshotHeader& h) { h.payload_size -= 1; }),
              HasSubstr("bytes of payload instead of"));
  EXPECT_THAT(with_header([](SnapshotHeader& h) { h.digest_low ^= 1; }),
              HasSubstr("digest of the payload is wrong"));
  EXPECT_THAT(with_header([](SnapshotHeader& h) { h.reserved = 1; }), HasSubstr("does not have"));
  EXPECT_THAT(with_header([](SnapshotHeader& h) { h.created_at = kSnapshotTimeMax + 1; }),
              HasSubstr("created_at is 1099511627777"));
  EXPECT_EQ(with_header([](SnapshotHeader& h) { h.created_at = kSnapshotTimeMax; }), "");
  EXPECT_EQ(with_header([](SnapshotHeader&) {}), "");
}

TEST(Validate, RefusesBytesThatAreNotAligned) {
  const auto whole = small().bytes;
  std::vector<uint8_t> shifted(whole.size() + 32);
  const auto base = reinterpret_cast<uintptr_t>(shifted.data());
  uint8_t* odd = shifted.data() + (base % 16 == 1 ? 2 : (17 - base % 16) % 16);
  std::memcpy(odd, whole.data(), whole.size());
  EXPECT_THAT(refusal({odd, whole.size()}), HasSubstr("aligned"));
}

// Each of these breaks one invariant in an otherwise good snapshot: the model is changed before it
// is written.
class BrokenModel : public ::testing::Test {
 protected:
  static SnapshotModel good() {
    Diagnostics diagnostics;
    const auto rows = odd_rows();
    MemoryRowSource source{MemoryRowReader(rows)};
    auto catalog = read_catalog(source, diagnostics, [](uint64_t) {});
    ModelInputs inputs;
    inputs.country_continents = {{"DE", "EU"}, {"SE", "EU"}};
    inputs.prefix_asns =
        parse_prefix_asns("192.0.2.0/24 64500\n2001:db8::/32 64501\n", "netblocks", diagnostics);
    return *build_model(std::move(catalog->world), inputs);
  }
  static std::string refusal_of(const SnapshotModel& model) {
    const auto bytes = *write_snapshot(model);
    // Each is also an input of the fuzz target: UPDATE_CORPUS=FOLDER writes them.
    if (const char* corpus = std::getenv("UPDATE_CORPUS")) {
      static int number = 0;
      std::ofstream(fmt::format("{}/invariant_{:02}", corpus, number++), std::ios::binary) << bytes;
    }
    auto file = AlignedFile({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
    return refusal(file.bytes());
  }
};

#define EXPECT_REFUSED(change, reason)                 \
  do {                                                 \
    auto model = good();                               \
    change;                                            \
    EXPECT_THAT(refusal_of(model), HasSubstr(reason)); \
  } while (false)

TEST_F(BrokenModel, EachInvariantIsChecked) {
  EXPECT_EQ(refusal_of(good()), "");
  EXPECT_REFUSED(model.text[0] = '\xff', "text: not valid UTF-8");
  EXPECT_REFUSED(model.text[0] = '\n', "bad");
  EXPECT_REFUSED(std::swap(model.countries[0], model.countries[1]), "countries");
  EXPECT_REFUSED(model.countries[1] = fb::Country(model.countries[1].name(), 99),
                 "countries[1]: bad continent");
  EXPECT_REFUSED(model.continent_members[0] = 99, "continents[0]");
  EXPECT_REFUSED(model.continent_members.pop_back(), "continent_members");
  EXPECT_REFUSED(model.hosts[0] = fb::Host(0, kNone, model.hosts[0].allowed(), 1),
                 "hosts[0]: bad weight");
  EXPECT_REFUSED(model.hosts[0] = fb::Host(1, 99, model.hosts[0].allowed(), 1),
                 "hosts[0]: bad country");
  EXPECT_REFUSED(model.hosts[0] = fb::Host(1, kNone, model.hosts[0].allowed(), 0),
                 "hosts[0]: bad restriction");
  EXPECT_REFUSED(model.hosts.pop_back(), "host_infos");
  EXPECT_REFUSED(std::swap(model.host_infos[0], model.host_infos[1]),
                 "host_infos[1]: not in the order of ids");
  EXPECT_REFUSED(model.host_infos[0] = fb::HostInfo(1, {}, {}, 0x80, 0), "unknown flags");
  EXPECT_REFUSED(model.host_infos[0] = fb::HostInfo(1, {}, {}, 0, 1), "unknown flags");
  EXPECT_REFUSED(model.allowed_countries.push_back(0), "allowed_countries");
  EXPECT_REFUSED(model.urls[0] = fb::Url(model.urls[0].base(), model.urls[0].base(),
                                         model.urls[0].metalink_head(), 4),
                 "urls[0]: bad scheme");
  EXPECT_REFUSED(model.urls[0] = fb::Url({}, {}, {}, 4), "urls[0]: bad base");
  EXPECT_REFUSED(model.url_sets[0] = fb::UrlSet(model.url_sets[0].urls(), 7, 0), "url_sets[0]");
  EXPECT_REFUSED(model.carriers[0] = fb::Carrier(99, kNone), "carriers[0]: bad host");
  EXPECT_REFUSED(model.carriers[0] = fb::Carrier(0, 99), "carriers[0]: bad url_set");
  EXPECT_REFUSED(model.carriers[1] = model.carriers[0], "carrier");
  EXPECT_REFUSED(model.group_members[0] = 99, "bad country group");
  EXPECT_REFUSED(std::swap(model.directories[0], model.directories[1]), "directories");
  EXPECT_REFUSED(std::swap(model.files[0], model.files[1]), "files");
  EXPECT_REFUSED(model.directory_index[0] ^= 1, "directory_index");
  EXPECT_REFUSED(model.directory_index.push_back(kNone), "directory_index: bad size");
  EXPECT_REFUSED(std::swap(model.repository_index[0], model.repository_index[1]);
                 std::rotate(model.repository_index.begin(), model.repository_index.begin() + 3,
                             model.repository_index.end()),
                 "repository_index");
  EXPECT_REFUSED(model.repositories[0] = fb::Repository(model.repositories[0].key(), 99, kNone),
                 "repositories[0]: bad directory");
  EXPECT_REFUSED(model.repository_list = model.repository_list_comment = fb::Text(),
                 "repository_list");
  EXPECT_REFUSED(
      model.prefixes[0] = fb::Prefix(model.prefixes[0].name(), model.prefixes[0].redirect(), 2),
      "prefixes[0]: bad flag");
  EXPECT_REFUSED(model.netblocks4.clear(), "netblocks4: empty");
  EXPECT_REFUSED(model.netblocks4[0] = fb::IpRange4(1, kNone), "netblocks4[0]: not in order");
  EXPECT_REFUSED(model.netblocks4[1] = fb::IpRange4(1, 99), "netblocks4[1]: bad value");
  EXPECT_REFUSED(
      {
        const auto range = std::ranges::find_if(
            model.netblocks4, [](const fb::IpRange4& r) { return r.value() != kNone; });
        auto& match = model.netblock_matches[model.netblock_lists[range->value()].begin()];
        match = fb::NetblockMatch(match.host(), 33);
      },
      ": a prefix of IPv6");
  EXPECT_REFUSED(model.netblocks6[0] = fb::IpRange6(0, 0, kNone, 1), "reserved bytes");
  EXPECT_REFUSED(std::swap(model.netblock_matches[0], model.netblock_matches[1]), "netblock_lists");
  EXPECT_REFUSED(model.asn_groups[1] = model.asn_groups[0], "asn_groups[1]");
  EXPECT_REFUSED(model.asn_hosts[0] = 99, "asn_groups[0]: bad hosts");
  EXPECT_REFUSED(model.categories[1] = model.categories[0], "categories[1]");
  EXPECT_REFUSED(model.category_hosts[0] = fb::CategoryHost(0, kNone, 2),
                 "categories[0]: bad hosts");
}

TEST(Rendering, KeepsHyphensApartInComments) {
  EXPECT_EQ(comment_safe("a--b"), "a- -b");
  EXPECT_EQ(comment_safe("---"), "- - -");
  EXPECT_EQ(comment_safe("a-b- -c"), "a-b- -c");
}

TEST(HashIndex, HasRoomAndFindsEverything) {
  EXPECT_EQ(hash_index_size(0), 2u);
  EXPECT_EQ(hash_index_size(1), 2u);
  EXPECT_EQ(hash_index_size(3), 8u);
  EXPECT_EQ(hash_index_size(4), 8u);
}

// No answer may be larger; here the whole list of one directory, as the largest metalink would show
// it.
TEST(Validate, BodySizeMaxCoversTheLargestList) {
  const auto snapshot = small();
  uint64_t largest = 0;
  for (const auto& directory : snapshot.view.directories) {
    uint64_t size = 0;
    const auto& set = snapshot.view.carrier_sets[directory.carrier_set()];
    for (const auto& carrier : SnapshotView::part(snapshot.view.carriers, set.carriers())) {
      if (carrier.url_set() == kNone) continue;
      for (const auto& url : SnapshotView::part(snapshot.view.urls,
                                                snapshot.view.url_sets[carrier.url_set()].urls())) {
        size += std::string(snapshot.view.text(url.metalink_head())).size() +
                std::string("100\" mm0:private=\"True\">").size() + url.xml_base().size() + 1 +
                directory.xml_subpath().size() + 1 + 6 * kFileNameMax +
                std::string("</url>\n").size();
      }
    }
    largest = std::max(largest, size);
  }
  EXPECT_GT(snapshot.view.body_size_max, largest);
}

// Sets of URLs that many carriers share: a file of 100 kB that would ask for gigabytes.
TEST(Validate, RefusesAnswersWithoutBounds) {
  constexpr size_t kMany = 900;
  World world;
  std::vector<uint32_t> urls;
  WorldCarrierSet set;
  for (size_t i = 0; i < kMany; ++i) {
    WorldHost host;
    host.id = static_cast<int64_t>(i) + 1;
    world.hosts.push_back(host);
    urls.push_back(world.urls.intern(std::string_view(fmt::format("https://{}.example", i))));
    set.global.push_back(static_cast<uint32_t>(i));
    set.urls.push_back({static_cast<uint32_t>(i), 0});
  }
  world.url_lists.push_back(urls);
  std::vector<uint32_t> encoded;
  set.encode(encoded);
  world.carrier_sets.intern(std::span<const uint32_t>(encoded));
  world.directories.push_back({"pub", "pub", 0, WorldDirectory::kNoCategory, {}});
  SmallInputs inputs;
  AlignedFile file(file_of_world(std::move(world), inputs));
  const auto view = validate(file.bytes());
  ASSERT_FALSE(view);
  EXPECT_EQ(view.error().kind, ErrorKind::kLimit);
  EXPECT_THAT(view.error().message, HasSubstr("more than the limit of 268435456"));
}

}  // namespace
}  // namespace mirror
