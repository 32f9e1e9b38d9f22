#pragma once

#include "base/error.hpp"
#include "config/settings.hpp"

#include <CLI/App.hpp>

#include <string>
#include <vector>

namespace troupe::apps {

/// Where a command takes its settings from.
struct settings_options {
  std::string file;
  std::string data; ///< short for --set storage.directory=...
  std::vector<std::string> overrides;
};

/// Adds --config (or TROUPE_CONFIG), --set and --data to a command.
void add_settings_options(CLI::App& command, settings_options& to);

/// The settings they name, with the TROUPE_... variables of the process, checked.
[[nodiscard]] result<config::settings> load_settings(const settings_options& from);

} // namespace troupe::apps
