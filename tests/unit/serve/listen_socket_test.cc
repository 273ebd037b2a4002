#include "edge/serve/listen_socket.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <map>
#include <set>

#include "base/core/files.h"
#include "tests/unit/serve/test_snapshots.h"

namespace mirror {
namespace {

TEST(ListenAddress, Forms) {
  const auto text = [](std::string_view input) {
    const auto address = ListenAddress::parse(input, 3000);
    return address ? address->url() : "error";
  };
  EXPECT_EQ(text("127.0.0.1"), "http://127.0.0.1:3000");
  EXPECT_EQ(text("127.0.0.1:80"), "http://127.0.0.1:80");
  EXPECT_EQ(text("0.0.0.0:0"), "http://0.0.0.0:0");
  EXPECT_EQ(text("::1"), "http://[::1]:3000");
  EXPECT_EQ(text("2001:db8::1"), "http://[2001:db8::1]:3000");
  EXPECT_EQ(text("[::]"), "http://[::]:3000");
  EXPECT_EQ(text("[::1]:65535"), "http://[::1]:65535");
  EXPECT_EQ(text("unix:/run/edge.sock"), "unix:/run/edge.sock");
  for (const auto* bad : {"", "unix:", "localhost", "localhost:80", "127.0.0.1:", "127.0.0.1:65536",
                          "127.0.0.1:x", "[::1", "[::1]80", "[::1]:", "[127.0.0.1]:80", "*",
                          "127.0.0.1:-1", "[]", ":80", "1.2.3.4:80:90"}) {
    EXPECT_EQ(text(bad), "error") << bad;
  }
}

std::vector<ListenSocket> listen(const std::string& address, size_t workers) {
  auto sockets = open_listen_sockets(*ListenAddress::parse(address, 0),
                                     {ListenRole::kClients, workers, true, 0});
  EXPECT_TRUE(sockets.has_value()) << sockets.error().message;
  return sockets ? std::move(*sockets) : std::vector<ListenSocket>();
}

TEST(ListenSockets, ASecondEdgeIsNoticedBeforeTheFirstOneAnswers) {
  const auto first = listen("127.0.0.1", 2);
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(first[0].url, first[1].url);
  const auto address = *ListenAddress::parse(first[0].url.substr(7), 0);
  const auto second = open_listen_sockets(address, {ListenRole::kClients, 2, true, 0});
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().kind, ErrorKind::kConflict);
}

TEST(ListenSockets, AUnixSocketIsOneForAllWorkers) {
  const TemporaryDirectory directory;
  const auto path = directory.path() + "/edge.sock";
  auto first = listen("unix:" + path, 4);
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].url, "unix:" + path);
  EXPECT_EQ(first[0].owned_path, path);
  const auto address = *ListenAddress::parse("unix:" + path, 0);
  EXPECT_FALSE(open_listen_sockets(address, {}).has_value());
  // What a dead process has left is replaced, another file never.
  first.clear();
  EXPECT_EQ(listen("unix:" + path, 1).size(), 1u);
  ASSERT_TRUE(replace_file(directory.path() + "/file", "x").has_value());
  EXPECT_FALSE(
      open_listen_sockets(*ListenAddress::parse("unix:" + directory.path() + "/file", 0), {})
          .has_value());
}

TEST(ListenSockets, DualStack) {
  auto sockets =
      open_listen_sockets(*ListenAddress::parse("[::]:0", 0), {ListenRole::kClients, 1, false, 0});
  ASSERT_TRUE(sockets.has_value()) << sockets.error().message;
  const auto port = ListenAddress::parse((*sockets)[0].url.substr(7), 0)->port;
  // The same port of IPv4 is taken with it.
  EXPECT_FALSE(open_listen_sockets({*IpAddress::parse("0.0.0.0"), port, {}}, {}).has_value());
}

// The descriptors of each worker's sockets by address: equal sockets have equal inodes.
std::vector<std::map<std::string, std::vector<ino_t>>> deal(std::vector<ListenSocket> sockets,
                                                            size_t workers) {
  std::vector<std::map<std::string, std::vector<ino_t>>> result;
  auto dealt = deal_out(std::move(sockets), workers);
  EXPECT_TRUE(dealt.has_value());
  for (const auto& worker : *dealt) {
    result.emplace_back();
    for (const auto& socket : worker) {
      struct stat status {};
      EXPECT_EQ(::fstat(socket.fd.get(), &status), 0);
      result.back()[socket.url].push_back(status.st_ino);
    }
  }
  return result;
}

TEST(ListenSockets, EverySocketHasAWorkerAndEveryWorkerASocketOfEachAddress) {
  for (const size_t sockets : {1u, 2u, 3u, 5u}) {
    for (const size_t workers : {1u, 2u, 3u, 4u, 7u}) {
      auto all = listen("127.0.0.1", sockets);
      for (auto& socket : listen("127.0.0.2", sockets)) all.push_back(std::move(socket));
      const auto dealt = deal(std::move(all), workers);
      ASSERT_EQ(dealt.size(), workers);
      std::map<std::string, std::set<ino_t>> seen;
      for (const auto& worker : dealt) {
        EXPECT_EQ(worker.size(), 2u);
        for (const auto& [url, inodes] : worker) {
          EXPECT_FALSE(inodes.empty());
          seen[url].insert(inodes.begin(), inodes.end());
        }
      }
      for (const auto& [url, inodes] : seen) EXPECT_EQ(inodes.size(), sockets) << url;
    }
  }
}

}  // namespace
}  // namespace mirror
