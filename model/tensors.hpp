#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

/// Named arrays of numbers, as model snapshots keep them. The learning library's own tensors stop
/// at the files that call it; this is what everybody else sees.
namespace troupe::model {

/// An array of float32 in row-major order.
///
/// Invariant: `values.size()` is the product of `shape`; 1 for a scalar, whose shape is empty, and
/// 0 where one of the dimensions is 0.
struct tensor {
  std::vector<std::size_t> shape; ///< outermost dimension first
  std::vector<float> values;

  friend bool operator==(const tensor&, const tensor&) = default;
};

/// Tensors by name, in byte order of the names.
using tensor_map = std::map<std::string, tensor, std::less<>>;

/// An array of int8, with the invariant of `tensor`. What its numbers stand for is said elsewhere.
struct int8_tensor {
  std::vector<std::size_t> shape;
  std::vector<std::int8_t> values;

  friend bool operator==(const int8_tensor&, const int8_tensor&) = default;
};

using int8_tensor_map = std::map<std::string, int8_tensor, std::less<>>;

} // namespace troupe::model
