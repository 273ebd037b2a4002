// Waits for the change marks (change_marks.h) of others: told by the server on PostgreSQL, by
// looking at the token every second on SQLite (and every few seconds on a PostgreSQL server that
// only follows another one, where nobody may listen).
#pragma once

#include <memory>

#include "schema/database/database.h"

namespace mirror {

class ChangeListener {
 public:
  virtual ~ChangeListener() = default;
  // What changes after this has returned will be heard. kNotFound if the marks are not there as
  // they should be.
  [[nodiscard]] static Result<std::unique_ptr<ChangeListener>> open(
      const DatabaseUrl& url, const DatabaseLimits& limits = {});

  // Blocks until something has changed since open() or the last call, for however long that is; any
  // number of changes may be told as one, and one that did not matter may be told. An error means
  // that changes may have been missed: open another one.
  [[nodiscard]] virtual Result<void> wait() = 0;
};

}  // namespace mirror
