#pragma once

#include "model/encoder.hpp"
#include "model/tensors.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstddef>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace troupe::bench {

/// Numbers by a normal distribution, always the same ones.
class drawer {
public:
  std::vector<float> operator()(std::size_t count, float width) {
    std::normal_distribution<float> normal{0, width};
    std::vector<float> made(count);
    for (auto& each : made)
      each = normal(random_);
    return made;
  }

  std::size_t below(std::size_t bound) { return random_() % bound; }

private:
  std::mt19937_64 random_{1};
};

/// Weights as wide as training begins with: what they are does not change what a step costs.
inline model::tensor_map draw_weights(const model::encoder_shape& shape, drawer& draw) {
  model::tensor_map made;
  const auto add = [&](const std::string& name, std::vector<std::size_t> sizes) {
    std::size_t count = 1;
    for (const auto size : sizes)
      count *= size;
    const auto width = 1 / std::sqrt(static_cast<float>(sizes.back()));
    made[name] = {std::move(sizes), draw(count, width)};
  };
  const auto d = shape.dimensions;
  for (const auto* name : {"gap", "query_gap"})
    add(name, {model::gap_buckets, d});
  add("kind", {shape.kinds, d});
  add("norm.weight", {d});
  add("norm.bias", {d});
  for (std::size_t i = 0; i < shape.blocks; ++i) {
    const auto name = fmt::format("block.{}.", i);
    for (const auto* vector : {"norm.weight", "norm.bias", "ff_norm.weight", "ff_norm.bias", "skip",
                               "out.bias", "down.bias"})
      add(name + vector, {d});
    for (const auto* vector : {"gate.bias", "up.bias"})
      add(name + vector, {shape.hidden});
    for (const auto* vector : {"nu", "theta"})
      if (shape.states > 0)
        add(name + vector, {shape.states});
    if (shape.architecture == model::encoder_architecture::recurrent) {
      add(name + "in.weight", {2 * shape.states, d});
      add(name + "out.weight", {d, 2 * shape.states});
    } else {
      add(name + "qkv.weight", {3 * d, d});
      add(name + "qkv.bias", {3 * d});
      add(name + "out.weight", {d, d});
    }
    add(name + "gate.weight", {shape.hidden, d});
    add(name + "up.weight", {shape.hidden, d});
    add(name + "down.weight", {d, shape.hidden});
  }
  return made;
}

} // namespace troupe::bench
