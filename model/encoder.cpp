#include "model/encoder.hpp"

#include "model/encoder_kernels.hpp"
#include "model/encoder_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <optional>
#include <string_view>
#include <utility>

namespace troupe::model {

namespace {

constexpr std::size_t batch_max = 32; // states that pass over the weights together

struct block {
  layer_norm norm;
  dense_layer in;           ///< already scaled by gamma = sqrt(1 - |lambda|^2)
  std::vector<float> decay; ///< real parts, then imaginary ones
  dense_layer out;
  std::vector<float> skip;
  gated_feed_forward feed;
};

block read_block(tensor_reader& from, const encoder_shape& shape, std::size_t index) {
  const auto name = fmt::format("block.{}.", index);
  const auto d = shape.dimensions;
  const auto s = shape.states;
  block made;
  made.norm = from.norm(name + "norm", d);
  auto in = from.take(name + "in.weight", {2 * s, d});
  const auto& nu = from.take(name + "nu", {s});
  const auto& theta = from.take(name + "theta", {s});
  made.out = from.dense(name + "out", d, 2 * s);
  made.skip = from.take(name + "skip", {d});
  made.feed = from.feed_forward(name, d, shape.hidden);
  if (from.why())
    return made;
  made.decay.resize(2 * s);
  for (std::size_t i = 0; i < s; ++i) {
    const auto size = std::exp(-std::exp(nu[i]));
    made.decay[i] = size * std::cos(theta[i]);
    made.decay[s + i] = size * std::sin(theta[i]);
    const auto gamma = std::sqrt(std::max(0.0F, 1 - size * size) + 1e-8F);
    for (std::size_t c = 0; c < d; ++c) {
      in[i * d + c] *= gamma;
      in[(s + i) * d + c] *= gamma;
    }
  }
  made.in = dense_layer{in, std::vector<float>(2 * s)};
  return made;
}

} // namespace

struct recurrent_encoder::weights {
  encoder_shape shape;
  std::vector<float> kind;
  std::vector<float> gap;
  std::vector<float> query_gap;
  std::vector<block> blocks;
  layer_norm norm;

