// A library to preload into mirror-edge: counts, thread by thread, how often memory is allocated,
// a lock is taken, writev() and read() are called, and read() of the 8 bytes of a timerfd or
// eventfd apart from these. The counters lie in the file that MIRROR_COUNTERS names, as an array of
// ThreadCounters, so that a test can read them while the process runs. Links nothing of ours and
// allocates nothing itself.
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace {

struct ThreadCounters {
  std::atomic<uint64_t> thread_id;
  std::atomic<uint64_t> allocations;
  std::atomic<uint64_t> locks;
  std::atomic<uint64_t> reads;
  std::atomic<uint64_t> writes;
  std::atomic<uint64_t> ticks;  // reads of 8 bytes
};
static_assert(sizeof(ThreadCounters) == 48);

constexpr size_t kThreadMax = 256;

ThreadCounters* all_counters = nullptr;
std::atomic<size_t> thread_count{0};
// initial-exec: the general model allocates at the first use in a thread.
__attribute__((tls_model("initial-exec"))) thread_local ThreadCounters* mine = nullptr;

using LockFunction = int (*)(void*);
LockFunction real_mutex_lock, real_mutex_trylock, real_rwlock_rdlock, real_rwlock_wrlock,
    real_spin_lock;

LockFunction next_function(const char* name) {
  return reinterpret_cast<LockFunction>(::dlsym(RTLD_NEXT, name));
}

ThreadCounters* counters() {
  if (all_counters == nullptr) return nullptr;
  if (mine == nullptr) {
    const size_t index = thread_count.fetch_add(1);
    if (index >= kThreadMax) std::abort();
    mine = all_counters + index;
    mine->thread_id = static_cast<uint64_t>(::syscall(SYS_gettid));
  }
  return mine;
}

void count_allocation() {
  if (ThreadCounters* counted = counters())
    counted->allocations.fetch_add(1, std::memory_order_relaxed);
}

int count_lock(LockFunction& real, const char* name, void* lock) {
  if (real == nullptr) real = next_function(name);
  if (ThreadCounters* counted = counters()) counted->locks.fetch_add(1, std::memory_order_relaxed);
  return real(lock);
}

__attribute__((constructor)) void start() {
  const char* path = std::getenv("MIRROR_COUNTERS");
  if (path == nullptr) return;
  const int fd = ::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  constexpr size_t kSize = kThreadMax * sizeof(ThreadCounters);
  if (fd < 0 || ::ftruncate(fd, kSize) != 0) std::abort();
  void* memory = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) std::abort();
  ::close(fd);
  all_counters = static_cast<ThreadCounters*>(memory);
}

}  // namespace

extern "C" {

// glibc's own names of what is replaced here.
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* memory, size_t size);
void* __libc_memalign(size_t alignment, size_t size);

__attribute__((visibility("default"))) void* malloc(size_t size) {
  count_allocation();
  return __libc_malloc(size);
}
__attribute__((visibility("default"))) void* calloc(size_t count, size_t size) {
  count_allocation();
  return __libc_calloc(count, size);
}
__attribute__((visibility("default"))) void* realloc(void* memory, size_t size) {
  count_allocation();
  return __libc_realloc(memory, size);
}
__attribute__((visibility("default"))) void* aligned_alloc(size_t alignment, size_t size) {
  count_allocation();
  return __libc_memalign(alignment, size);
}
__attribute__((visibility("default"))) int posix_memalign(void** memory, size_t alignment,
                                                          size_t size) {
  count_allocation();
  *memory = __libc_memalign(alignment, size);
  return *memory == nullptr ? 12 : 0;  // ENOMEM
}

__attribute__((visibility("default"))) ssize_t read(int fd, void* bytes, size_t size) {
  if (ThreadCounters* counted = counters()) {
    auto& count = size == sizeof(uint64_t) ? counted->ticks : counted->reads;
    count.fetch_add(1, std::memory_order_relaxed);
  }
  return ::syscall(SYS_read, fd, bytes, size);
}
__attribute__((visibility("default"))) ssize_t writev(int fd, const iovec* slices, int count) {
  if (ThreadCounters* counted = counters()) counted->writes.fetch_add(1, std::memory_order_relaxed);
  return ::syscall(SYS_writev, fd, slices, count);
}

__attribute__((visibility("default"))) int pthread_mutex_lock(pthread_mutex_t* lock) {
  return count_lock(real_mutex_lock, "pthread_mutex_lock", lock);
}
__attribute__((visibility("default"))) int pthread_mutex_trylock(pthread_mutex_t* lock) {
  return count_lock(real_mutex_trylock, "pthread_mutex_trylock", lock);
}
__attribute__((visibility("default"))) int pthread_rwlock_rdlock(pthread_rwlock_t* lock) {
  return count_lock(real_rwlock_rdlock, "pthread_rwlock_rdlock", lock);
}
__attribute__((visibility("default"))) int pthread_rwlock_wrlock(pthread_rwlock_t* lock) {
  return count_lock(real_rwlock_wrlock, "pthread_rwlock_wrlock", lock);
}
__attribute__((visibility("default"))) int pthread_spin_lock(pthread_spinlock_t* lock) {
  return count_lock(real_spin_lock, "pthread_spin_lock", const_cast<int*>(lock));
}

}  // extern "C"
