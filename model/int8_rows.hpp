#pragma once

#include "base/error.hpp"
#include "model/safetensors.hpp"
#include "model/tensors.hpp"

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

/// Item vectors in int8, as a snapshot may keep them: a quarter of the bytes.
namespace troupe::model {

/// Moves the named matrices to int8 tensors of the same names, row by row symmetric: a value is
/// scale * code with codes from -127 to 127, so it is off by half a scale at most, which is 1/254
/// of the largest value of its row. The scales are the float32 tensor `<name>.scale` [rows]. Names
/// that `from` does not have are passed over.
/// REQUIRES: those it has are matrices of finite values.
[[nodiscard]] safetensors quantise_rows(tensor_map from,
                                        std::initializer_list<std::string_view> names);

/// The float32 tensors that are meant, without any scales: as quantise_rows was given them, but
/// for the rounding.
/// Errors: corrupt_data (an int8 tensor that is no matrix or has no scales, one for each row; a
/// scale whose products are not finite), naming the tensor.
[[nodiscard]] result<tensor_map> dequantise_rows(safetensors from);

/// The weights of an encoder with its items' and labels' vectors in int8.
[[nodiscard]] safetensors quantise_items(const tensor_map& weights);

/// How a snapshot keeps the vectors of items and labels.
enum class vector_storage : std::uint8_t {
  float32,
  int8, ///< quantise_items; older programs refuse such a snapshot
};

/// The weights' file of a snapshot; dequantise_rows of read_safetensors reads it.
/// REQUIRES: check_safetensors of the weights has a value.
[[nodiscard]] std::string write_weights(const tensor_map& weights, vector_storage vectors);

} // namespace troupe::model
