#pragma once

#include "model/tensors.hpp"

#include <torch/types.h>

#include <cstddef>
#include <cstdint>

namespace troupe::model::training {

/// A size as LibTorch counts it.
inline std::int64_t size_of(std::size_t size) {
  return static_cast<std::int64_t>(size);
}

/// The values of a tensor of LibTorch's, as everybody else sees them.
inline tensor copy_of(const torch::Tensor& from) {
  const auto values = from.detach().contiguous();
  tensor made;
  for (const auto size : values.sizes())
    made.shape.push_back(static_cast<std::size_t>(size));
  made.values.assign(values.data_ptr<float>(), values.data_ptr<float>() + values.numel());
  return made;
}

} // namespace troupe::model::training
