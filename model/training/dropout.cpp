#include "model/training/dropout.hpp"

#include <cmath>

namespace troupe::model::training {

namespace {

constexpr double ways = 65536; // of 16 bits

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) of a counter.
std::uint64_t mixed(std::uint64_t value) {
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31U);
}

} // namespace

dropout::dropout(double share)
    : kept_below_(static_cast<std::uint32_t>(std::lround((1 - share) * ways))),
      scale_(static_cast<float>(ways / kept_below_)) {}

void dropout::begin(std::uint64_t seed) {
  is_on_ = kept_below_ < static_cast<std::uint32_t>(ways);
  counter_ = mixed(seed);
}

torch::Tensor dropout::apply(const torch::Tensor& to) {
  if (!is_on_)
    return to;
  auto mask = torch::empty(to.sizes());
  auto* values = mask.data_ptr<float>();
  const auto count = mask.numel();
  for (std::int64_t i = 0; i < count; i += 4) {
    const auto bits = mixed(counter_ += 0x9e3779b97f4a7c15ULL);
    for (std::int64_t k = 0; k < 4 && i + k < count; ++k) {
      const auto drawn =
          static_cast<std::uint32_t>(bits >> (16 * static_cast<unsigned>(k))) & 0xffffU;
      values[i + k] = drawn < kept_below_ ? scale_ : 0;
    }
  }
  return to * mask;
}

} // namespace troupe::model::training
