// Every answer that is not a mirror list, a metalink or a redirect. A plain value; the texts are
// those of MirrorManager's mirrorlist-server, since scripts look for them.
#pragma once

#include <cstdint>
#include <string_view>

namespace mirror {

struct Refusal {
  enum class Reason : uint8_t {
    kTargetTooLong,       // 414
    kUnknownResource,     // 404: the path ends neither in /mirrorlist nor in /metalink
    kBadText,             // 400: control characters, line ends or no UTF-8 in what would be echoed
    kTooManyNames,        // 400: kRequestedCountriesMax, kRequestedProtocolsMax
    kParametersMissing,   // 200, as clients know it
    kInvalidPath,         // 404
    kRepositoryDisabled,  // 200, as clients know it
    kUnknownRepository,   // 404 with the list of repositories
    kBrokenRepository,    // 500: the repository's directory is not in the data
    kBadClientAddress,    // 500: ip= holds no address
    kNoMetalink,          // 404: the file is not known
    kNoRedirect,          // 404, empty: no mirror speaks http or https
  };
  Reason reason = Reason::kUnknownResource;
  // Repository and architecture after redirect and source rule (kRepositoryDisabled,
  // kUnknownRepository, kBrokenRepository); the normalised path (kInvalidPath); what ip= holds
  // (kBadClientAddress); directory and file (kNoMetalink).
  std::string_view first, second;
};

[[nodiscard]] uint16_t status_of(Refusal::Reason reason);
// The body; of kUnknownRepository and kNoMetalink only the constant part.
[[nodiscard]] std::string_view message_of(Refusal::Reason reason);

}  // namespace mirror
