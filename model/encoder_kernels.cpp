#include "model/encoder_kernels.hpp"

#include <algorithm>
#include <array>
#include <cmath>

// Compiled once for each instruction set, as topk_scan.cpp is.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/encoder_kernels.cpp"
#include <hwy/foreach_target.h> // before highway.h
#include <hwy/highway.h>
// after highway.h
#include <hwy/contrib/math/math-inl.h>

HWY_BEFORE_NAMESPACE();

namespace troupe::model::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using tag = hn::CappedTag<float, 16>;
using vector = hn::Vec<tag>;
constexpr std::size_t lanes = hn::MaxLanes(tag());

/// Runs `work` on the vectors that hold values [0, size), the last one filled up with zeros: so
/// that every value goes through the same instructions. `work(load, store)` takes functions of a
/// pointer to the first value.
template <class Work>
HWY_INLINE void for_vectors(std::size_t size, const Work& work) {
  const tag d;
  std::size_t i = 0;
  for (; i + lanes <= size; i += lanes)
    work([d, i](const float* from) HWY_ATTR { return hn::LoadU(d, from + i); },
         [d, i](vector what, float* to) HWY_ATTR { hn::StoreU(what, d, to + i); });
  if (const auto left = size - i; left > 0)
    work(
        [d, i, left](const float* from) HWY_ATTR {
          alignas(64) std::array<float, lanes> padded{};
          for (std::size_t j = 0; j < left; ++j)
            padded[j] = from[i + j];
          return hn::Load(d, padded.data());
        },
        [d, i, left](vector what, float* to) HWY_ATTR {
          alignas(64) std::array<float, lanes> padded;
          hn::Store(what, d, padded.data());
          for (std::size_t j = 0; j < left; ++j)
            to[i + j] = padded[j];
        });
}

void normalise(const float* weight, const float* bias, std::size_t size, const float* from,
               std::size_t count, float* to) {
  const tag d;
  const auto share = 1 / static_cast<float>(size);
  const auto whole = size / lanes * lanes;
  for (; count > 0; --count, from += size, to += size) {
    auto sums = hn::Zero(d);
    for_vectors(size, [&](auto load, auto) HWY_ATTR { sums = hn::Add(sums, load(from)); });
    const auto mean = hn::GetLane(hn::SumOfLanes(d, sums)) * share;
    const auto means = hn::Set(d, mean);
    auto squares = hn::Zero(d);
    for (std::size_t i = 0; i < whole; i += lanes) {
      const auto off = hn::Sub(hn::LoadU(d, from + i), means);
      squares = hn::MulAdd(off, off, squares);
    }
    auto square = hn::GetLane(hn::SumOfLanes(d, squares));
    for (auto i = whole; i < size; ++i)
      square += (from[i] - mean) * (from[i] - mean);
    const auto scale = hn::Set(d, 1 / std::sqrt(square * share + 1e-5F));
    for_vectors(size, [&](auto load, auto store) HWY_ATTR {
      const auto unit = hn::Mul(hn::Sub(load(from), means), scale);
      store(hn::MulAdd(unit, load(weight), load(bias)), to);
    });
  }
}

void multiply_silu(const float* gates, std::size_t size, float* values) {
  const tag d;
  const auto one = hn::Set(d, 1.0F);
  for_vectors(size, [&](auto load, auto store) HWY_ATTR {
    const auto gate = load(gates);
    // Beyond 88 exp overflows; at 80 the sigmoid is as near to 0 or 1 as makes no difference.
    const auto bounded = hn::Max(hn::Neg(hn::Set(d, 80.0F)), hn::Min(gate, hn::Set(d, 80.0F)));
    const auto sigmoid = hn::Div(one, hn::Add(one, hn::Exp(d, hn::Neg(bounded))));
    store(hn::Mul(load(values), hn::Mul(gate, sigmoid)), values);
  });
}

void add_skipping(const float* skip, std::size_t size, const float* change, const float* normed,
                  std::size_t count, float* x) {
  for (; count > 0; --count, change += size, normed += size, x += size)
    for_vectors(size, [&](auto load, auto store) HWY_ATTR {
      store(hn::Add(load(x), hn::MulAdd(load(skip), load(normed), load(change))), x);
    });
}

void add(const float* change, std::size_t size, float* x) {
  for_vectors(size,
              [&](auto load, auto store) HWY_ATTR { store(hn::Add(load(x), load(change)), x); });
}

void recur(const float* decay, std::size_t states, float* state, float* in) {
  for_vectors(states, [&](auto load, auto store) HWY_ATTR {
    const auto decay_real = load(decay);
    const auto decay_imaginary = load(decay + states);
    const auto real = load(state);
    const auto imaginary = load(state + states);
    const auto now_real =
        hn::NegMulAdd(decay_imaginary, imaginary, hn::MulAdd(decay_real, real, load(in)));
    const auto now_imaginary =
        hn::MulAdd(decay_imaginary, real, hn::MulAdd(decay_real, imaginary, load(in + states)));
    store(now_real, state);
    store(now_imaginary, state + states);
    store(now_real, in);
    store(now_imaginary, in + states);
  });
}

void add_scaled(const float* a, const float* b, const float* c, std::size_t size, float scale,
                float* to) {
  const tag d;
  const auto times = hn::Set(d, scale);
  if (c == nullptr)
    for_vectors(size, [&](auto load, auto store)
                          HWY_ATTR { store(hn::Mul(hn::Add(load(a), load(b)), times), to); });
  else
    for_vectors(size, [&](auto load, auto store) HWY_ATTR {
      store(hn::Mul(hn::Add(hn::Add(load(a), load(b)), load(c)), times), to);
    });
}

} // namespace troupe::model::kernels::HWY_NAMESPACE

HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace troupe::model::kernels {

namespace {

HWY_EXPORT(normalise);
HWY_EXPORT(multiply_silu);
HWY_EXPORT(add_skipping);
HWY_EXPORT(add);
HWY_EXPORT(recur);
HWY_EXPORT(add_scaled);

} // namespace

void normalise(std::span<const float> weight, std::span<const float> bias, const float* from,
               std::size_t count, float* to) {
  HWY_DYNAMIC_DISPATCH(normalise)(weight.data(), bias.data(), weight.size(), from, count, to);
}

void multiply_silu(std::span<const float> gates, std::span<float> values) {
  HWY_DYNAMIC_DISPATCH(multiply_silu)(gates.data(), gates.size(), values.data());
}

void add_skipping(std::span<const float> skip, const float* change, const float* normed,
                  std::size_t count, float* x) {
  HWY_DYNAMIC_DISPATCH(add_skipping)(skip.data(), skip.size(), change, normed, count, x);
}

void add(std::span<const float> change, std::span<float> x) {
  HWY_DYNAMIC_DISPATCH(add)(change.data(), change.size(), x.data());
}

void recur(std::span<const float> decay, float* state, float* in) {
  HWY_DYNAMIC_DISPATCH(recur)(decay.data(), decay.size() / 2, state, in);
}

void add_scaled(std::span<const float> a, std::span<const float> b, std::span<const float> c,
                float scale, float* to) {
  HWY_DYNAMIC_DISPATCH(add_scaled)
  (a.data(), b.data(), c.empty() ? nullptr : c.data(), a.size(), scale, to);
}

} // namespace troupe::model::kernels

#endif // HWY_ONCE
