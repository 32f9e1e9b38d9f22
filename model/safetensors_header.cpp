#include "model/safetensors_header.hpp"

#include "model/safetensors_rules.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <utility>

namespace troupe::model {

namespace {

using safetensors_rules::check_metadata;
using safetensors_rules::check_name;
using safetensors_rules::check_rank;
using safetensors_rules::metadata_key;
using safetensors_rules::printable;
using safetensors_rules::refuse;

using simdjson::dom::element;
using entry = safetensors_entry;

constexpr std::size_t levels_max = 3; // header, tensor, shape

std::string shown(element value) {
  return printable(simdjson::minify(value));
}

result<std::uint64_t> read_whole(element value, std::string_view name, std::string_view field,
                                 std::size_t index) {
  std::uint64_t number = 0;
  if (value.get(number) != simdjson::SUCCESS)
    return refuse(errc::corrupt_data,
                  "tensor \"{}\": {}[{}]: expected a whole number from 0, found {}",
                  printable(name), field, index, shown(value));
  return number;
}

result<void> read_dtype(element value, std::string_view name, entry& into) {
  std::string_view dtype;
  if (value.get(dtype) != simdjson::SUCCESS)
    return refuse(errc::corrupt_data, "tensor \"{}\": dtype: expected \"F32\" or \"I8\", found {}",
                  printable(name), shown(value));
  if (dtype != "F32" && dtype != "I8")
    return refuse(errc::unsupported_format,
                  "tensor \"{}\": the dtype is \"{}\", this program reads \"F32\" and \"I8\"; "
                  "convert it",
                  printable(name), printable(dtype));
  into.dtype = dtype == "I8" ? safetensors_dtype::i8 : safetensors_dtype::f32;
  return {};
}

result<std::vector<std::size_t>> read_shape(element value, std::string_view name,
                                            const safetensors_limits& limits) {
  simdjson::dom::array sizes;
  if (value.get(sizes) != simdjson::SUCCESS)
    return refuse(errc::corrupt_data, "tensor \"{}\": shape: expected an array, found {}",
                  printable(name), shown(value));
  if (auto fine = check_rank(name, sizes.size(), limits); !fine)
    return fine.error();
  std::vector<std::size_t> shape;
  for (const auto each : sizes) {
    const auto size = read_whole(each, name, "shape", shape.size());
    if (!size)
      return size.error();
    shape.push_back(*size);
  }
  return shape;
}

result<void> read_offsets(element value, std::string_view name, entry& into) {
  simdjson::dom::array offsets;
  if (value.get(offsets) != simdjson::SUCCESS || offsets.size() != 2)
    return refuse(errc::corrupt_data,
                  "tensor \"{}\": data_offsets: expected [begin, end], found {}", printable(name),
                  shown(value));
  const auto begin = read_whole(offsets.at(0).value_unsafe(), name, "data_offsets", 0);
  if (!begin)
    return begin.error();
  const auto end = read_whole(offsets.at(1).value_unsafe(), name, "data_offsets", 1);
  if (!end)
    return end.error();
  into.begin = *begin;
  into.end = *end;
  return {};
}

result<void> read_field(std::string_view key, element value, std::string_view name,
                        const safetensors_limits& limits, entry& into) {
  if (key == "dtype")
    return read_dtype(value, name, into);
  if (key == "data_offsets")
    return read_offsets(value, name, into);
  auto shape = read_shape(value, name, limits);
  if (!shape)
    return shape.error();
  into.shape = std::move(*shape);
  return {};
}

result<entry> read_entry(element value, std::string_view name, const safetensors_limits& limits) {
  static constexpr std::array<std::string_view, 3> keys{"dtype", "shape", "data_offsets"};
  simdjson::dom::object fields;
  if (value.get(fields) != simdjson::SUCCESS)
    return refuse(errc::corrupt_data, "tensor \"{}\": expected an object, found {}",
                  printable(name), shown(value));
  entry out;
  std::array<bool, keys.size()> seen{};
  for (const auto field : fields) {
    const auto known = std::find(keys.begin(), keys.end(), field.key);
    if (known == keys.end())
      return refuse(errc::corrupt_data, "tensor \"{}\": \"{}\" is none of {}", printable(name),
                    printable(field.key), fmt::join(keys, ", "));
    if (std::exchange(seen[static_cast<std::size_t>(known - keys.begin())], true))
      return refuse(errc::corrupt_data, "tensor \"{}\": {} is given twice", printable(name),
                    field.key);
    if (auto read = read_field(field.key, field.value, name, limits, out); !read)
      return read.error();
  }
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (!seen[i])
      return refuse(errc::corrupt_data, "tensor \"{}\": {} is missing", printable(name), keys[i]);
  return out;
}

result<safetensors_metadata> read_metadata(element value, const safetensors_limits& limits) {
  simdjson::dom::object fields;
  if (value.get(fields) != simdjson::SUCCESS)
    return refuse(errc::corrupt_data, "{}: expected an object of strings, found {}", metadata_key,
                  shown(value));
  safetensors_metadata out;
  for (const auto field : fields) {
    std::string_view text;
    if (field.value.get(text) != simdjson::SUCCESS)
      return refuse(errc::corrupt_data, "{} \"{}\": expected a string, found {}", metadata_key,
                    printable(field.key), shown(field.value));
    if (!out.emplace(field.key, text).second)
      return refuse(errc::corrupt_data, "{} \"{}\" is given twice", metadata_key,
                    printable(field.key));
    if (out.size() > limits.metadata_max)
      return refuse(errc::too_large, "{} has more than {} entries", metadata_key,
                    limits.metadata_max);
  }
  if (auto fine = check_metadata(out, limits); !fine)
    return fine.error();
  return out;
}

} // namespace

result<safetensors_header> read_safetensors_header(std::string_view text,
                                                   const safetensors_limits& limits) {
  simdjson::dom::parser parser;
  // It counts one level more, and needs room for the shortest text, too.
  const auto capacity = std::max<std::size_t>(text.size(), 64);
  if (parser.allocate(capacity, levels_max + 1) != simdjson::SUCCESS)
    return failure{errc::overloaded, "safetensors: no memory to read the header"};
  element root;
  simdjson::dom::object fields;
  const auto error = parser.parse(text.data(), text.size(), true).get(root);
  if (error == simdjson::DEPTH_ERROR)
    return refuse(errc::corrupt_data, "the header is nested deeper than {} levels", levels_max);
  if (error != simdjson::SUCCESS)
    return refuse(errc::corrupt_data, "the header is not JSON: {}", simdjson::error_message(error));
  if (root.get(fields) != simdjson::SUCCESS)
    return refuse(errc::corrupt_data, "the header is not a JSON object");
  safetensors_header out;
  bool described = false;
  for (const auto field : fields) {
    if (field.key == metadata_key) {
      if (std::exchange(described, true))
        return refuse(errc::corrupt_data, "{} is given twice", metadata_key);
      auto metadata = read_metadata(field.value, limits);
      if (!metadata)
        return metadata.error();
      out.metadata = std::move(*metadata);
      continue;
    }
    if (auto fine = check_name(field.key, "tensor", limits.name_bytes_max); !fine)
      return fine.error();
    auto read = read_entry(field.value, field.key, limits);
    if (!read)
      return read.error();
    if (!out.entries.emplace(field.key, std::move(*read)).second)
      return refuse(errc::corrupt_data, "tensor \"{}\" is given twice", printable(field.key));
    if (out.entries.size() > limits.tensors_max)
      return refuse(errc::too_large, "more than {} tensors", limits.tensors_max);
  }
  return out;
}

} // namespace troupe::model
