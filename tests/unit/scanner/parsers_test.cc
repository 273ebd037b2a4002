// What comes from a master tree is hostile: repomd.xml and checksum files.
#include <gmock/gmock.h>

#include <string>

#include "scanner/checksum_file.h"
#include "scanner/file_digests.h"
#include "scanner/limits.h"
#include "scanner/repomd.h"

namespace mirror {
namespace {

using ::testing::HasSubstr;

std::string repomd(const std::string& inside) {
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<repomd "
         "xmlns=\"http://linux.duke.edu/metadata/repo\" "
         "xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\">\n" +
         inside + "</repomd>\n";
}
std::string data(const std::string& timestamp) {
  return "<data type=\"primary\"><location href=\"x\"/><timestamp>" + timestamp +
         "</timestamp></data>";
}

TEST(Repomd, TakesTheGreatestTimestampOfTheData) {
  const auto facts = parse_repomd(repomd("<revision>9999999999</revision>" + data("1700000000") +
                                         data("1700000009") + data("1600000000") +
                                         "<timestamp>1900000000</timestamp>"));
  ASSERT_TRUE(facts.has_value()) << facts.error().message;
  EXPECT_EQ(facts->timestamp, 1700000009);
}

TEST(Repomd, TimestampsThatAreNoneArePassedOver) {
  const auto timestamp = [](const std::string& text) {
    const auto facts = parse_repomd(repomd(data(text)));
    EXPECT_TRUE(facts.has_value()) << text;
    return facts ? facts->timestamp : std::nullopt;
  };
  EXPECT_EQ(timestamp("1700000000.99"), 1700000000);
  EXPECT_EQ(timestamp(" 1700000000\n"), 1700000000);
  EXPECT_EQ(timestamp("17000<!-- split -->00000"), 1700000000);
  EXPECT_EQ(timestamp("0"), 0);
  for (const char* bad : {"", "-5", "1e9", "1700000000.5x", "0x10", "99999999999999999999999",
                          "9007199254740993", "now"}) {
    EXPECT_EQ(timestamp(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(timestamp(std::string(100'000, '1')), std::nullopt);
  EXPECT_EQ(parse_repomd(repomd(data("-1") + data("7") + data("x")))->timestamp, 7);
  EXPECT_EQ(parse_repomd(repomd(""))->timestamp, std::nullopt);
  // Only where it belongs.
  EXPECT_EQ(parse_repomd(repomd("<data><a><timestamp>5</timestamp></a></data>"))->timestamp,
            std::nullopt);
  EXPECT_EQ(parse_repomd(repomd("<other><timestamp>5</timestamp></other>"))->timestamp,
            std::nullopt);
}

void expect_refused(const std::string& bytes, const std::string& why) {
  const auto facts = parse_repomd(bytes);
  ASSERT_FALSE(facts.has_value()) << bytes.substr(0, 200);
  EXPECT_THAT(facts.error().message, HasSubstr(why));
}

TEST(Repomd, RefusesWhatIsNotOne) {
  expect_refused("", "empty");
  expect_refused("not xml", "line 1");
  expect_refused("<html></html>", "root element");
  expect_refused("<html><repomd/></html>", "root element");
  expect_refused("<repomd><data></repomd>", "mismatched tag");
  expect_refused("<repomd/><repomd/>", "junk after document element");
  expect_refused("<?xml version=\"1.0\" encoding=\"martian\"?><repomd/>", "unknown encoding");
  expect_refused(std::string("<repomd>\0</repomd>", 18), "line 1");
  expect_refused("<repomd>\xff</repomd>", "line 1");
}

TEST(Repomd, EveryTruncationIsRefused) {
  const std::string whole = "<repomd>" + data("1700000000") + "</repomd>";
  ASSERT_TRUE(parse_repomd(whole).has_value());
  for (size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(parse_repomd(whole.substr(0, length)).has_value()) << length;
  }
}

TEST(Repomd, RefusesEveryDoctype) {
  expect_refused(
      "<!DOCTYPE repomd [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;&a;\"><!ENTITY c "
      "\"&b;&b;&b;&b;\">"
      "]><repomd><data><timestamp>&c;</timestamp></data></repomd>",
      "DOCTYPE");
  expect_refused("<!DOCTYPE repomd SYSTEM \"file:///etc/passwd\"><repomd/>", "DOCTYPE");
  expect_refused(
      "<!DOCTYPE repomd [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><repomd>&x;</repomd>",
      "DOCTYPE");
  expect_refused("<repomd>&undefined;</repomd>", "undefined entity");
}

TEST(Repomd, IsBounded) {
  std::string deep = "<repomd>";
  for (int i = 0; i < 100'000; ++i) deep += "<a>";
  expect_refused(deep, "too deep");
  std::string many = "<repomd>";
  for (size_t i = 0; i <= scan_limits::kRepomdElementsMax; ++i) many += "<a/>";
  expect_refused(many + "</repomd>", "too many elements");
  expect_refused(std::string(scan_limits::kRepomdBytesMax + 1, ' '), "more than");
}

std::string hex(size_t length, char digit = 'a') { return std::string(length, digit); }

TEST(ChecksumKind, IsKnownByTheName) {
  EXPECT_EQ(checksum_kind("Fedora-Server-42-x86_64-CHECKSUM"), ChecksumKind::kSha256);
  EXPECT_EQ(checksum_kind("SHA256SUM"), ChecksumKind::kSha256);
  EXPECT_EQ(checksum_kind("sha256sum.txt"), ChecksumKind::kSha256);
  EXPECT_EQ(checksum_kind("a.iso.sha1sum"), ChecksumKind::kSha1);
  EXPECT_EQ(checksum_kind("SHA1SUM"), ChecksumKind::kSha1);
  EXPECT_EQ(checksum_kind("sha1sum.txt"), ChecksumKind::kSha1);
  EXPECT_EQ(checksum_kind("a.md5sum"), ChecksumKind::kMd5);
  EXPECT_EQ(checksum_kind("MD5SUM"), ChecksumKind::kMd5);
  EXPECT_EQ(checksum_kind("md5sum.txt"), ChecksumKind::kMd5);
  EXPECT_EQ(checksum_kind("a.sha512sum"), ChecksumKind::kSha512);
  EXPECT_EQ(checksum_kind("SHA512SUM"), ChecksumKind::kSha512);
  EXPECT_EQ(checksum_kind("sha512sum.txt"), ChecksumKind::kSha512);
  for (const char* other : {"", "CHECKSUM", "-CHECKSUM", ".md5sum", "a.iso", "SHA256SUM.asc",
                            "sha256sum", "MD5SUM.txt"}) {
    EXPECT_EQ(checksum_kind(other), std::nullopt) << other;
  }
}

TEST(Checksums, BothFormsAreRead) {
  const std::string text =
      "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n"
      "# Fedora-42.iso: 123 bytes\n" +
      hex(64) + "  two-blanks.iso\n" + hex(64, 'B') + " *binary.iso\r\n" + hex(64) +
      " one-blank.iso\n" + "SHA256 (bsd.iso) = " + hex(64, 'c') +
      "\nSHA512 (long.iso) = " + hex(128) + "\nMD5 (with (brackets) = x.iso) = " + hex(32) + "\n" +
      hex(64) + "  with blanks.iso\n" + hex(64) +
      "  ./here.iso\n"
      "-----BEGIN PGP SIGNATURE-----\nVersion: GnuPG v1\n\niQIcBAEBCAAGBQJT\n=AbCd\n-----END PGP "
      "SIGNATURE-----";
  const auto lines = parse_checksums(text, ChecksumKind::kSha256);
  ASSERT_TRUE(lines.has_value());
  ASSERT_EQ(lines->size(), 8U);
  EXPECT_EQ((*lines)[0].file, "two-blanks.iso");
  EXPECT_EQ((*lines)[1].file, "binary.iso");
  EXPECT_EQ((*lines)[1].sum, hex(64, 'b'));
  EXPECT_EQ((*lines)[2].file, "one-blank.iso");
  EXPECT_EQ((*lines)[3].file, "bsd.iso");
  EXPECT_EQ((*lines)[3].sum, hex(64, 'c'));
  EXPECT_EQ((*lines)[4].kind, ChecksumKind::kSha512);
  EXPECT_EQ((*lines)[5].kind, ChecksumKind::kMd5);
  EXPECT_EQ((*lines)[5].file, "with (brackets) = x.iso");
  EXPECT_EQ((*lines)[6].file, "with blanks.iso");
  EXPECT_EQ((*lines)[7].file, "here.iso");
}

TEST(Checksums, WhatIsNeitherFormIsPassedOver) {
  const std::string text =
      hex(63) + "  short.iso\n" + hex(65) + "  long.iso\n" + hex(40) + "  sha1.iso\n" + hex(63) +
      "g  nohex.iso\n" + hex(64) + "\n" + hex(64) + "  \n" + hex(64) +
      "  images/pxeboot/vmlinuz\n" + hex(64) + "  ../up.iso\n" + hex(64) + "  ..\n" + hex(64) +
      "no-blank.iso\n" + "SHA256 (short.iso) = " + hex(40) + "\nSHA3 (a.iso) = " + hex(64) +
      "\nSHA256 (a.iso) " + hex(64) + "\nSHA256 () = " + hex(64) + "\nSHA256 (a/b) = " + hex(64) +
      "\n) = (\n (\n" + std::string(100'000, '(') + "\n" + std::string("\0\0\0\n", 4) +
      std::string(1'000'000, 'a');
  const auto lines = parse_checksums(text, ChecksumKind::kSha256);
  ASSERT_TRUE(lines.has_value());
  for (const auto& line : *lines) ADD_FAILURE() << line.file;
  EXPECT_TRUE(parse_checksums("", ChecksumKind::kMd5)->empty());
}

TEST(Checksums, AreBounded) {
  std::string text;
  for (size_t i = 0; i <= scan_limits::kChecksumEntriesMax; ++i) text += hex(32) + " x\n";
  const auto lines = parse_checksums(text, ChecksumKind::kMd5);
  ASSERT_FALSE(lines.has_value());
  EXPECT_EQ(lines.error().kind, ErrorKind::kLimit);
}

TEST(FileSums, AreThoseOfTheStandards) {  // FIPS 180-4 and RFC 1321: "abc"
  const auto sums = compute_sums("abc");
  ASSERT_TRUE(sums.has_value());
  EXPECT_EQ(sums->md5, "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(sums->sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(sums->sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sums->sha512,
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c"
            "23a3feebbd454d4423643c"
            "e80e2a9ac94fa54ca49f");
}

}  // namespace
}  // namespace mirror
