#pragma once

#include <CLI/App.hpp>

namespace troupe::apps {

/// `troupe import PATH`: a catalogue and its history from files into the store.
void add_import_command(CLI::App& app);

} // namespace troupe::apps
