#pragma once

#include <CLI/App.hpp>

namespace troupe::apps {

/// `troupe serve`: opens the store, starts the node and the gateway, and stops them on a signal.
void add_serve_command(CLI::App& app);

} // namespace troupe::apps
