#include "edge/answer/refusal.h"

#include "base/core/assert.h"

namespace mirror {

uint16_t status_of(Refusal::Reason reason) {
  switch (reason) {
    case Refusal::Reason::kParametersMissing:
    case Refusal::Reason::kRepositoryDisabled:
      return 200;
    case Refusal::Reason::kBadText:
    case Refusal::Reason::kTooManyNames:
      return 400;
    case Refusal::Reason::kUnknownResource:
    case Refusal::Reason::kInvalidPath:
    case Refusal::Reason::kUnknownRepository:
    case Refusal::Reason::kNoMetalink:
    case Refusal::Reason::kNoRedirect:
      return 404;
    case Refusal::Reason::kTargetTooLong:
      return 414;
    case Refusal::Reason::kBrokenRepository:
    case Refusal::Reason::kBadClientAddress:
      return 500;
  }
  MIRROR_ASSERT(!"a reason without a status");
}

std::string_view message_of(Refusal::Reason reason) {
  switch (reason) {
    case Refusal::Reason::kTargetTooLong:
      return "error: the request target is too long";
    case Refusal::Reason::kUnknownResource:
      return "We don't serve their kind here!";
    case Refusal::Reason::kBadText:
      return "error: a parameter holds control characters or line ends, or is not UTF-8";
    case Refusal::Reason::kTooManyNames:
      return "error: too many names in country= or protocol=";
    case Refusal::Reason::kParametersMissing:
      return "# either path=, or repo= and arch= must be specified";
    case Refusal::Reason::kInvalidPath:
      return "error: invalid path";
    case Refusal::Reason::kRepositoryDisabled:
      return "repo disabled";
    case Refusal::Reason::kUnknownRepository:
      return "error: invalid repo or arch\n";
    case Refusal::Reason::kBrokenRepository:
      return "mirrorlist cache index out of range, you broke it!";
    case Refusal::Reason::kBadClientAddress:
      return "Cannot parse client IP address. Aborting.";
    case Refusal::Reason::kNoMetalink:
      return " not found or has not metalink";
    case Refusal::Reason::kNoRedirect:
      return "";
  }
  MIRROR_ASSERT(!"a reason without a message");
}

}  // namespace mirror
