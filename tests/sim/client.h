// A client of the simulated network: what it is going to send, how it behaves, and what it must
// get.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/core/random.h"
#include "tests/sim/library.h"

namespace mirror::sim {

struct Client {
  enum class Expect { kList, kHead, kHealth, kNotFound, kRefusal };
  struct Request {
    Expect expect = Expect::kList;
    bool closes = false;  // the connection ends with its answer
  };

  Client(Random& random, bool proxied);

  // Looks at all that was received. "": every answer is right as far as it goes. `whole` gets how
  // many answers are complete, and whether the last one said that the connection ends.
  struct Verdict {
    size_t answers = 0;
    bool said_close = false;
    bool is_cut = false;  // bytes of an answer that is not complete
    std::string fault;
  };
  [[nodiscard]] Verdict judge(const Library& library) const;

  std::string bytes;  // all that it sends
  std::vector<Request> requests;
  std::string received;
  size_t sent = 0;
  // It may stop reading, or go, in the middle. Others are patient: they must get what they asked
  // for, unless the server had a reason to close.
  bool stalls = false;
  bool aborts = false;
  bool drips = false;    // sends a byte at a time, with pauses
  bool hurries = false;  // sends much, and all that it can at once
  bool insists = false;  // asks for the end of the connection, and sends on
  // Why the server closed its connection: it said so (a limit or a timeout), all came to an end, or
  // it drained and nothing had been sent that it did not read.
  bool close_reason = false;
  bool closed_in_drain = false;
  [[nodiscard]] bool is_patient() const { return !stalls && !aborts && !drips && !insists; }

 private:
  void add_request(Random& random);
};

}  // namespace mirror::sim
