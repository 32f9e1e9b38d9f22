#include "base/item.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <string_view>

namespace troupe {

namespace {

/// The last millisecond of the year 9999: beyond it ISO 8601 needs a fifth digit.
constexpr std::int64_t created_millis_max = 253'402'300'799'999;

failure invalid(std::string context) {
  return {errc::invalid_argument, std::move(context)};
}

result<void> check_text(std::string_view text, std::size_t bytes_max, std::string_view what) {
  if (text.size() > bytes_max)
    return invalid(
        fmt::format("{} has {} bytes; at most {} are allowed", what, text.size(), bytes_max));
  if (!is_utf8(text))
    return invalid(fmt::format("{} is not valid UTF-8", what));
  return {};
}

result<void> check_labels(const std::vector<std::string>& labels, std::string_view what) {
  if (labels.size() > item_limits::labels_max)
    return invalid(fmt::format("{} has {} entries; at most {} are allowed", what, labels.size(),
                               item_limits::labels_max));
  for (const auto& label : labels) {
    if (label.empty())
      return invalid(fmt::format("{} holds an empty entry", what));
    if (auto ok = check_text(label, item_limits::label_bytes_max, what); !ok)
      return ok;
  }
  return {};
}

bool is_property_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > item_limits::property_name_bytes_max)
    return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool fine = (c >= 'a' && c <= 'z') || c == '_' || (i > 0 && c >= '0' && c <= '9');
    if (!fine)
      return false;
  }
  return true;
}

result<void> check_property(const std::string& name, const property_value& value) {
  if (!is_property_name(name))
    return invalid(fmt::format("property names are [a-z_][a-z0-9_]* of at most {} bytes",
                               item_limits::property_name_bytes_max));
  const auto what = fmt::format("property '{}'", name);
  if (const auto* number = std::get_if<double>(&value); number && !std::isfinite(*number))
    return invalid(fmt::format("{} is not a finite number", what));
  if (const auto* text = std::get_if<std::string>(&value))
    return check_text(*text, item_limits::property_bytes_max, what);
  if (const auto* list = std::get_if<std::vector<std::string>>(&value))
    return check_labels(*list, what);
  return {};
}

result<void> check_vector(const std::vector<float>& vector) {
  if (vector.size() > item_limits::vector_values_max)
    return invalid(fmt::format("vector has {} values; at most {} are allowed", vector.size(),
                               item_limits::vector_values_max));
  bool has_direction = vector.empty();
  for (std::size_t i = 0; i < vector.size(); ++i) {
    if (!std::isfinite(vector[i]))
      return invalid(fmt::format("vector[{}] is not a finite number", i));
    has_direction = has_direction || vector[i] != 0;
  }
  if (!has_direction)
    return invalid("vector is all zeros; leave it out, or give one with a value that is not 0");
  return {};
}

} // namespace

result<void> check_item(const item& what) {
  if (auto ok = check_id(what.id.value, "item_id"); !ok)
    return ok;
  if (auto ok = check_text(what.title, item_limits::title_bytes_max, "title"); !ok)
    return ok;
  if (auto ok = check_labels(what.categories, "categories"); !ok)
    return ok;
  if (auto ok = check_labels(what.tags, "tags"); !ok)
    return ok;
  if (what.properties.size() > item_limits::properties_max)
    return invalid(fmt::format("properties has {} entries; at most {} are allowed",
                               what.properties.size(), item_limits::properties_max));
  for (const auto& [name, value] : what.properties)
    if (auto ok = check_property(name, value); !ok)
      return ok;
  if (auto ok = check_vector(what.vector); !ok)
    return ok;
  if (to_millis(what.created) < 0)
    return invalid("created_at lies before 1970-01-01T00:00:00Z");
  if (to_millis(what.created) > created_millis_max)
    return invalid("created_at lies after 9999-12-31T23:59:59.999Z");
  return {};
}

} // namespace troupe
