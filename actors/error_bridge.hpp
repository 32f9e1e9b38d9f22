#pragma once

#include "base/error.hpp"

#include <caf/fwd.hpp>

namespace troupe::actors {

/// A failure as actors answer it: category "troupe", the context survives.
[[nodiscard]] caf::error to_error(const failure& why);

/// What an actor's error means. Errors of CAF itself become timeout (the requester's deadline),
/// unavailable (the receiver is gone) or internal.
[[nodiscard]] failure to_failure(const caf::error& why);

} // namespace troupe::actors
