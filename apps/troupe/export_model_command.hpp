#pragma once

#include <CLI/App.hpp>

namespace troupe::apps {

/// `troupe export model FILE`: a snapshot as one file for use elsewhere. `app` is `troupe export`.
void add_export_model_command(CLI::App& app);

} // namespace troupe::apps
