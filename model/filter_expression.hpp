#pragma once

#include "base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// The tree behind `filter`: what its parser makes, what it evaluates and prints.
namespace troupe::model::filter_tree {

inline constexpr std::size_t nesting_max = 32; ///< parentheses and "not" around one place
inline constexpr std::size_t nodes_max = 256;  ///< operators, comparisons and listed values

/// A literal. Numbers are finite; text is UTF-8.
using literal = std::variant<bool, double, std::string>;

/// The fields every item has, and `property` for the caller's own.
enum class field_kind : std::uint8_t {
  id,
  title,
  category,
  categories,
  tags,
  hidden,
  created_at,
  property,
};

struct field {
  field_kind kind = field_kind::property;
  std::string name; ///< as written
};

enum class operation : std::uint8_t {
  all,           ///< children joined by "and"; at least two
  any,           ///< children joined by "or"; at least two
  negate,        ///< "not" its one child
  present,       ///< the bare field
  contains,      ///< values[0] in subject
  one_of,        ///< subject in values
  equal,         ///< subject == values[0], and so on
  not_equal,     ///< !=
  less,          ///< <
  less_equal,    ///< <=
  greater,       ///< >
  greater_equal, ///< >=
};

/// In normal form: no "all" directly in an "all", no "any" in an "any", no double "not".
struct expression {
  operation what = operation::present;
  field subject;                    ///< of comparisons
  std::vector<literal> values;      ///< of comparisons
  std::vector<expression> children; ///< of all, any, negate
};

/// Parses the language of filter.hpp. Errors: invalid_argument with the column, counted in
/// characters from 1.
[[nodiscard]] result<expression> parse(std::string_view text, std::size_t bytes_max);

} // namespace troupe::model::filter_tree
