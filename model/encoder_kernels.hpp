#pragma once

#include <cstddef>
#include <span>

/// What encoders do beside their dense layers, with Google Highway's run-time dispatch. Rows stand
/// one after another; what becomes of a row is the same bit for bit wherever it stands.
namespace troupe::model::kernels {

/// Layer normalisation (Ba, Kiros and Hinton, 2016) of `count` rows of weight.size() values, with
/// the epsilon that LibTorch has. `to` may be `from`. REQUIRES: bias.size() == weight.size().
void normalise(std::span<const float> weight, std::span<const float> bias, const float* from,
               std::size_t count, float* to);

/// values[i] *= silu(gates[i]), silu(x) = x / (1 + exp(-x)). REQUIRES: sizes are equal.
void multiply_silu(std::span<const float> gates, std::span<float> values);

/// x = x + change + skip * normed, for `count` rows of skip.size() values.
void add_skipping(std::span<const float> skip, const float* change, const float* normed,
                  std::size_t count, float* x);

/// x[i] += change[i]. REQUIRES: sizes are equal.
void add(std::span<const float> change, std::span<float> x);

/// One step of a linear recurrence in complex numbers: state = decay * state + in; then in = state.
/// Real parts come first, then imaginary ones: `decay`, `state` and `in` have 2s values each.
void recur(std::span<const float> decay, float* state, float* in);

/// to = (a + b + c) * scale; `c` may be empty. REQUIRES: a.size() == b.size(), c.size() is that
/// or 0.
void add_scaled(std::span<const float> a, std::span<const float> b, std::span<const float> c,
                float scale, float* to);

} // namespace troupe::model::kernels
