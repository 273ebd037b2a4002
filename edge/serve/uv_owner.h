// Small owners for libuv's objects. A handle lives until its close callback has run, which is after
// the owner is gone, so that it lies on the heap and deletes itself there. UvLoop must therefore be
// destroyed after all owners of its handles: its destructor runs the outstanding close callbacks.
#pragma once

#include <uv.h>

#include <string_view>
#include <utility>

#include "base/core/assert.h"
#include "base/core/error.h"

namespace mirror {

[[nodiscard]] inline tl::unexpected<Error> fail_uv(int code, std::string_view what) {
  return tl::unexpected(
      Error{ErrorKind::kSystem, -code, fmt::format("{}: {}", what, uv_strerror(code))});
}

class UvLoop {
 public:
  UvLoop() { MIRROR_ASSERT(uv_loop_init(&loop_) == 0); }
  UvLoop(const UvLoop&) = delete;
  UvLoop& operator=(const UvLoop&) = delete;
  ~UvLoop() {
    uv_run(&loop_, UV_RUN_DEFAULT);
    MIRROR_ASSERT(uv_loop_close(&loop_) == 0);
  }
  [[nodiscard]] uv_loop_t* get() { return &loop_; }
  [[nodiscard]] const uv_loop_t* get() const { return &loop_; }

 private:
  uv_loop_t loop_;
};

template <typename Handle>
class UvOwner {
 public:
  UvOwner() = default;
  // `initialise` calls uv_..._init and returns its result; a handle that cannot even be initialised
  // is a bug or a machine without descriptors, and stops the program.
  template <typename Initialise>
  explicit UvOwner(Initialise initialise) : handle_(new Handle) {
    const int code = initialise(handle_);
    if (code == 0) return;
    delete std::exchange(handle_, nullptr);
    MIRROR_ASSERT(code == 0);
  }
  UvOwner(UvOwner&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  UvOwner& operator=(UvOwner&& other) noexcept {
    if (this != &other) {
      close();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  UvOwner(const UvOwner&) = delete;
  UvOwner& operator=(const UvOwner&) = delete;
  ~UvOwner() { close(); }

  [[nodiscard]] Handle* get() const { return handle_; }
  [[nodiscard]] uv_handle_t* base() const { return reinterpret_cast<uv_handle_t*>(handle_); }
  [[nodiscard]] explicit operator bool() const { return handle_ != nullptr; }

  void close() {
    if (handle_ == nullptr) return;
    uv_close(base(), [](uv_handle_t* handle) { delete reinterpret_cast<Handle*>(handle); });
    handle_ = nullptr;
  }

 private:
  Handle* handle_ = nullptr;
};

}  // namespace mirror
