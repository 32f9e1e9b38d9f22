#pragma once

#include <CLI/App.hpp>

namespace troupe::apps {

/// `troupe replay`: sends the events of a data set through a running server, and with --measure
/// scores what it pushes.
void add_replay_command(CLI::App& app);

} // namespace troupe::apps
