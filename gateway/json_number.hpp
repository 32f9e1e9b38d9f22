#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

/// Inside of the JSON readers: included by gateway/json_*.cpp only.
namespace troupe::gateway::json {

/// A number that the parser refused. simdjson says only that there is one.
struct refused_number {
  std::size_t line = 1;      ///< from 1
  std::size_t column = 1;    ///< from 1, in bytes
  std::string_view text;     ///< as it stands there, up to what ends it
  bool out_of_range = false; ///< well written, but beyond 64 bits; else it is not JSON
};

/// The first number of `text` that simdjson does not take; nothing if there is none.
/// REQUIRES: simdjson answered NUMBER_ERROR, so `text` is UTF-8 with all its strings closed, and
/// well-formed up to that number. Time: linear, in the order of another parse.
[[nodiscard]] std::optional<refused_number> find_refused_number(std::string_view text);

} // namespace troupe::gateway::json
