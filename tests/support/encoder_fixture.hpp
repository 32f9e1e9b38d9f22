#pragma once

#include "model/sequence_model.hpp"

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

/// Encoders with drawn weights.
namespace troupe::test {

/// Numbers from -0.5 to 0.5.
inline std::vector<float> draw(std::size_t count, std::mt19937& random) {
  std::vector<float> made(count);
  for (auto& value : made)
    value = static_cast<float>(random() % 1000) / 1000 - 0.5F;
  return made;
}

inline model::tensor_map weights_of(const model::encoder_shape& shape) {
  std::mt19937 random{7};
  model::tensor_map made;
  const auto add = [&](const std::string& name, std::vector<std::size_t> sizes) {
    std::size_t count = 1;
    for (const auto size : sizes)
      count *= size;
    made[name] = {std::move(sizes), draw(count, random)};
  };
  const auto d = shape.dimensions;
  add("kind", {shape.kinds, d});
  add("gap", {model::gap_buckets, d});
  add("query_gap", {model::gap_buckets, d});
  add("norm.weight", {d});
  add("norm.bias", {d});
  for (std::size_t i = 0; i < shape.blocks; ++i) {
    const auto block = "block." + std::to_string(i) + ".";
    for (const auto* norm : {"norm", "ff_norm"}) {
      add(block + norm + ".weight", {d});
      add(block + norm + ".bias", {d});
    }
    add(block + "in.weight", {2 * shape.states, d});
    add(block + "nu", {shape.states});
    add(block + "theta", {shape.states});
    add(block + "out.weight", {d, 2 * shape.states});
    add(block + "out.bias", {d});
    add(block + "skip", {d});
    for (const auto* gate : {"gate", "up"}) {
      add(block + gate + ".weight", {shape.hidden, d});
      add(block + gate + ".bias", {shape.hidden});
    }
    add(block + "down.weight", {d, shape.hidden});
    add(block + "down.bias", {d});
  }
  return made;
}

inline constexpr model::encoder_shape small_shape{
    .dimensions = 6, .blocks = 2, .states = 5, .hidden = 9, .kinds = 1};

/// An encoder of these items with drawn vectors; `seed` tells versions apart.
inline model::trained_encoder draw_encoder(const std::vector<std::string>& ids,
                                           const model::fold_rules& rules, unsigned seed = 3,
                                           const model::encoder_shape& shape = small_shape) {
  model::trained_encoder made{shape, {}, model::sequence_vocabulary{rules}, {}};
  made.shape.kinds = made.words.kinds().size();
  for (const auto& id : ids)
    made.words.add_item(item_id{id});
  made.weights = weights_of(made.shape);
  std::mt19937 random{seed};
  const auto d = shape.dimensions;
  made.weights["item.id"] = {{ids.size(), d}, draw(ids.size() * d, random)};
  made.weights["item.bias"] = {{ids.size()}, draw(ids.size(), random)};
  return made;
}

inline model::sequence_model_ptr draw_model(std::uint64_t version,
                                            const std::vector<std::string>& ids, double weight,
                                            const model::fold_rules& rules, unsigned seed = 3,
                                            const model::encoder_shape& shape = small_shape) {
  return model::sequence_model::make(version, draw_encoder(ids, rules, seed, shape), weight, rules)
      .value();
}

} // namespace troupe::test
