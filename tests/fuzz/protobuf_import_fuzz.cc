// Any bytes as a cache file; what is taken must compile to a snapshot that an edge accepts.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/core/assert.h"
#include "base/core/unique_fd.h"
#include "compiler/protobuf_import.h"
#include "compiler/snapshot_model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const mirror::UniqueFd file(::memfd_create("cache", MFD_CLOEXEC));
  MIRROR_ASSERT(file.valid() && ::write(file.get(), data, size) == static_cast<ssize_t>(size));
  mirror::Diagnostics diagnostics;
  const mirror::SystemClock clock;
  auto world = mirror::import_protobuf(fmt::format("/proc/self/fd/{}", file.get()), clock, true,
                                       diagnostics);
  if (!world) {
    MIRROR_ASSERT(!world.error().message.empty());
    return 0;
  }
  mirror::ModelInputs inputs;
  inputs.country_continents = {{"DE", "EU"}, {"SE", "EU"}};
  const auto model = mirror::build_model(std::move(*world), inputs);
  MIRROR_ASSERT(model);
  const auto bytes = mirror::write_snapshot(*model);
  MIRROR_ASSERT(bytes);
  MIRROR_ASSERT(mirror::validate({reinterpret_cast<const uint8_t*>(bytes->data()), bytes->size()}));
  return 0;
}
