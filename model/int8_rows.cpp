#include "model/int8_rows.hpp"

#include "model/item_matrix.hpp"

#include <fmt/format.h>

#include <cmath>
#include <span>
#include <utility>

namespace troupe::model {

namespace {

std::string scales_of(std::string_view name) {
  return fmt::format("{}.scale", name);
}

} // namespace

safetensors quantise_rows(tensor_map from, std::initializer_list<std::string_view> names) {
  safetensors made;
  for (const auto name : names) {
    const auto found = from.find(name);
    if (found == from.end())
      continue;
    const auto& [shape, values] = found->second;
    const auto width = shape[1];
    int8_tensor codes{shape, std::vector<std::int8_t>(values.size())};
    tensor scales{{shape[0]}, {}};
    for (std::size_t row = 0; row < shape[0]; ++row)
      scales.values.push_back(quantise(std::span{values}.subspan(row * width, width),
                                       std::span{codes.values}.subspan(row * width, width)));
    made.int8_tensors.emplace(name, std::move(codes));
    from.erase(found);
    from.insert_or_assign(scales_of(name), std::move(scales));
  }
  made.tensors = std::move(from);
  return made;
}

result<tensor_map> dequantise_rows(safetensors from) {
  auto made = std::move(from.tensors);
  for (const auto& [name, codes] : from.int8_tensors) {
    const auto scales = made.find(scales_of(name));
    if (codes.shape.size() != 2 || scales == made.end()
        || scales->second.shape != std::vector{codes.shape[0]})
      return failure{errc::corrupt_data,
                     fmt::format("the int8 tensor \"{}\" is no matrix with a tensor \"{}\" of one "
                                 "number for each of its rows",
                                 name, scales_of(name))};
    const auto width = codes.shape[1];
    tensor values{codes.shape, std::vector<float>(codes.values.size())};
    for (std::size_t row = 0; row < codes.shape[0]; ++row) {
      const auto scale = scales->second.values[row];
      if (!std::isfinite(scale * 128))
        return failure{errc::corrupt_data,
                       fmt::format("the int8 tensor \"{}\" has the scale {} in row {}, too large "
                                   "for float32",
                                   name, scale, row)};
      for (auto i = row * width; i < (row + 1) * width; ++i)
        values.values[i] = scale * static_cast<float>(codes.values[i]);
    }
    made.erase(scales);
    made.insert_or_assign(name, std::move(values));
  }
  return made;
}

safetensors quantise_items(const tensor_map& weights) {
  return quantise_rows(weights, {"item.id", "label"});
}

std::string write_weights(const tensor_map& weights, vector_storage vectors) {
  if (vectors == vector_storage::float32)
    return write_safetensors(weights, {});
  const auto stored = quantise_items(weights);
  return write_safetensors(stored.tensors, {}, stored.int8_tensors);
}

} // namespace troupe::model
