#include "model/prune_encoder.hpp"

#include "model/encoder_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace troupe::model {

namespace {

constexpr std::size_t hidden_multiple = 16; // outputs of a tile of dense_layer
constexpr std::size_t states_multiple = 8;  // two outputs each

std::size_t left_of(std::size_t units, double share, std::size_t multiple) noexcept {
  const auto wanted = std::max(1.0, std::ceil(static_cast<double>(units) * (1 - share)));
  const auto rounded = (static_cast<std::size_t>(wanted) + multiple - 1) / multiple * multiple;
  return std::min(units, rounded);
}

/// Squares of the lengths of a matrix's rows or columns. A vector is a matrix of one column.
std::vector<double> row_squares(const tensor& of) {
  std::vector<double> made(of.shape[0]);
  const auto width = made.empty() ? 0 : of.values.size() / made.size();
  for (std::size_t i = 0; i < of.values.size(); ++i)
    made[i / width] += static_cast<double>(of.values[i]) * static_cast<double>(of.values[i]);
  return made;
}

std::vector<double> column_squares(const tensor& of) {
  std::vector<double> made(of.shape[1]);
  for (std::size_t i = 0; i < of.values.size(); ++i)
    made[i % made.size()] += static_cast<double>(of.values[i]) * static_cast<double>(of.values[i]);
  return made;
}

/// The `count` largest ones' places, rising; of equal ones the first.
std::vector<std::size_t> largest(const std::vector<double>& of, std::size_t count) {
  std::vector<std::size_t> order(of.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&of](std::size_t a, std::size_t b) { return of[a] > of[b]; });
  order.resize(count);
  std::sort(order.begin(), order.end());
  return order;
}

void keep_rows(tensor& of, const std::vector<std::size_t>& kept) {
  const auto width = of.values.size() / of.shape[0];
  std::vector<float> left;
  for (const auto row : kept)
    left.insert(left.end(), of.values.begin() + static_cast<std::ptrdiff_t>(row * width),
                of.values.begin() + static_cast<std::ptrdiff_t>((row + 1) * width));
  of.shape[0] = kept.size();
  of.values = std::move(left);
}

void keep_columns(tensor& of, const std::vector<std::size_t>& kept) {
  std::vector<float> left;
  for (std::size_t row = 0; row < of.shape[0]; ++row)
    for (const auto column : kept)
      left.push_back(of.values[row * of.shape[1] + column]);
  of.shape[1] = kept.size();
  of.values = std::move(left);
}

/// Takes hidden units out of one block.
void prune_hidden(tensor_map& from, const std::string& block, std::size_t count) {
  auto magnitudes = column_squares(from.at(block + "down.weight"));
  for (const auto* gate : {"gate", "up"}) {
    const auto by_weight = row_squares(from.at(fmt::format("{}{}.weight", block, gate)));
    const auto by_bias = row_squares(from.at(fmt::format("{}{}.bias", block, gate)));
    for (std::size_t i = 0; i < magnitudes.size(); ++i)
      magnitudes[i] *= by_weight[i] + by_bias[i];
  }
  const auto kept = largest(magnitudes, count);
  for (const auto* rows : {"gate.weight", "gate.bias", "up.weight", "up.bias"})
    keep_rows(from.at(block + rows), kept);
  keep_columns(from.at(block + "down.weight"), kept);
}

/// Takes states out of one block. Real parts stand before the imaginary ones.
void prune_states(tensor_map& from, const std::string& block, std::size_t count) {
  const auto in = row_squares(from.at(block + "in.weight"));
  const auto out = column_squares(from.at(block + "out.weight"));
  const auto states = in.size() / 2;
  std::vector<double> magnitudes(states);
  for (std::size_t i = 0; i < states; ++i)
    magnitudes[i] = (in[i] + in[states + i]) * (out[i] + out[states + i]);
  const auto kept = largest(magnitudes, count);
  auto both = kept;
  for (const auto state : kept)
    both.push_back(states + state);
  keep_rows(from.at(block + "in.weight"), both);
  keep_columns(from.at(block + "out.weight"), both);
  keep_rows(from.at(block + "nu"), kept);
  keep_rows(from.at(block + "theta"), kept);
}

/// The tensors that lose units must be as the shape says.
std::optional<failure> check_tensors(const encoder_shape& shape, const tensor_map& weights) {
  tensor_reader reader{weights};
  for (std::size_t i = 0; i < shape.blocks; ++i) {
    const auto block = fmt::format("block.{}.", i);
    reader.take(block + "gate.weight", {shape.hidden, shape.dimensions});
    reader.take(block + "gate.bias", {shape.hidden});
    reader.take(block + "up.weight", {shape.hidden, shape.dimensions});
    reader.take(block + "up.bias", {shape.hidden});
    reader.take(block + "down.weight", {shape.dimensions, shape.hidden});
    if (shape.architecture != encoder_architecture::recurrent)
      continue;
    reader.take(block + "in.weight", {2 * shape.states, shape.dimensions});
    reader.take(block + "out.weight", {shape.dimensions, 2 * shape.states});
    reader.take(block + "nu", {shape.states});
    reader.take(block + "theta", {shape.states});
  }
  return reader.why();
}

} // namespace

encoder_shape pruned_shape(const encoder_shape& from, double share) noexcept {
  auto made = from;
  made.hidden = left_of(from.hidden, share, hidden_multiple);
  if (from.architecture == encoder_architecture::recurrent)
    made.states = left_of(from.states, share, states_multiple);
  return made;
}

result<tensor_map> prune_weights(const encoder_shape& from, const encoder_shape& to,
                                 const tensor_map& weights) {
  auto same = to;
  same.hidden = from.hidden;
  same.states = from.states;
  if (same != from || to.hidden > from.hidden || to.states > from.states || to.hidden == 0)
    return failure{errc::invalid_argument,
                   fmt::format("an encoder of {} hidden units and {} states cannot be pruned to "
                               "one of {} and {} or of other sizes",
                               from.hidden, from.states, to.hidden, to.states)};
  if (auto why = check_tensors(from, weights))
    return *why;
  auto made = weights;
  for (std::size_t i = 0; i < from.blocks; ++i) {
    const auto block = fmt::format("block.{}.", i);
    prune_hidden(made, block, to.hidden);
    if (from.architecture == encoder_architecture::recurrent)
      prune_states(made, block, to.states);
  }
  return made;
}

} // namespace troupe::model
