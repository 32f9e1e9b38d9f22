#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace troupe::model {

/// y = W x + b for many x at once, in float32, with Google Highway's run-time dispatch. For
/// matrices of an encoder, which fit into the second cache: each weight is read from there once
/// for all x.
class dense_layer {
public:
  dense_layer() = default;

  /// `weight` is row-major, one row an output. REQUIRES: weight.size() is a multiple of
  /// bias.size(), which is not 0.
  dense_layer(std::span<const float> weight, std::span<const float> bias);

  [[nodiscard]] std::size_t inputs() const noexcept { return inputs_; }

  [[nodiscard]] std::size_t outputs() const noexcept { return outputs_; }

  /// One x after another in `from`, one y after another in `to`. Each output adds its inputs in
  /// order, whatever `count` is. REQUIRES: count * inputs() values in, count * outputs() out.
  void apply(const float* from, std::size_t count, float* to) const;

private:
  std::size_t inputs_ = 0;
  std::size_t outputs_ = 0;
  std::vector<float> bias_;  // [outputs], up to a multiple of 16
  std::vector<float> tiles_; // [outputs / 16][inputs][16], zeros where outputs end
};

} // namespace troupe::model
