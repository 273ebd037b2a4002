// Answers as bytes, without sockets: heads, the two addresses of our own, the log line, draining.
#include "edge/serve/request_handler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "edge/http/http_connection.h"
#include "tests/unit/serve/test_snapshots.h"

namespace mirror {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr int64_t kNow = 1700000100;

class RequestHandlerTest : public testing::Test {
 protected:
  RequestHandlerTest() {
    RequestHandler::Options options;
    options.trusted_proxies = &proxies_;
    options.log = &ring_;
    options.readiness.stale_after_seconds = 1000;
    handler_ = std::make_unique<RequestHandler>(options, counters_);
    handler_->set_time(kNow);
  }
  void adopt() {
    publish_snapshot(directory_.path(), make_snapshot("a"));
    auto snapshot =
        SnapshotDirectory(directory_.path()).open(*SnapshotDirectory(directory_.path()).current());
    ASSERT_TRUE(snapshot.has_value());
    generation_.ordinal = 1;
    generation_.sequence = 42;
    generation_.snapshot = std::make_shared<const Snapshot>(std::move(*snapshot));
    handler_->adopt(generation_);
  }
  std::string ask(const std::string& target, const std::string& headers = "",
                  const std::string& method = "GET", const std::string& version = "1.1") {
    HttpConnection connection;
    RequestHead head;
    const std::string bytes =
        method + " " + target + " HTTP/" + version + "\r\n" + headers + "\r\n";
    const auto outcome = connection.parse(bytes, &head);
    EXPECT_EQ(outcome, HttpConnection::Outcome::kRequest);
    return text(handler_->respond(head, {*IpAddress::parse("127.0.0.1"), false}, last_));
  }
  std::string text(const Response& response) {
    closes_ = response.close;
    std::string bytes;
    for (const auto slice : response.slices) bytes += slice;
    return bytes;
  }

  TemporaryDirectory directory_;
  TrustedProxies proxies_{{*IpPrefix::parse("127.0.0.0/8")}};
  LineRing ring_{4096};
  WorkerCounters counters_;
  Generation generation_;
  std::unique_ptr<RequestHandler> handler_;
  bool closes_ = false;
  bool last_ = false;
};

TEST_F(RequestHandlerTest, WithoutASnapshot) {
  EXPECT_THAT(ask("/mirrorlist?repo=a&arch=b"), StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(ask("/-/ready"), HasSubstr("\r\n\r\n503 no snapshot\n"));
  EXPECT_THAT(ask("/-/live"), HasSubstr("\r\n\r\n200 live\n"));
  EXPECT_FALSE(closes_);
  EXPECT_EQ(counters_.answers.of_status_class(5), 2u);
}

TEST_F(RequestHandlerTest, AnAnswerNamesItsGeneration) {
  adopt();
  const auto answer = ask("/nothing");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 404 Not Found\r\ncontent-type: text/plain\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nx-mirrorlist-generation: 42\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("connection:")));
  EXPECT_THAT(ask("/-/ready"), HasSubstr("200 ready\n"));
}

TEST_F(RequestHandlerTest, OldDataIsStaleButReady) {
  adopt();
  handler_->set_time(kNow + 2000);
  EXPECT_THAT(ask("/-/ready?x"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(ask("/-/ready?x"), HasSubstr("200 stale\n"));
}

TEST_F(RequestHandlerTest, HeadHasTheLengthAndNoBody) {
  adopt();
  const auto get = ask("/nothing");
  const auto head = ask("/nothing", "", "HEAD");
  EXPECT_EQ(head, get.substr(0, get.find("\r\n\r\n") + 4));
}

TEST_F(RequestHandlerTest, Connections) {
  EXPECT_THAT(ask("/", "Connection: close\r\n"), HasSubstr("connection: close\r\n"));
  EXPECT_TRUE(closes_);
  EXPECT_THAT(ask("/", "", "GET", "1.0"), HasSubstr("connection: close\r\n"));
  EXPECT_TRUE(closes_);
  EXPECT_THAT(ask("/", "Connection: keep-alive\r\n", "GET", "1.0"),
              HasSubstr("connection: keep-alive\r\n"));
  EXPECT_FALSE(closes_);
  last_ = true;
  EXPECT_THAT(ask("/"), HasSubstr("connection: close\r\n"));
  EXPECT_TRUE(closes_);
  last_ = false;
  adopt();
  handler_->drain(true);
  EXPECT_THAT(ask("/-/ready"), HasSubstr("\r\n\r\n200 "));
  EXPECT_TRUE(closes_);
  handler_->drain(false);
  EXPECT_THAT(ask("/"), HasSubstr("connection: close\r\n"));
  EXPECT_TRUE(closes_);
  EXPECT_THAT(ask("/-/ready"), HasSubstr("503 draining\n"));
}

TEST_F(RequestHandlerTest, RefusalsCloseAndHaveNoBody) {
  const auto refused = text(handler_->refuse({RequestFault::kMethod, "no"}));
  EXPECT_TRUE(closes_);
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n"));
  EXPECT_THAT(refused, HasSubstr("allow: GET, HEAD\r\n"));
  EXPECT_THAT(refused, HasSubstr("connection: close\r\n\r\n"));
  EXPECT_EQ(counters_.answers.of_status_class(4), 1u);
}

TEST_F(RequestHandlerTest, UnknownRepositoriesAreNotLogged) {
  adopt();
  ask("/mirrorlist?repo=nothing&arch=x86_64");
  EXPECT_TRUE(ring_.peek()[0].empty());
}

}  // namespace
}  // namespace mirror
