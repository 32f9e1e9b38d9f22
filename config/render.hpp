#pragma once

#include "config/settings.hpp"

#include <string>

namespace troupe::config {

/// The settings as TOML with a comment on every field: what `troupe config` prints and what
/// config/troupe.toml is. Reading it back gives the same settings (but for secrets).
[[nodiscard]] std::string commented_toml(const settings& what);

/// The table of docs/operations.md: a heading and a Markdown table per section, with defaults.
[[nodiscard]] std::string markdown_tables();

} // namespace troupe::config
