#pragma once

#include "base/error.hpp"
#include "config/table.hpp"

#include <toml++/toml.h>

#include <string_view>

namespace troupe::config {

/// Puts a parsed TOML value into the field it belongs to. `source` is a file's name, or
/// "--set", or a variable's name; a file's errors carry the line.
/// Errors: invalid_argument for a wrong type or a value out of bounds; the field is unchanged.
[[nodiscard]] result<void> assign(const field& to, const toml::node& value,
                                  std::string_view source);

} // namespace troupe::config
