#pragma once

#include "model/safetensors.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What reading and writing safetensors hold names, shapes and values to. For safetensors*.cpp.
namespace troupe::model::safetensors_rules {

inline constexpr std::string_view metadata_key = "__metadata__";

/// A failure of this format, with `text` formatted.
template <class... Args>
failure refuse(errc code, fmt::format_string<Args...> text, Args&&... args) {
  return {code, "safetensors: " + fmt::format(text, std::forward<Args>(args)...)};
}

/// The beginning of a text from outside, fit for one line of a log.
[[nodiscard]] std::string printable(std::string_view text);

/// The number of values of a shape; nothing where their bytes cannot be counted.
[[nodiscard]] std::optional<std::size_t> count_of(const std::vector<std::size_t>& shape);

/// 1 to `bytes_max` bytes of UTF-8; `of` says what is named. Errors: corrupt_data, too_large.
[[nodiscard]] result<void> check_name(std::string_view name, std::string_view of,
                                      std::size_t bytes_max);

/// The number of dimensions. Error: too_large.
[[nodiscard]] result<void> check_rank(std::string_view name, std::size_t rank,
                                      const safetensors_limits& limits);

/// Number, names and texts of the entries. Errors: corrupt_data, too_large.
[[nodiscard]] result<void> check_metadata(const safetensors_metadata& metadata,
                                          const safetensors_limits& limits);

/// No NaN, no infinity. Error: corrupt_data, with the place.
/// REQUIRES: the values fill the shape.
[[nodiscard]] result<void> check_finite(std::string_view name, const tensor& what);

} // namespace troupe::model::safetensors_rules
