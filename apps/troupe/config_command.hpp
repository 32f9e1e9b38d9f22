#pragma once

#include <CLI/App.hpp>

namespace troupe::apps {

/// `troupe config`: prints the settings in effect as commented TOML; `config check FILE` says
/// whether a file is fine; `config docs` prints the tables of docs/operations.md.
void add_config_command(CLI::App& app);

} // namespace troupe::apps
