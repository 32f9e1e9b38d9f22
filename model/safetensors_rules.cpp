#include "model/safetensors_rules.hpp"

#include "base/ids.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace troupe::model::safetensors_rules {

namespace {

constexpr std::size_t quoted_bytes_max = 64; // of a text from the file, in an error

/// The place of a value, outermost dimension first.
std::vector<std::size_t> place_of(std::size_t index, const std::vector<std::size_t>& shape) {
  std::vector<std::size_t> place(shape.size());
  for (auto i = shape.size(); i-- > 0;) {
    place[i] = index % shape[i];
    index /= shape[i];
  }
  return place;
}

} // namespace

std::string printable(std::string_view text) {
  if (!is_utf8(text))
    return "(not UTF-8)";
  const bool cut = text.size() > quoted_bytes_max;
  if (cut) {
    auto end = quoted_bytes_max;
    while ((static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U)
      --end;
    text = text.substr(0, end);
  }
  std::string out{text};
  std::replace_if(
      out.begin(), out.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return cut ? out + "..." : out;
}

std::optional<std::size_t> count_of(const std::vector<std::size_t>& shape) {
  constexpr auto most = std::numeric_limits<std::size_t>::max() / sizeof(float);
  std::size_t count = 1;
  for (const auto size : shape) {
    if (size != 0 && count > most / size)
      return std::nullopt;
    count *= size;
  }
  return count;
}

result<void> check_name(std::string_view name, std::string_view of, std::size_t bytes_max) {
  if (name.empty())
    return refuse(errc::corrupt_data, "a {} has an empty name; expected 1 to {} bytes", of,
                  bytes_max);
  if (name.size() > bytes_max)
    return refuse(errc::too_large, "the name of {} \"{}\" has {} bytes, the limit is {}", of,
                  printable(name), name.size(), bytes_max);
  if (!is_utf8(name))
    return refuse(errc::corrupt_data, "the name of a {} is not UTF-8", of);
  return {};
}

result<void> check_rank(std::string_view name, std::size_t rank, const safetensors_limits& limits) {
  if (rank > limits.rank_max)
    return refuse(errc::too_large, "tensor \"{}\": its shape has {} dimensions, the limit is {}",
                  printable(name), rank, limits.rank_max);
  return {};
}

result<void> check_metadata(const safetensors_metadata& metadata,
                            const safetensors_limits& limits) {
  if (metadata.size() > limits.metadata_max)
    return refuse(errc::too_large, "{} entries of metadata, the limit is {}", metadata.size(),
                  limits.metadata_max);
  for (const auto& [key, value] : metadata) {
    if (auto fine = check_name(key, "metadata entry", limits.name_bytes_max); !fine)
      return fine;
    if (!is_utf8(value))
      return refuse(errc::corrupt_data, "the metadata entry \"{}\" is not UTF-8", printable(key));
  }
  return {};
}

result<void> check_finite(std::string_view name, const tensor& what) {
  const auto at = std::find_if(what.values.begin(), what.values.end(),
                               [](float value) { return !std::isfinite(value); });
  if (at == what.values.end())
    return {};
  const auto index = static_cast<std::size_t>(at - what.values.begin());
  return refuse(errc::corrupt_data,
                "tensor \"{}\": the value at [{}] (number {} of {}) is {}; expected finite numbers",
                printable(name), fmt::join(place_of(index, what.shape), ", "), index,
                what.values.size(), *at);
}

} // namespace troupe::model::safetensors_rules
