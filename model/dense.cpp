#include "model/dense.hpp"

#include <algorithm>
#include <array>

// Compiled once for each instruction set, as topk.cpp is.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/dense.cpp"
#include <hwy/foreach_target.h> // before highway.h
#include <hwy/highway.h>

#ifndef TROUPE_MODEL_DENSE_ONCE
#define TROUPE_MODEL_DENSE_ONCE

namespace troupe::model::dense {

constexpr std::size_t padding = 16; // outputs of a tile, and what columns are padded to

} // namespace troupe::model::dense

#if defined(__clang__)
#define TROUPE_UNROLL _Pragma("unroll")
#else
#define TROUPE_UNROLL _Pragma("GCC unroll 32")
#endif

#endif // TROUPE_MODEL_DENSE_ONCE

HWY_BEFORE_NAMESPACE();

namespace troupe::model::dense::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// 16 outputs for `Count` inputs: each sum adds its products in order.
template <std::size_t Count>
HWY_INLINE void apply_tile(const float* HWY_RESTRICT columns, const float* HWY_RESTRICT bias,
                           std::size_t padded, const float* HWY_RESTRICT from, std::size_t inputs,
                           std::size_t keep, float* HWY_RESTRICT to, std::size_t outputs) {
  const hn::CappedTag<float, padding> d;
  constexpr std::size_t lanes = hn::MaxLanes(d);
  constexpr std::size_t vectors = padding / lanes;
  hn::Vec<decltype(d)> sums[Count][vectors];
  TROUPE_UNROLL
  for (std::size_t n = 0; n < Count; ++n) {
    TROUPE_UNROLL
    for (std::size_t v = 0; v < vectors; ++v)
      sums[n][v] = hn::LoadU(d, bias + v * lanes);
  }
  for (std::size_t i = 0; i < inputs; ++i) {
    TROUPE_UNROLL
    for (std::size_t v = 0; v < vectors; ++v) {
      const auto weight = hn::LoadU(d, columns + i * padded + v * lanes);
      TROUPE_UNROLL
      for (std::size_t n = 0; n < Count; ++n)
        sums[n][v] = hn::MulAdd(weight, hn::Set(d, from[n * inputs + i]), sums[n][v]);
    }
  }
  alignas(64) std::array<float, padding> plain;
  for (std::size_t n = 0; n < Count; ++n) {
    for (std::size_t v = 0; v < vectors; ++v)
      hn::Store(sums[n][v], d, plain.data() + v * lanes);
    std::copy_n(plain.data(), keep, to + n * outputs);
  }
}

void apply(const float* columns, const float* bias, std::size_t padded, std::size_t inputs,
           std::size_t outputs, const float* from, std::size_t count, float* to) {
  for (std::size_t first = 0; first < outputs; first += padding) {
    const auto keep = std::min(padding, outputs - first);
    std::size_t n = 0;
    for (; n + 4 <= count; n += 4)
      apply_tile<4>(columns + first, bias + first, padded, from + n * inputs, inputs, keep,
                    to + n * outputs + first, outputs);
    for (; n < count; ++n)
      apply_tile<1>(columns + first, bias + first, padded, from + n * inputs, inputs, keep,
                    to + n * outputs + first, outputs);
  }
}

} // namespace troupe::model::dense::HWY_NAMESPACE

HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace troupe::model {

namespace dense {
HWY_EXPORT(apply);

namespace {

void apply_best(const float* columns, const float* bias, std::size_t padded, std::size_t inputs,
                std::size_t outputs, const float* from, std::size_t count, float* to) {
  HWY_DYNAMIC_DISPATCH(apply)(columns, bias, padded, inputs, outputs, from, count, to);
}

} // namespace
} // namespace dense

dense_layer::dense_layer(std::span<const float> weight, std::span<const float> bias)
    : inputs_(weight.size() / bias.size()), outputs_(bias.size()),
      padded_((outputs_ + dense::padding - 1) / dense::padding * dense::padding),
      columns_(inputs_ * padded_), bias_(padded_) {
  for (std::size_t o = 0; o < outputs_; ++o)
    for (std::size_t i = 0; i < inputs_; ++i)
      columns_[i * padded_ + o] = weight[o * inputs_ + i];
  std::copy(bias.begin(), bias.end(), bias_.begin());
}

void dense_layer::apply(const float* from, std::size_t count, float* to) const {
  dense::apply_best(columns_.data(), bias_.data(), padded_, inputs_, outputs_, from, count, to);
}

} // namespace troupe::model

#endif // HWY_ONCE
