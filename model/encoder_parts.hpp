#pragma once

#include "base/error.hpp"
#include "model/dense.hpp"
#include "model/encoder_kernels.hpp"
#include "model/tensors.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// What the encoders are put together from where they serve: both have it.
namespace troupe::model {

/// Layer normalisation (Ba, Kiros and Hinton, 2016).
struct layer_norm {
  std::vector<float> weight;
  std::vector<float> bias;

  /// `count` rows; `to` may be `from`.
  void apply(const float* from, std::size_t count, float* to) const {
    kernels::normalise(weight, bias, from, count, to);
  }
};

/// The gated feed-forward half of a block: x + down(silu(gate(norm x)) * up(norm x)).
struct gated_feed_forward {
  layer_norm norm;
  dense_layer gate;
  dense_layer up;
  dense_layer down;

  /// Changes `count` rows of x.
  void apply(float* x, std::size_t count) const {
    const auto d = down.outputs();
    const auto hidden = gate.outputs();
    // Kept, for an event comes every few microseconds.
    static thread_local std::vector<float> normed;
    static thread_local std::vector<float> inner;
    static thread_local std::vector<float> gates;
    normed.resize(count * d);
    inner.resize(count * hidden);
    gates.resize(count * hidden);
    norm.apply(x, count, normed.data());
    gate.apply(normed.data(), count, gates.data());
    up.apply(normed.data(), count, inner.data());
    kernels::multiply_silu(gates, inner);
    down.apply(inner.data(), count, normed.data());
    kernels::add(normed, {x, count * d});
  }
};

/// Takes tensors of the wanted shapes; the first one that is not so is the failure.
class tensor_reader {
public:
  explicit tensor_reader(const tensor_map& from) : from_(from) {}

  const std::vector<float>& take(const std::string& name, std::vector<std::size_t> shape) {
    static const std::vector<float> none;
    if (why_)
      return none;
    const auto found = from_.find(name);
    if (found == from_.end())
      return fail(fmt::format("tensor \"{}\" is missing", name));
    if (found->second.shape != shape)
      return fail(fmt::format("tensor \"{}\" has shape [{}], not [{}]", name,
                              fmt::join(found->second.shape, ", "), fmt::join(shape, ", ")));
    for (const auto value : found->second.values)
      if (!std::isfinite(value))
        return fail(fmt::format("tensor \"{}\" holds a number that is not finite", name));
    return found->second.values;
  }

  [[nodiscard]] layer_norm norm(const std::string& name, std::size_t size) {
    return {take(name + ".weight", {size}), take(name + ".bias", {size})};
  }

  [[nodiscard]] dense_layer dense(const std::string& name, std::size_t to, std::size_t from) {
    const auto& weight = take(name + ".weight", {to, from});
    const auto& bias = take(name + ".bias", {to});
    return why_ ? dense_layer{} : dense_layer{weight, bias};
  }

  [[nodiscard]] gated_feed_forward feed_forward(const std::string& block, std::size_t size,
                                                std::size_t hidden) {
    gated_feed_forward made;
    made.norm = norm(block + "ff_norm", size);
    made.gate = dense(block + "gate", hidden, size);
    made.up = dense(block + "up", hidden, size);
    made.down = dense(block + "down", size, hidden);
    return made;
  }

  [[nodiscard]] const std::optional<failure>& why() const noexcept { return why_; }

private:
  const std::vector<float>& fail(std::string context) {
    static const std::vector<float> none;
    why_ = failure{errc::invalid_argument, "the encoder's " + std::move(context)};
    return none;
  }

  const tensor_map& from_;
  std::optional<failure> why_;
};

} // namespace troupe::model
