// Bytes that may be the header of a proxy. A header that is whole must be incomplete in each of its
// parts, must not depend on what follows, and lies within its limit.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/core/assert.h"
#include "edge/http/proxy_header.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using mirror::ProxyHeaderOutcome;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  mirror::ProxyHeader header;
  const auto outcome = parse_proxy_header(bytes, &header);
  if (outcome != ProxyHeaderOutcome::kHeader) {
    // What is incomplete ends sooner or later.
    MIRROR_ASSERT(outcome == ProxyHeaderOutcome::kMalformed || size < mirror::kProxyHeaderSizeMax);
    return 0;
  }
  MIRROR_ASSERT(header.size > 0 && header.size <= size);
  MIRROR_ASSERT(header.size <= mirror::kProxyHeaderSizeMax);
  for (size_t part = 0; part < header.size; ++part) {
    mirror::ProxyHeader shorter;
    MIRROR_ASSERT(parse_proxy_header(bytes.substr(0, part), &shorter) ==
                  ProxyHeaderOutcome::kIncomplete);
  }
  mirror::ProxyHeader alone;
  MIRROR_ASSERT(parse_proxy_header(bytes.substr(0, header.size), &alone) ==
                ProxyHeaderOutcome::kHeader);
  MIRROR_ASSERT(alone.size == header.size && alone.client == header.client);
  return 0;
}
