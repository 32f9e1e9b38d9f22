#include "model/transformer_encoder.hpp"

#include "model/encoder_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace troupe::model {

namespace {

struct block {
  layer_norm norm;
  dense_layer qkv;
  dense_layer out;
  gated_feed_forward feed;
};

float dot(const float* a, const float* b, std::size_t size) {
  float sum = 0;
  for (std::size_t i = 0; i < size; ++i)
    sum += a[i] * b[i];
  return sum;
}

/// Turns one head's values to their position.
void rotate(float* values, std::size_t pairs, std::size_t position) {
  for (std::size_t i = 0; i < pairs; ++i) {
    const auto angle = static_cast<float>(position) * rotary_turn(i, pairs);
    const auto cosine = std::cos(angle);
    const auto sine = std::sin(angle);
    const auto first = values[i];
    const auto second = values[pairs + i];
    values[i] = first * cosine - second * sine;
    values[pairs + i] = first * sine + second * cosine;
  }
}

} // namespace

struct transformer_encoder::weights {
  encoder_shape shape;
  std::vector<float> kind;
  std::vector<float> gap;
  std::vector<float> query_gap;
  std::vector<block> blocks;
  layer_norm norm;

  void attend(const float* qkv, std::size_t row, float* to) const;
  void run(const block& by, std::vector<float>& x, std::size_t first) const;
};

/// What one event takes from itself and those before it: [d] values, of rows of [3d].
void transformer_encoder::weights::attend(const float* qkv, std::size_t row, float* to) const {
  const auto d = shape.dimensions;
  const auto size = d / shape.heads;
  const auto scale = 1 / std::sqrt(static_cast<float>(size));
  std::vector<float> shares(row + 1);
  std::fill(to, to + d, 0.0F);
  for (std::size_t begin = 0; begin < d; begin += size) {
    const auto* query = qkv + row * 3 * d + begin;
    float most = -INFINITY;
    for (std::size_t i = 0; i <= row; ++i) {
      shares[i] = dot(query, qkv + i * 3 * d + d + begin, size) * scale;
      most = std::max(most, shares[i]);
    }
    float sum = 0;
    for (auto& share : shares) {
      share = std::exp(share - most);
      sum += share;
    }
    for (std::size_t i = 0; i <= row; ++i) {
      const auto* value = qkv + i * 3 * d + 2 * d + begin;
      const auto share = shares[i] / sum;
      for (std::size_t c = 0; c < size; ++c)
        to[begin + c] += share * value[c];
    }
  }
}

/// Rows of x before `first` are not needed any more and stay as they are.
void transformer_encoder::weights::run(const block& by, std::vector<float>& x,
                                       std::size_t first) const {
  const auto d = shape.dimensions;
  const auto count = x.size() / d;
  const auto size = d / shape.heads;
  std::vector<float> normed(x.size());
  by.norm.apply(x.data(), count, normed.data());
  std::vector<float> qkv(count * 3 * d);
  by.qkv.apply(normed.data(), count, qkv.data());
  for (std::size_t n = 0; n < count; ++n)
    for (std::size_t begin = 0; begin < 2 * d; begin += size)
      rotate(&qkv[n * 3 * d + begin], size / 2, n);
  for (auto n = first; n < count; ++n)
    attend(qkv.data(), n, &normed[n * d]);
  std::vector<float> change((count - first) * d);
  by.out.apply(&normed[first * d], count - first, change.data());
  kernels::add(change, {&x[first * d], change.size()});
  by.feed.apply(&x[first * d], count - first);
}

transformer_encoder::transformer_encoder(std::unique_ptr<const weights> trained)
    : weights_(std::move(trained)) {}

transformer_encoder::~transformer_encoder() = default;

result<std::shared_ptr<const transformer_encoder>>
transformer_encoder::make(const encoder_shape& shape, const tensor_map& from) {
  const auto is_size = [](std::size_t size, std::size_t most) { return size >= 1 && size <= most; };
  constexpr auto most = encoder_shape::dimensions_max;
  if (shape.architecture != encoder_architecture::transformer)
    return failure{errc::invalid_argument, "the encoder is a recurrent one, not a transformer"};
  if (!is_size(shape.dimensions, most) || !is_size(shape.hidden, 8 * most)
      || !is_size(shape.blocks, encoder_shape::blocks_max)
      || !is_size(shape.kinds, encoder_shape::kinds_max)
      || !is_size(shape.window, encoder_shape::window_max) || shape.heads == 0
      || shape.dimensions % (2 * shape.heads) != 0)
    return failure{errc::invalid_argument,
                   fmt::format("the encoder's sizes are out of range: {} dimensions, {} blocks, {} "
                               "heads, {} hidden, {} kinds of events, a window of {}",
                               shape.dimensions, shape.blocks, shape.heads, shape.hidden,
                               shape.kinds, shape.window)};
  tensor_reader reader{from};
  const auto d = shape.dimensions;
  auto made = std::make_unique<weights>();
  made->shape = shape;
  made->kind = reader.take("kind", {shape.kinds, d});
  made->gap = reader.take("gap", {gap_buckets, d});
  made->query_gap = reader.take("query_gap", {gap_buckets, d});
  for (std::size_t i = 0; i < shape.blocks; ++i) {
    const auto name = fmt::format("block.{}.", i);
    block one;
    one.norm = reader.norm(name + "norm", d);
    one.qkv = reader.dense(name + "qkv", 3 * d, d);
    one.out = reader.dense(name + "out", d, d);
    one.feed = reader.feed_forward(name, d, shape.hidden);
    made->blocks.push_back(std::move(one));
  }
  made->norm = reader.norm("norm", d);
  if (reader.why())
    return *reader.why();
  return std::shared_ptr<const transformer_encoder>{new transformer_encoder{std::move(made)}};
}

const encoder_shape& transformer_encoder::shape() const noexcept {
  return weights_->shape;
}

void transformer_encoder::encode(std::span<const encoder_event> history,
                                 std::span<float> last) const {
  const auto& by = *weights_;
  const auto d = by.shape.dimensions;
  const auto events = history.last(std::min(history.size(), by.shape.window));
  const auto scale = std::sqrt(static_cast<float>(d)); // tables begin as small as items' vectors
  std::vector<float> x(events.size() * d);
  for (std::size_t n = 0; n < events.size(); ++n) {
    const auto& event = events[n];
    const auto of_kind = event.kind < by.shape.kinds ? event.kind : 0;
    const auto of_gap = std::min<std::size_t>(event.gap, gap_buckets - 1);
    kernels::add_scaled({&by.kind[of_kind * d], d}, {&by.gap[of_gap * d], d}, event.item, scale,
                        &x[n * d]);
  }
  for (std::size_t b = 0; b < by.blocks.size(); ++b)
    by.run(by.blocks[b], x, b + 1 == by.blocks.size() ? events.size() - 1 : 0);
  std::copy(x.end() - static_cast<std::ptrdiff_t>(d), x.end(), last.begin());
}

void transformer_encoder::query(std::span<const float> last, std::uint32_t gap,
                                std::span<float> query) const {
  const auto d = weights_->shape.dimensions;
  const auto* passed = &weights_->query_gap[std::min<std::size_t>(gap, gap_buckets - 1) * d];
  for (std::size_t i = 0; i < d; ++i)
    query[i] = last[i] + passed[i];
  weights_->norm.apply(query.data(), 1, query.data());
}

} // namespace troupe::model
