#pragma once

#include "base/error.hpp"
#include "model/tensors.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

/// Weights as bytes, in the public safetensors format
/// (https://github.com/huggingface/safetensors, "Format"): the length of the header in 8 bytes,
/// little-endian; the header, a JSON object padded with spaces,
///
///     {"__metadata__": {"key": "value"}, "name": {"dtype": "F32", "shape": [2, 3],
///      "data_offsets": [0, 24]}}
///
/// then the values, each tensor's where its offsets say, counted from the end of the header. There
/// is no code in it, so nothing in such a file can do more than be refused.
///
/// All functions are pure; any thread may call them.
namespace troupe::model {

/// What a file may hold at most.
struct safetensors_limits {
  std::uint64_t bytes_max = std::uint64_t{4} << 30; ///< the whole file
  std::size_t header_bytes_max = std::size_t{1} << 20;
  std::size_t tensors_max = 4096;
  std::size_t name_bytes_max = 256; ///< of a tensor, and of a key of the metadata
  std::size_t rank_max = 8;         ///< dimensions of a shape
  std::size_t metadata_max = 256;   ///< entries
};

/// A text for each key, kept beside the tensors.
using safetensors_metadata = std::map<std::string, std::string>;

/// What a file holds.
struct safetensors {
  tensor_map tensors; ///< dtype F32
  safetensors_metadata metadata;
  int8_tensor_map int8_tensors; ///< dtype I8
};

/// The file of these tensors, those of float32 first, each kind in byte order of its names: what
/// the format's own library writes for them, byte for byte (it leaves the order of several metadata
/// entries open; here they are sorted). REQUIRES: check_safetensors of the same has a value.
[[nodiscard]] std::string write_safetensors(const tensor_map& tensors,
                                            const safetensors_metadata& metadata,
                                            const int8_tensor_map& int8_tensors = {});

/// Whether what `write_safetensors` makes of these can be read with `limits`: asked before a
/// snapshot is published, because a training that diverged leaves NaN in the weights.
/// Errors: invalid_argument (a name or text that is empty or not UTF-8, a name that both kinds of
/// tensors have, a shape that does not fit the values, a value that is not finite), too_large. They
/// name the tensor and the place.
[[nodiscard]] result<void> check_safetensors(const tensor_map& tensors,
                                             const safetensors_metadata& metadata,
                                             const safetensors_limits& limits = {},
                                             const int8_tensor_map& int8_tensors = {});

/// Reads a file from anywhere, float32 and int8 only. Nothing is believed: before values are
/// copied, it is known that every tensor has the bytes its shape needs and that the tensors fill
/// the data without hole or overlap, so memory is bounded by the bytes given. Stricter than the
/// format's own library, which takes values that are not finite, names of any length and unknown
/// fields. Errors: corrupt_data (not such a file, or one that contradicts itself), too_large (a
/// limit), unsupported_format (another dtype). They say what is wrong and where in a short text in
/// UTF-8.
[[nodiscard]] result<safetensors> read_safetensors(std::string_view bytes,
                                                   const safetensors_limits& limits = {});

} // namespace troupe::model
