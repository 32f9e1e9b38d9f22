#pragma once

#include "model/safetensors.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

/// The header of a safetensors file. For safetensors.cpp.
namespace troupe::model {

/// Types of values that are read.
enum class safetensors_dtype : std::uint8_t { f32, i8 };

[[nodiscard]] constexpr std::size_t bytes_of(safetensors_dtype which) noexcept {
  return which == safetensors_dtype::i8 ? 1 : 4;
}

/// What the header says of one tensor; not yet that it is true of the data.
struct safetensors_entry {
  safetensors_dtype dtype = safetensors_dtype::f32;
  std::vector<std::size_t> shape;
  std::uint64_t begin = 0; ///< bytes of the data
  std::uint64_t end = 0;   ///< the byte after
};

struct safetensors_header {
  std::map<std::string, safetensors_entry, std::less<>> entries;
  safetensors_metadata metadata;
};

/// Reads the JSON of a header, without its padding: names, types, limits, nothing twice, nothing
/// unknown. What the numbers mean for the data is the caller's to check.
/// Errors: as read_safetensors.
[[nodiscard]] result<safetensors_header> read_safetensors_header(std::string_view text,
                                                                 const safetensors_limits& limits);

} // namespace troupe::model
