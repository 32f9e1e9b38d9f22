#pragma once

#include <torch/types.h>

#include <cstdint>

namespace troupe::model::training {

/// Dropout (Srivastava et al., JMLR 2014) with a generator of its own: LibTorch's draws one number
/// at a time, which costs a tenth of a step.
class dropout {
public:
  /// `share` of the values becomes 0, to the nearest 65536th; the others grow to make up for it.
  explicit dropout(double share);

  /// From here on drops, by this seed.
  void begin(std::uint64_t seed);

  /// From here on drops nothing.
  void end() { is_on_ = false; }

  [[nodiscard]] torch::Tensor apply(const torch::Tensor& to);

private:
  std::uint32_t kept_below_; // of 65536
  float scale_;
  bool is_on_ = false;
  std::uint64_t counter_ = 0;
};

} // namespace troupe::model::training
