#pragma once

#include "base/error.hpp"
#include "base/item.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace troupe::model {

/// A boolean expression over an item's fields, parsed once and evaluated per item:
///
///     expression = term { "or" term } ;      term = factor { "and" factor } ;
///     factor     = "not" factor | "(" expression ")" | comparison ;
///     comparison = field ( "==" | "!=" | "<" | "<=" | ">" | ">=" ) value
///                | value "in" field | field "in" "[" value { "," value } "]"
///                | field ;                                 (is there, and not false)
///     value      = string | number | "true" | "false" ;
///
/// Fields: id, title, category (the first one), categories, tags, hidden, created_at (seconds
/// since 1970 or an ISO date string), and the item's own properties by their name. Text
/// compares bytewise; comparing different types, or a field the item lacks, is false, with
/// "!=" too. A list is equal to nothing, truth values have no order, and an empty title,
/// category or list is a field the item lacks. Strings stand in double or single quotes with
/// JSON's escapes and \'; numbers are JSON's.
/// Immutable; evaluation allocates nothing and cannot fail.
/// Thread safety: const members from any thread.
class filter {
public:
  /// Parses `text`. Errors: invalid_argument, "filter, column 12: expected a value after
  /// '=='", with a bound on bytes (slates.filter_bytes_max, `bytes_max`), nesting (32) and nodes
  /// (256).
  [[nodiscard]] static result<std::shared_ptr<const filter>> parse(std::string_view text,
                                                                   std::size_t bytes_max = 2048);

  [[nodiscard]] bool matches(const item& what) const noexcept;

  /// The expression in normal form: no needless parentheses, no double "not", dates as
  /// seconds. Parsing it again gives the same filter; it may be a few times longer than what
  /// was parsed (1e15 is written 1000000000000000), so allow for that in `bytes_max`.
  [[nodiscard]] std::string to_string() const;

  ~filter();
  filter(const filter&) = delete;
  filter& operator=(const filter&) = delete;

private:
  struct node;
  explicit filter(std::unique_ptr<const node> root);
  std::unique_ptr<const node> root_;
};

} // namespace troupe::model
