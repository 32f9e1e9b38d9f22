#pragma once

#include "config/settings.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// The one table of everything an operator can set.
namespace troupe::config {

/// Where a field lives in a `settings` object, which outlives the table.
using field_slot = std::variant<std::string*, bool*, double*, std::uint16_t*, std::uint32_t*,
                                std::size_t*, std::chrono::seconds*, std::chrono::milliseconds*,
                                std::vector<double>*, std::vector<event_rule>*>;

/// When a changed value takes effect.
enum class takes_effect : unsigned char {
  at_start,   ///< when the server starts again
  at_creation ///< only when the store is made
};

/// What a field may hold. Bounds include their ends; those of durations are milliseconds,
/// those of texts and lists are lengths.
struct field_limits {
  double least = 0;
  double most = 0;
  std::vector<std::string_view> choices; ///< of a text; empty: any
  bool bytes = false;                    ///< a size: written with a unit, "64MiB"
};

/// One row of the table.
struct field {
  std::string path; ///< "gateway.port"
  field_slot where;
  field_limits limits;
  std::string_view sentence; ///< for the operator; ends with a full stop
  takes_effect when = takes_effect::at_start;
  bool secret = false; ///< never printed
};

/// The fields of one component.
struct section {
  std::string_view name;
  std::string_view sentence;
  std::vector<field> fields;
};

/// Every field of `of`, in the order of settings.hpp. The table points into `of`.
[[nodiscard]] std::vector<section> table_of(settings& of);

/// What the field may hold, for people: "0 to 65535", "one of debug, info, warn, error".
[[nodiscard]] std::string allowed_text(const field& what);

/// The present value as TOML: `"5s"`, `"64MiB"`, `8080`, `[1, 24, 168]`. A secret that is set
/// reads `"***"`.
[[nodiscard]] std::string value_text(const field& what);

/// Whether `match` is an event type (`[a-z0-9_.-]`, 1 to 64 bytes), alone or followed by one of
/// `>= <= > < ==` and a number, without spaces.
[[nodiscard]] bool is_event_match(std::string_view match);

} // namespace troupe::config
