// What a connection accepts and refuses. Every input is parsed whole, byte by byte and split at
// each place; all three ways must agree, and the bytes move between calls as they do in the server.
#include "edge/http/http_connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mirror {
namespace {

using testing::ElementsAre;

// What became of a stream of bytes: the requests as text, then the status of the refusal or "+" if
// more bytes could follow.
struct History {
  std::vector<std::string> requests;
  std::string end = "+";
  bool operator==(const History&) const = default;
};

std::ostream& operator<<(std::ostream& out, const History& history) {
  for (const auto& request : history.requests) out << '[' << request << "] ";
  return out << history.end;
}

std::string describe(const RequestHead& head) {
  std::string text = head.method == RequestMethod::kHead ? "HEAD " : "GET ";
  text += head.target;
  if (!head.keep_alive) text += " close";
  if (head.announce_keep_alive) text += " announce";
  for (const auto value : head.forwarded_for()) text += " for=" + std::string(value);
  return text;
}

// Feeds the pieces as a server would: what is left over stays at the front of a buffer.
History feed(const std::vector<std::string>& pieces) {
  History history;
  HttpConnection connection;
  std::string held;
  for (const auto& piece : pieces) {
    std::string moved = held + piece;
    held.swap(moved);
    for (;;) {
      RequestHead head;
      const auto outcome = connection.parse(held, &head);
      if (outcome == HttpConnection::Outcome::kIncomplete) break;
      if (outcome == HttpConnection::Outcome::kRefused) {
        history.end = std::to_string(connection.refusal().status());
        EXPECT_FALSE(connection.refusal().reason.empty());
        return history;
      }
      history.requests.push_back(describe(head));
      EXPECT_LE(head.size, held.size());
      held.erase(0, head.size);
      if (held.empty()) break;
    }
  }
  return history;
}

History parse(const std::string& bytes) {
  const History whole = feed({bytes});
  std::vector<std::string> single;
  for (const char c : bytes) single.emplace_back(1, c);
  EXPECT_EQ(feed(single), whole) << "byte by byte: " << bytes;
  const size_t places = bytes.size() < 4000 ? bytes.size() : 0;
  for (size_t at = 1; at < places; ++at) {
    EXPECT_EQ(feed({bytes.substr(0, at), bytes.substr(at)}), whole)
        << "split at " << at << ": " << bytes;
  }
  return whole;
}

History accepted(std::vector<std::string> requests) { return {std::move(requests), "+"}; }
History refused(const std::string& status) { return {{}, status}; }

std::string request(const std::string& headers, const std::string& target = "/mirrorlist?path=a") {
  return "GET " + target + " HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n";
}

TEST(HttpConnection, OneRequest) {
  EXPECT_EQ(parse(request("")), accepted({"GET /mirrorlist?path=a"}));
  EXPECT_EQ(parse("HEAD / HTTP/1.1\r\n\r\n"), accepted({"HEAD /"}));
}

TEST(HttpConnection, TargetForms) {
  EXPECT_EQ(parse(request("", "http://other.example/x/mirrorlist?a=b")),
            accepted({"GET http://other.example/x/mirrorlist?a=b"}));
  EXPECT_EQ(parse(request("", "*")), accepted({"GET *"}));
  EXPECT_EQ(parse(request("", "/mirrorlist?x=1#frag")), accepted({"GET /mirrorlist?x=1"}));
  EXPECT_EQ(parse(request("", "/mirrorlist?!$%&'()*+,-./09:;=?@AZ[\\]^_`az{|}~")),
            accepted({"GET /mirrorlist?!$%&'()*+,-./09:;=?@AZ[\\]^_`az{|}~"}));
  EXPECT_EQ(parse(request("", "mirrorlist")), refused("400"));
  for (const std::string bad : {"/a<b", "/a>b", "/a\"b", "/?a=<b>", "/?a=\"", "/a`b", "/a\tb",
                                "/a b", "/\x01", "/\x7f", "/\xc3\xa9", "/?\xff"}) {
    EXPECT_THAT(parse(request("", bad)).requests, ElementsAre()) << bad;
    EXPECT_EQ(parse(request("", bad)).end, "400") << bad;
  }
  EXPECT_EQ(parse(request("", std::string("/a\0b", 4))), refused("400"));
}

TEST(HttpConnection, KeepAliveAndClose) {
  EXPECT_EQ(parse(request("Connection: close\r\n")), accepted({"GET /mirrorlist?path=a close"}));
  EXPECT_EQ(parse("GET / HTTP/1.0\r\n\r\n"), accepted({"GET / close"}));
  EXPECT_EQ(parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
            accepted({"GET / announce"}));
  EXPECT_EQ(parse("GET / HTTP/1.0\r\nconnection: Keep-Alive\r\n\r\n"),
            accepted({"GET / announce"}));
}

TEST(HttpConnection, PipelinedRequestsComeOneByOne) {
  std::string bytes;
  std::vector<std::string> expected;
  for (int i = 0; i < 20; ++i) {
    bytes +=
        request("X-Forwarded-For: 192.0.2." + std::to_string(i) + "\r\n", "/" + std::to_string(i));
    expected.push_back("GET /" + std::to_string(i) + " for=192.0.2." + std::to_string(i));
  }
  EXPECT_EQ(parse(bytes), accepted(expected));
}

TEST(HttpConnection, ABadRequestAfterAGoodOneHarmsOnlyItself) {
  const History expected{{"GET /one"}, "400"};
  EXPECT_EQ(parse(request("", "/one") + "GET /two HTTP/1.1\nHost: h\r\n\r\n"), expected);
  EXPECT_EQ(parse(request("", "/one") + " GET /two HTTP/1.1\r\n\r\n"), expected);
}

TEST(HttpConnection, EmptyLinesBeforeTheRequest) {
  EXPECT_EQ(parse("\r\n\r\n" + request("")), accepted({"GET /mirrorlist?path=a"}));
  EXPECT_EQ(parse("\n" + request("")), refused("400"));
  EXPECT_EQ(parse("\r" + request("")), refused("400"));
  EXPECT_EQ(parse("\r\n\r\r\n" + request("")), refused("400"));
}

TEST(HttpConnection, ForwardedFor) {
  EXPECT_EQ(
      parse(request("X-Forwarded-For: 192.0.2.1, 192.0.2.2\r\nx-forwarded-FOR:\t 2001:db8::1 \t\r\n"
                    "X-Forwarded-Foo: no\r\nX-Forwarded-For:\r\n",
                    "/")),
      accepted({"GET / for=192.0.2.1, 192.0.2.2 for=2001:db8::1 for="}));
  std::string lines;
  for (size_t i = 0; i < kForwardedForMax; ++i) lines += "X-Forwarded-For: 192.0.2.1\r\n";
  EXPECT_THAT(parse(request(lines)).requests, testing::SizeIs(1));
  EXPECT_EQ(parse(request(lines + "X-Forwarded-For: 192.0.2.1\r\n")), refused("400"));
}

TEST(HttpConnection, Methods) {
  for (const std::string method :
       {"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND"}) {
    EXPECT_EQ(parse(method + " /mirrorlist HTTP/1.1\r\nHost: h\r\n\r\n"), refused("405")) << method;
    EXPECT_EQ(parse(method + " /mirrorlist HTTP/1.1\r\nContent-Length: 2\r\n\r\nab"),
              refused("405"))
        << method;
  }
  EXPECT_EQ(parse("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"), refused("405"));
  EXPECT_EQ(parse("CONNECT h.example:80 HTTP/1.1\r\nHost: h\r\n\r\n"), refused("405"));
  EXPECT_EQ(parse("FOO / HTTP/1.1\r\n\r\n"), refused("400"));
  EXPECT_EQ(parse("get / HTTP/1.1\r\n\r\n"), refused("400"));
}

TEST(HttpConnection, UpgradesAreIgnored) {
  EXPECT_EQ(
      parse(request("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: A\r\n",
                    "/") +
            request("", "/next")),
      accepted({"GET /", "GET /next"}));
}

TEST(HttpConnection, Versions) {
  EXPECT_EQ(parse("GET /mirrorlist\r\n\r\n"), refused("400"));
  EXPECT_EQ(parse("GET / HTTP/0.9\r\n\r\n"), refused("505"));
  EXPECT_EQ(parse("GET / HTTP/2.0\r\n\r\n"), refused("505"));
  EXPECT_EQ(parse("GET / RTSP/1.0\r\n\r\n"), refused("505"));
  EXPECT_EQ(parse("GET / HTTP/7.3\r\n\r\n"), refused("505"));
  EXPECT_EQ(parse("GET / HTTQ/1.1\r\n\r\n").requests, std::vector<std::string>());
  EXPECT_EQ(parse("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").requests, std::vector<std::string>());
}

TEST(HttpConnection, MalformedRequestLines) {
  EXPECT_EQ(parse("HELLO\r\n\r\n"), refused("400"));
  EXPECT_EQ(parse("GET  HTTP/1.1\r\nHost: h\r\n\r\n"), refused("400"));
  EXPECT_EQ(parse(std::string("\x16\x03\x01\x02\x00", 5)), refused("400"));
  EXPECT_EQ(parse(": GET / HTTP/1.1\r\n\r\n"), refused("400"));
}

// The rows of published smuggling inputs and of llhttp's known weaknesses: one request that must
// not be taken.
TEST(HttpConnection, RefusedHeads) {
  const std::vector<std::string> heads = {
      "X: \rxTransfer-Encoding: chunked\r\n",                 // CVE-2023-30589
      "\rX",                                                  // CVE-2025-23167, its end of the head
      " Content-Length: 5\r\n",                               // CVE-2024-27982: obs-fold
      "X-A: b\r\n c\r\n",                                     // obs-fold
      "X-A: b\r\n\tc\r\n",                                    //
      "X-A : b\r\n",                                          // blank before the colon
      ": b\r\n",                                              // empty header name
      "X-A: b\n",                                             // bare LF
      "X-A: a\rX-B: b\r\n",                                   // bare CR
      "nonsense\r\n",                                         //
      "X\x01: a\r\n",                                         //
      "X-A: a\x01\r\n",                                       //
      std::string("X-A: a\0b\r\n", 10),                       //
      "Content-Length: 5\r\nContent-Length: 0\r\n",           //
      "Content-Length: 0\r\nContent-Length: 0\r\n",           //
      "Content-Length: 0, 5\r\n",                             //
      "Content-Length: -1\r\n",                               //
      "Content-Length: +5\r\n",                               //
      "Content-Length: 0x5\r\n",                              //
      "Content-Length:\r\n",                                  //
      "Content-Length: 99999999999999999999999\r\n",          //
      "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",  //
      "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",  //
      "Transfer-Encoding: chunked\r\n",                       //
      "Transfer-Encoding: identity\r\n",                      //
      "Transfer-Encoding:\r\n",                               //
  };
  for (const auto& head : heads) {
    const History history = parse("GET / HTTP/1.1\r\nHost: h\r\n" + head +
                                  "\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n");
    EXPECT_THAT(history.requests, ElementsAre()) << head;
    EXPECT_EQ(history.end, "400") << head;
  }
}

TEST(HttpConnection, Bodies) {
  EXPECT_EQ(parse(request("Content-Length: 0\r\n", "/")), accepted({"GET /"}));
  EXPECT_EQ(parse(request("Content-Length: 5\r\n") + "GET / "), refused("413"));
  EXPECT_EQ(parse(request("Expect: 100-continue\r\nContent-Length: 5\r\n")), refused("413"));
  EXPECT_EQ(parse(request("Transfer-Encoding: xchunked\r\n")), refused("400"));
}

TEST(HttpConnection, HeadEndsOnlyWithCarriageReturns) {
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nHost: h\r\n\n"), refused("400"));
  EXPECT_EQ(parse("GET / HTTP/1.1\n\r\n"), refused("400"));
}

TEST(HttpConnection, Sizes) {
  EXPECT_THAT(
      parse(request("", "/" + std::string(kDefaultRequestLimits.target_bytes - 1, 'a'))).requests,
      testing::SizeIs(1));
  EXPECT_EQ(parse(request("", "/" + std::string(kDefaultRequestLimits.target_bytes, 'a'))),
            refused("414"));
  EXPECT_EQ(
      parse(request("X-Long: " + std::string(kDefaultRequestLimits.head_bytes, 'a') + "\r\n")),
      refused("431"));
  std::string lines;
  for (size_t i = 0; i + 1 < kDefaultRequestLimits.headers; ++i) lines += "X: y\r\n";
  EXPECT_THAT(parse(request(lines)).requests, testing::SizeIs(1));
  EXPECT_EQ(parse(request(lines + "X: y\r\n")), refused("431"));
  const std::string start = "GET / HTTP/1.1\r\nX: ";
  const std::string fitting =
      start + std::string(kDefaultRequestLimits.head_bytes - start.size() - 4, 'a') + "\r\n\r\n";
  EXPECT_THAT(parse(fitting).requests, testing::SizeIs(1));
  EXPECT_EQ(parse(std::string(kDefaultRequestLimits.head_bytes, '\n')), refused("400"));
}

TEST(HttpConnection, ARefusalStays) {
  HttpConnection connection;
  RequestHead head;
  EXPECT_EQ(connection.parse("BAD\r\n", &head), HttpConnection::Outcome::kRefused);
  EXPECT_EQ(connection.parse("GET / HTTP/1.1\r\n\r\n", &head), HttpConnection::Outcome::kRefused);
  connection.reset(kDefaultRequestLimits);
  EXPECT_EQ(connection.parse("GET / HTTP/1.1\r\n\r\n", &head), HttpConnection::Outcome::kRequest);
}

TEST(HttpConnection, KnowsWhetherARequestHasBegun) {
  HttpConnection connection;
  RequestHead head;
  EXPECT_FALSE(connection.inside_request());
  EXPECT_EQ(connection.parse("GET / HTTP/1.1\r\n", &head), HttpConnection::Outcome::kIncomplete);
  EXPECT_TRUE(connection.inside_request());
  EXPECT_EQ(connection.parse("GET / HTTP/1.1\r\n\r\n", &head), HttpConnection::Outcome::kRequest);
  EXPECT_FALSE(connection.inside_request());
}

}  // namespace
}  // namespace mirror