  void step(std::span<const std::span<float>> states, std::span<const encoder_event> events,
            std::size_t first_wanted) const;
};

recurrent_encoder::recurrent_encoder(std::unique_ptr<const weights> trained)
    : weights_(std::move(trained)) {}

recurrent_encoder::~recurrent_encoder() = default;

result<std::shared_ptr<const recurrent_encoder>> recurrent_encoder::make(const encoder_shape& shape,
                                                                         const tensor_map& from) {
  const auto is_size = [](std::size_t size, std::size_t most) { return size >= 1 && size <= most; };
  constexpr auto most = encoder_shape::dimensions_max;
  if (shape.architecture != encoder_architecture::recurrent)
    return failure{errc::invalid_argument, "the encoder is a transformer, not a recurrent one"};
  if (!is_size(shape.dimensions, most) || !is_size(shape.states, most)
      || !is_size(shape.hidden, 8 * most) || !is_size(shape.blocks, encoder_shape::blocks_max)
      || !is_size(shape.kinds, encoder_shape::kinds_max))
    return failure{errc::invalid_argument,
                   fmt::format("the encoder's sizes are out of range: {} dimensions, {} blocks, {} "
                               "states, {} hidden, {} kinds of events",
                               shape.dimensions, shape.blocks, shape.states, shape.hidden,
                               shape.kinds)};
  tensor_reader reader{from};
  auto made = std::make_unique<weights>();
  made->shape = shape;
  made->kind = reader.take("kind", {shape.kinds, shape.dimensions});
  made->gap = reader.take("gap", {gap_buckets, shape.dimensions});
  made->query_gap = reader.take("query_gap", {gap_buckets, shape.dimensions});
  for (std::size_t i = 0; i < shape.blocks; ++i)
    made->blocks.push_back(read_block(reader, shape, i));
  made->norm = reader.norm("norm", shape.dimensions);
  if (reader.why())
    return *reader.why();
  return std::shared_ptr<const recurrent_encoder>{new recurrent_encoder{std::move(made)}};
}

const encoder_shape& recurrent_encoder::shape() const noexcept {
  return weights_->shape;
}

void recurrent_encoder::step(std::span<const std::span<float>> states,
                             std::span<const encoder_event> events) const {
  for (std::size_t at = 0; at < states.size(); at += batch_max) {
    const auto count = std::min(batch_max, states.size() - at);
    weights_->step(states.subspan(at, count), events.subspan(at, count), 0);
  }
}

void recurrent_encoder::encode(std::span<const encoder_event> events,
                               std::span<float> state) const {
  std::array<std::span<float>, batch_max> same;
  same.fill(state);
  for (std::size_t at = 0; at < events.size(); at += batch_max) {
    const auto count = std::min(batch_max, events.size() - at);
    // What comes out of the last block is kept of the last event alone.
    const auto first_wanted = at + count == events.size() ? count - 1 : count;
    weights_->step(std::span{same}.first(count), events.subspan(at, count), first_wanted);
  }
}

/// Moves up to batch_max states forward, each by its event; the same state may come several times
/// in a row. Of events before `first_wanted` the last block's output is left out.
void recurrent_encoder::weights::step(std::span<const std::span<float>> states,
                                      std::span<const encoder_event> events,
                                      std::size_t first_wanted) const {
  const auto d = shape.dimensions;
  const auto count = states.size();
  const auto scale = std::sqrt(static_cast<float>(d)); // tables begin as small as items' vectors
  // One row an event in each of these; kept, for an event comes every few microseconds.
  static thread_local std::vector<float> x;
  static thread_local std::vector<float> normed;
  static thread_local std::vector<float> inner;
  static thread_local std::vector<float> change;
  x.resize(count * d);
  normed.resize(count * d);
  change.resize(count * d);
  inner.resize(count * 2 * shape.states);
  for (std::size_t n = 0; n < count; ++n) {
    const auto& event = events[n];
    const auto of_kind = event.kind < shape.kinds ? event.kind : 0;
    const auto of_gap = std::min<std::size_t>(event.gap, gap_buckets - 1);
    kernels::add_scaled({&kind[of_kind * d], d}, {&gap[of_gap * d], d}, event.item, scale,
                        &x[n * d]);
  }
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    const auto& by = blocks[b];
    by.norm.apply(x.data(), count, normed.data());
    by.in.apply(normed.data(), count, inner.data());
    for (std::size_t n = 0; n < count; ++n)
      kernels::recur(by.decay, states[n].data() + b * 2 * shape.states,
                     &inner[n * 2 * shape.states]);
    const auto first = b + 1 == blocks.size() ? first_wanted : 0;
    const auto left = count - first;
    if (left == 0)
      break;
    by.out.apply(&inner[first * 2 * shape.states], left, change.data());
    kernels::add_skipping(by.skip, change.data(), &normed[first * d], left, &x[first * d]);
    by.feed.apply(&x[first * d], left);
  }
  for (auto n = first_wanted; n < count; ++n)
    std::copy(&x[n * d], &x[n * d] + d, states[n].data() + shape.blocks * 2 * shape.states);
}

void recurrent_encoder::query(std::span<const float> state, std::uint32_t gap,
                              std::span<float> query) const {
  const auto d = weights_->shape.dimensions;
  const auto* last = state.data() + weights_->shape.blocks * 2 * weights_->shape.states;
  const auto* passed = &weights_->query_gap[std::min<std::size_t>(gap, gap_buckets - 1) * d];
  for (std::size_t i = 0; i < d; ++i)
    query[i] = last[i] + passed[i];
  weights_->norm.apply(query.data(), 1, query.data());
}

} // namespace troupe::model
