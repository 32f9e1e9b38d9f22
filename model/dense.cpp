#include "model/dense.hpp"

#include <algorithm>
#include <array>

// Compiled once for each instruction set, as topk_scan.cpp is.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/dense.cpp"
#include <hwy/foreach_target.h> // before highway.h
#include <hwy/highway.h>

#ifndef TROUPE_MODEL_DENSE_ONCE
#define TROUPE_MODEL_DENSE_ONCE

namespace troupe::model::dense {

constexpr std::size_t tile_size = 16; // outputs of a tile

/// A layer as the kernels see it.
struct layer {
  const float* tiles; // [outputs / 16, up][inputs][16]
  const float* bias;  // padded as the outputs are
  std::size_t inputs;
  std::size_t outputs;
};

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

constexpr std::size_t tile_vectors = tile_size / hn::MaxLanes(hn::CappedTag<float, tile_size>());
/// Eight sums at a time hide the latency of adding: of several x, or of several tiles for one.
constexpr std::size_t together = std::clamp<std::size_t>(8 / tile_vectors, 2, 8);

/// `Tiles` tiles of outputs for `Count` inputs: each sum adds its products in order.
template <std::size_t Count, std::size_t Tiles>
HWY_INLINE void apply_tiles(const layer& by, std::size_t first, const float* HWY_RESTRICT from,
                            float* HWY_RESTRICT to) {
  const hn::CappedTag<float, tile_size> d;
  constexpr std::size_t lanes = hn::MaxLanes(d);
  constexpr std::size_t vectors = Tiles * tile_vectors;
  const std::size_t stride = by.inputs * tile_size; // from a tile to the next
  const float* HWY_RESTRICT tiles = by.tiles + first * by.inputs;
  hn::Vec<decltype(d)> sums[Count][vectors];
  TROUPE_UNROLL
  for (std::size_t n = 0; n < Count; ++n) {
    TROUPE_UNROLL
    for (std::size_t v = 0; v < vectors; ++v)
      sums[n][v] = hn::LoadU(d, by.bias + first + v * lanes);
  }
  for (std::size_t i = 0; i < by.inputs; ++i) {
    TROUPE_UNROLL
    for (std::size_t v = 0; v < vectors; ++v) {
      const auto weight = hn::LoadU(d, tiles + v / tile_vectors * stride + i * tile_size
                                           + v % tile_vectors * lanes);
      TROUPE_UNROLL
      for (std::size_t n = 0; n < Count; ++n)
        sums[n][v] = hn::MulAdd(weight, hn::Set(d, from[n * by.inputs + i]), sums[n][v]);
    }
  }
  TROUPE_UNROLL
  for (std::size_t n = 0; n < Count; ++n) {
    if (first + Tiles * tile_size <= by.outputs) {
      TROUPE_UNROLL
      for (std::size_t v = 0; v < vectors; ++v)
        hn::StoreU(sums[n][v], d, to + n * by.outputs + first + v * lanes);
    } else { // the last tile has places left over
      alignas(64) std::array<float, Tiles * tile_size> plain;
      TROUPE_UNROLL
      for (std::size_t v = 0; v < vectors; ++v)
        hn::Store(sums[n][v], d, plain.data() + v * lanes);
      std::copy_n(plain.data(), by.outputs - first, to + n * by.outputs + first);
    }
  }
}

/// All outputs of one x.
HWY_INLINE void apply_one(const layer& by, const float* from, float* to) {
  std::size_t first = 0;
  for (; first + together * tile_size <= by.outputs; first += together * tile_size)
    apply_tiles<1, together>(by, first, from, to);
  for (; first < by.outputs; first += tile_size)
    apply_tiles<1, 1>(by, first, from, to);
}

void apply(const layer& by, const float* from, std::size_t count, float* to) {
  const auto grouped = count / together * together;
  // A tile stays in the first cache while all x pass over it.
  for (std::size_t first = 0; first < by.outputs && grouped > 0; first += tile_size)
    for (std::size_t n = 0; n < grouped; n += together)
      apply_tiles<together, 1>(by, first, from + n * by.inputs, to + n * by.outputs);
  for (std::size_t n = grouped; n < count; ++n)
    apply_one(by, from + n * by.inputs, to + n * by.outputs);
}

} // namespace troupe::model::dense::HWY_NAMESPACE

HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace troupe::model {

namespace dense {
HWY_EXPORT(apply);

namespace {

void apply_best(const layer& by, const float* from, std::size_t count, float* to) {
  HWY_DYNAMIC_DISPATCH(apply)(by, from, count, to);
}

} // namespace
} // namespace dense

dense_layer::dense_layer(std::span<const float> weight, std::span<const float> bias)
    : inputs_(weight.size() / bias.size()), outputs_(bias.size()),
      bias_((outputs_ + dense::tile_size - 1) / dense::tile_size * dense::tile_size),
      tiles_(inputs_ * bias_.size()) {
  using dense::tile_size;
  for (std::size_t o = 0; o < outputs_; ++o)
    for (std::size_t i = 0; i < inputs_; ++i)
      tiles_[o / tile_size * tile_size * inputs_ + i * tile_size + o % tile_size] =
          weight[o * inputs_ + i];
  std::copy(bias.begin(), bias.end(), bias_.begin());
}

void dense_layer::apply(const float* from, std::size_t count, float* to) const {
  dense::apply_best({tiles_.data(), bias_.data(), inputs_, outputs_}, from, count, to);
}

} // namespace troupe::model

#endif // HWY_ONCE
