#pragma once

#include <CLI/App.hpp>

namespace troupe::apps {

/// `troupe eval`: how good the recommendations are on the events of a store, for the blend and
/// for each signal alone, as a table and as JSON.
void add_eval_command(CLI::App& app);

} // namespace troupe::apps
