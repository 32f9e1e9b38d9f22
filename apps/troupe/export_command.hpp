#pragma once

#include <CLI/App.hpp>

namespace troupe::apps {

/// `troupe export DIRECTORY`: the store's catalogue and events as JSON lines.
void add_export_command(CLI::App& app);

} // namespace troupe::apps
