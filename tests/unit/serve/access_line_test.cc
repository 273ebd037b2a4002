// Lines of the access log, in both forms and with all degrees of privacy.
#include "edge/serve/access_line.h"

#include <gtest/gtest.h>

#include <string>

#include "edge/answer/limits.h"

namespace mirror {
namespace {

constexpr int64_t kNow = 1700000100;  // 2023-11-14T22:15:00Z

Reply logged_reply() {
  Reply reply;
  reply.resource = AnsweredResource::kMetalink;
  reply.group = AnswerGroup::kGeoIp;
  reply.logged = true;
  reply.log_client = *IpAddress::parse("192.0.2.77");
  reply.log_country = "DE";
  reply.log_repo = "fedora-44";
  reply.log_arch = "x86_64";
  reply.body = {"12345", "", "678"};
  return reply;
}

std::string line(const AccessLineOptions& options, const Reply& reply) {
  LineRing ring(1 << 19);
  AccessLine access(options);
  static_cast<void>(access.push(reply, 42, HttpDate(kNow), ring));
  return std::string(ring.peek()[0]);
}

TEST(AccessLine, MirrorManagersIsTheSameToTheByte) {
  EXPECT_EQ(line({}, logged_reply()),
            "IP: 192.0.2.77; DATE: 2023-11-14; COUNTRY: DE; REPO: fedora-44; ARCH: x86_64\n");
  Reply unlogged = logged_reply();
  unlogged.logged = false;
  EXPECT_EQ(line({}, unlogged), "");
}

TEST(AccessLine, AddressesCanBeHidden) {
  Reply reply = logged_reply();
  const auto address = [&](LogAddress how) {
    const auto text = line({LogFormat::kMirrorManager, how}, reply);
    return text.substr(4, text.find(';') - 4);
  };
  EXPECT_EQ(address(LogAddress::kPrefix), "192.0.2.0");
  EXPECT_EQ(address(LogAddress::kHidden), "-");
  reply.log_client = *IpAddress::parse("2001:db8:1:2:3::4");
  EXPECT_EQ(address(LogAddress::kFull), "2001:db8:1:2:3::4");
  EXPECT_EQ(address(LogAddress::kPrefix), "2001:db8:1::");
  EXPECT_EQ(address(LogAddress::kHidden), "-");
}

TEST(AccessLine, Json) {
  EXPECT_EQ(line({LogFormat::kJson, LogAddress::kFull}, logged_reply()),
            R"({"time":"2023-11-14T22:15:00Z","client":"192.0.2.77","country":"DE",)"
            R"("resource":"metalink","repo":"fedora-44","arch":"x86_64","status":200,"bytes":8,)"
            R"("group":"geoip","generation":42})"
            "\n");
  Reply refused;
  refused.status = 404;
  refused.log_client = *IpAddress::parse("192.0.2.77");
  refused.log_path = "a\"b\\c";
  EXPECT_EQ(line({LogFormat::kJson, LogAddress::kHidden}, refused),
            R"({"time":"2023-11-14T22:15:00Z","client":"-","resource":"other",)"
            R"("path":"a\"b\\c","status":404,"bytes":0,"group":"none","generation":42})"
            "\n");
}

TEST(AccessLine, WhatFindsNoRoomIsDropped) {
  LineRing ring(64);
  AccessLine access({});
  EXPECT_EQ(access.push(logged_reply(), 42, HttpDate(kNow), ring), AccessLine::Outcome::kDropped);
  EXPECT_TRUE(ring.peek()[0].empty());
}

TEST(AccessLine, TheLongestTextsFit) {
  Reply reply = logged_reply();
  const std::string longest(3 * kTargetSizeMax / 2, '"');
  reply.log_repo = longest;
  reply.log_arch = longest;
  EXPECT_GT(line({LogFormat::kJson, LogAddress::kFull}, reply).size(), 4 * longest.size());
}

}  // namespace
}  // namespace mirror
