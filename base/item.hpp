#pragma once

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/ids.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace troupe {

/// Limits every item from outside is held to.
struct item_limits {
  static constexpr std::size_t title_bytes_max = 1024;
  static constexpr std::size_t labels_max = 64;       ///< categories, and tags, each
  static constexpr std::size_t label_bytes_max = 128; ///< one category or tag
  static constexpr std::size_t properties_max = 64;
  static constexpr std::size_t property_name_bytes_max = 64;
  static constexpr std::size_t property_bytes_max = 4096; ///< a text value
  static constexpr std::size_t vector_values_max = 4096;
};

/// A value of a caller's own item field.
using property_value = std::variant<bool, double, std::string, std::vector<std::string>>;

/// One thing that can be recommended.
struct item {
  item_id id;
  std::string title;
  std::vector<std::string> categories; ///< ordered; the first is the main one
  std::vector<std::string> tags;
  std::map<std::string, property_value> properties; ///< name: [a-z_][a-z0-9_]*
  bool hidden = false;                              ///< kept and learnt from, but in no slate
  timestamp created{};                              ///< when it became available; decides novelty
  timestamp updated{};                              ///< the server's clock at the last change
  /// The caller's own, of any size and scale, e.g. an embedding of its text; empty: none. A record
  /// is held in memory as long as its item is in the catalogue, 4 bytes a value.
  std::vector<float> vector;

  friend bool operator==(const item&, const item&) = default;
};

using item_ptr = std::shared_ptr<const item>;

/// Checks id, sizes, counts, names, UTF-8 and finiteness against the limits, and that a vector is
/// not all zeros, which point nowhere.
[[nodiscard]] result<void> check_item(const item& what);

} // namespace troupe
