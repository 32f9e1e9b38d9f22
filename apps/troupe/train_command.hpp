#pragma once

#include <CLI/CLI.hpp>

namespace troupe::apps {

/// `troupe train`: trains the sequence encoder on the store's events and keeps it as a snapshot.
void add_train_command(CLI::App& app);

} // namespace troupe::apps
