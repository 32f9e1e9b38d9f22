#pragma once

#include "base/error.hpp"

namespace troupe::apps {

/// What the process tells its caller.
inline constexpr int exit_ok = 0;
inline constexpr int exit_failed = 1; ///< the work could not be done
inline constexpr int exit_usage = 2;  ///< the command line or the settings are wrong

/// Prints "troupe: ..." on standard error, one line, and returns `code`.
[[nodiscard]] int report(const failure& why, int code = exit_failed);

/// Ends a command of CLI11 with this exit code; the way CLI11 offers is an exception.
void finish(int code);

} // namespace troupe::apps
