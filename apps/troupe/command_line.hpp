#pragma once

namespace troupe::apps {

/// Parses the arguments of `main`, runs the command they name and answers the process' exit
/// code. What was wrong has been printed then. Throws what only a bug throws.
[[nodiscard]] int run_command_line(int argc, char** argv);

} // namespace troupe::apps
