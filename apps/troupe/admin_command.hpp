#pragma once

#include <CLI/App.hpp>

namespace troupe::apps {

/// `troupe admin model list|activate|rollback`: asks a running server over REST.
void add_admin_command(CLI::App& app);

} // namespace troupe::apps
