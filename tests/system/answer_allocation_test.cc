// Answers take no memory, no lock and no system call once the Answerer has adopted its snapshot.
//
// malloc and its family and the pthread locks are interposed and counted around 10 000 warmed
// answers that hit every group and both formats. System calls are forbidden by the kernel: a child
// process in seccomp's strict mode answers the same questions, and any call but read, write and
// exit would kill it.
//
// A program of its own: the counters would see what a test framework does.
#include <dlfcn.h>
#include <fmt/format.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "edge/answer/answerer.h"
#include "tests/unit/answer/answer_world.h"
#include "tests/unit/answer/mmdb_writer.h"

namespace {

// Interposed functions have no other place to count in.
std::atomic<uint64_t> allocations{0};
std::atomic<uint64_t> locks{0};

}  // namespace

extern "C" {

void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* old, size_t size);
void* __libc_memalign(size_t alignment, size_t size);

#pragma GCC visibility push(default)

void* malloc(size_t size) {
  ++allocations;
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  ++allocations;
  return __libc_calloc(count, size);
}
void* realloc(void* old, size_t size) {
  ++allocations;
  return __libc_realloc(old, size);
}
void* memalign(size_t alignment, size_t size) {
  ++allocations;
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
int posix_memalign(void** result, size_t alignment, size_t size) {
  *result = memalign(alignment, size);
  return *result == nullptr ? ENOMEM : 0;
}

#define MIRROR_COUNT_LOCK(name, type)                                                   \
  int name(type* lock) {                                                                \
    static const auto real = reinterpret_cast<int (*)(type*)>(dlsym(RTLD_NEXT, #name)); \
    ++locks;                                                                            \
    return real(lock);                                                                  \
  }
MIRROR_COUNT_LOCK(pthread_mutex_lock, pthread_mutex_t)
MIRROR_COUNT_LOCK(pthread_mutex_trylock, pthread_mutex_t)
MIRROR_COUNT_LOCK(pthread_rwlock_rdlock, pthread_rwlock_t)
MIRROR_COUNT_LOCK(pthread_rwlock_wrlock, pthread_rwlock_t)

#pragma GCC visibility pop

}  // extern "C"

namespace mirror {
namespace {

constexpr int kAnswers = 10'000;

struct Asked {
  std::string target;
  IpAddress client;
};

SnapshotInMemory make_world() {
  WorldBuilder builder;
  std::vector<uint32_t> hosts;
  for (const char* country : {"DE", "FR", "SE", "US", "JP"}) {
    builder.inputs.country_continents[country] = std::string(country) == "JP" ? "AS" : "EU";
    for (int i = 0; i < 40; ++i) {
      const std::string name = fmt::format("//{}{}.example/pub", country, i);
      WorldBuilder::HostOptions host{.country = country,
                                     .urls = {"https:" + name, "rsync:" + name}};
      if (i % 8 == 0) host.allowed = {"DE", "SE"};
      if (i % 9 == 1) host.global = false;
      hosts.push_back(builder.host(host));
    }
  }
  FileVersion version;
  version.sha256 = "00";
  builder.directory("pub/os", "os", hosts, {{"a.iso", {version}}});
  builder.directory("pub/os/repodata", "os/repodata", hosts, {{"repomd.xml", {version}}});
  builder.directory("pub/few", "few", {hosts[0], hosts[50]});
  builder.repository("os-1+x86_64", "pub/os");
  builder.repository("gone-1+x86_64", "pub/gone");
  builder.world.prefixes["latest"] = {.redirect = "os-1", .disabled = false};
  builder.world.prefixes["old"] = {.redirect = "", .disabled = true};
  for (int i = 0; i < 5; ++i) builder.netblock("10.1.0.0/16", hosts[i]);
  builder.netblock("10.0.0.0/8", hosts[7]);
  builder.asn(65001, "198.51.100.0/24", {hosts[3], hosts[90], hosts[91]});
  builder.client_country("172.16.0.0/12", "SE");
  builder.inputs.country_continents["GB"] = "EU";  // no mirrors of its own
  builder.client_country("100.64.0.0/10", "GB");
  return builder.build();
}

// Every group, both formats, every option, every refusal.
std::vector<Asked> make_questions() {
  const std::vector<const char*> clients = {
      "127.0.0.1",    "10.1.2.3",   "10.200.1.1", "172.16.1.1",        "192.0.2.1",
      "198.51.100.1", "100.64.1.1", "192.0.2.9",  "::ffff:172.16.1.1", "2001:db8::1"};
  const std::vector<const char*> queries = {"path=pub/os/a.iso",
                                            "path=pub/os",
                                            "path=%2Fpub%2Fos",
                                            "path=//pub//few/",
                                            "path=pub/few&country=SE",
                                            "repo=os-1&arch=x86_64",
                                            "repo=latest&arch=x86_64&countme=1",
                                            "repo=os-1&arch=x86_64&country=US,DE,global",
                                            "repo=os-1&arch=x86_64&country=XX",
                                            "repo=os-1&arch=x86_64&country=CN,jp",
                                            "path=pub/os/a.iso&protocol=rsync,https,gopher",
                                            "path=pub/os&time&protocol=https",
                                            "path=pub/os&redirect=1",
                                            "path=pub/os/a.iso&redirect&protocol=rsync",
                                            "path=pub/os/a%20b.iso",
                                            "path=pub/os&ip=172.16.3.4",
                                            "path=pub/os&ip=nonsense",
                                            "path=pub/nothing/x",
                                            "",
                                            "repo=old&arch=x",
                                            "repo=nope&arch=--",
                                            "repo=gone-1&arch=x86_64",
                                            "path=%0a",
                                            "path=pub/os&netblock=0"};
  std::vector<Asked> all;
  for (const char* client : clients) {
    all.push_back({"/nothing", *IpAddress::parse(client)});
    for (const char* query : queries) {
      all.push_back({fmt::format("/mirrorlist?{}", query), *IpAddress::parse(client)});
      all.push_back({fmt::format("/metalink?{}", query), *IpAddress::parse(client)});
    }
  }
  return all;
}

void answer_all(Answerer& answerer, const std::vector<Asked>& questions,
                std::set<AnswerGroup>* groups) {
  int64_t now = 1'700'000'000;
  for (int i = 0; i < kAnswers; ++i) {
    const Asked& asked = questions[static_cast<size_t>(i) % questions.size()];
    now += i % 10 == 0 ? 1 : 0;
    const Reply reply = answerer.answer({asked.target, asked.client, now});
    if (groups != nullptr) groups->insert(reply.group);
  }
}

int run(const std::string& folder) {
  MmdbWriter writer(6);
  writer.add("192.0.2.0/29", "FR");
  writer.add("2001:db8::/32", "JP", MmdbWriter::Layout::kFlat);
  const std::string geo_path = folder + "/test.mmdb";
  std::ofstream(geo_path, std::ios::binary) << writer.bytes();
  const auto geo = GeoDatabase::open(geo_path);
  if (!geo) {
    fmt::print(stderr, "{}\n", geo.error().message);
    return EXIT_FAILURE;
  }
  const SnapshotInMemory world = make_world();
  const std::vector<Asked> questions = make_questions();
  Answerer answerer({}, 1);
  answerer.adopt(&world.view(), geo->get());
  std::set<AnswerGroup> groups;
  answer_all(answerer, questions, &groups);
  const uint64_t allocations_before = allocations;
  const uint64_t locks_before = locks;
  answer_all(answerer, questions, nullptr);
  const uint64_t allocated = allocations - allocations_before;
  const uint64_t locked = locks - locks_before;
  fmt::print("{} answers of {} groups: {} allocations, {} locks\n", kAnswers, groups.size(),
             allocated, locked);
  std::fflush(stdout);

  const pid_t child = ::fork();
  if (child == 0) {
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) ::_exit(2);
    answer_all(answerer, questions, nullptr);
    ::syscall(SYS_exit, 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  const bool quiet = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  fmt::print("without system calls: {}\n", quiet ? "yes" : "no");
  // The counters must be able to count at all.
  const bool counting = allocations_before > 0;
  return groups.size() == 7 && allocated == 0 && locked == 0 && quiet && counting ? EXIT_SUCCESS
                                                                                  : EXIT_FAILURE;
}

}  // namespace
}  // namespace mirror

int main() {
  std::string folder = std::filesystem::temp_directory_path() / "answer_XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) return EXIT_FAILURE;
  const int code = mirror::run(folder);
  std::filesystem::remove_all(folder);
  return code;
}
