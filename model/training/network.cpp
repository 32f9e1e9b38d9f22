#include "model/training/network.hpp"

#include "model/training/conversions.hpp"
#include "model/training/scan.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <utility>

namespace troupe::model::training {

namespace {

constexpr double table_deviation = 0.02; // of fresh rows
constexpr double memory_least = 0.5;     // |lambda| is drawn between these two, by area
constexpr double memory_most = 0.99;

torch::Tensor table(std::size_t rows, std::size_t columns) {
  return torch::randn({size_of(rows), size_of(columns)}) * table_deviation;
}

/// Which labels make the vectors of some items, as embedding_bag wants it.
struct label_lists {
  std::vector<std::int64_t> rows;
  std::vector<std::int64_t> offsets;
  std::vector<float> shares;

  void add(const sequence_data& from, std::size_t item) {
    const auto begin = item == 0 ? 0 : from.item_label_ends[item - 1];
    const auto end = from.item_label_ends[item];
    offsets.push_back(size_of(rows.size()));
    for (auto at = begin; at < end; ++at)
      rows.push_back(from.item_labels[at]);
    shares.insert(shares.end(), end - begin, 1 / std::sqrt(static_cast<float>(end - begin)));
  }
};

} // namespace

/// Stacked linear recurrent units.
class recurrent_network final : public network {
public:
  recurrent_network(const encoder_shape& shape, const sequence_data& data, double dropout_share)
      : network(shape, data, dropout_share) {
    for (std::size_t i = 0; i < shape.blocks; ++i)
      add_block("block." + std::to_string(i) + ".");
  }

private:
  struct block {
    torch::Tensor norm_weight, norm_bias, in, nu, theta, out_weight, out_bias, skip;
    feed_forward feed;
  };

  void add_block(const std::string& name) {
    const auto d = size_of(shape_.dimensions);
    const auto s = size_of(shape_.states);
    block made;
    made.norm_weight = add(name + "norm.weight", torch::ones({d}));
    made.norm_bias = add(name + "norm.bias", torch::zeros({d}));
    made.in = add_dense(name + "in.weight", 2 * shape_.states, shape_.dimensions);
    const auto area = torch::empty({s}).uniform_();
    const auto size = torch::sqrt(area * (memory_most * memory_most - memory_least * memory_least)
                                  + memory_least * memory_least);
    made.nu = add(name + "nu", torch::log(-torch::log(size)));
    made.theta = add(name + "theta", torch::empty({s}).uniform_() * 2 * std::numbers::pi);
    made.out_weight = add_dense(name + "out.weight", shape_.dimensions, 2 * shape_.states);
    made.out_bias = add(name + "out.bias", torch::zeros({d}));
    made.skip = add(name + "skip", torch::randn({d}) * 0.1);
    made.feed = add_feed_forward(name);
    blocks_.push_back(std::move(made));
  }

  [[nodiscard]] static torch::Tensor recur(const block& by, const torch::Tensor& normed) {
    const auto size = torch::exp(-torch::exp(by.nu));
    const auto gamma = torch::sqrt(1 - size * size + 1e-8);
    const auto in = torch::linear(normed, by.in) * torch::cat({gamma, gamma});
    const auto states = recurrence::apply(in, (size * torch::cos(by.theta)).contiguous(),
                                          (size * torch::sin(by.theta)).contiguous());
    return torch::linear(states, by.out_weight, by.out_bias) + by.skip * normed;
  }

  [[nodiscard]] torch::Tensor run_blocks(torch::Tensor x) override {
    for (const auto& by : blocks_) {
      const auto normed =
          torch::layer_norm(x, {size_of(shape_.dimensions)}, by.norm_weight, by.norm_bias);
      x = x + dropout_.apply(recur(by, normed));
      x = x + dropout_.apply(feed(by.feed, x));
    }
    return x;
  }

  std::vector<block> blocks_;
};

/// Causal self-attention with rotary positions.
class transformer_network final : public network {
public:
  transformer_network(const encoder_shape& shape, const sequence_data& data, double dropout_share)
      : network(shape, data, dropout_share) {
    const auto d = size_of(shape.dimensions);
    for (std::size_t i = 0; i < shape.blocks; ++i) {
      const auto name = "block." + std::to_string(i) + ".";
      block made;
      made.norm_weight = add(name + "norm.weight", torch::ones({d}));
      made.norm_bias = add(name + "norm.bias", torch::zeros({d}));
      made.qkv_weight = add_dense(name + "qkv.weight", 3 * shape.dimensions, shape.dimensions);
      made.qkv_bias = add(name + "qkv.bias", torch::zeros({3 * d}));
      made.out_weight = add_dense(name + "out.weight", shape.dimensions, shape.dimensions);
      made.out_bias = add(name + "out.bias", torch::zeros({d}));
      made.feed = add_feed_forward(name);
      blocks_.push_back(std::move(made));
    }
  }

private:
  struct block {
    torch::Tensor norm_weight, norm_bias, qkv_weight, qkv_bias, out_weight, out_bias;
    feed_forward feed;
  };

  /// Angles of the positions, [steps, d of a head / 2].
  [[nodiscard]] torch::Tensor angles(std::int64_t steps) const {
    const auto half = size_of(shape_.dimensions / shape_.heads / 2);
    std::vector<float> turns;
    for (std::int64_t i = 0; i < half; ++i)
      turns.push_back(rotary_turn(static_cast<std::size_t>(i), static_cast<std::size_t>(half)));
    return torch::arange(steps, torch::kFloat).unsqueeze(1) * torch::tensor(turns).unsqueeze(0);
  }

  [[nodiscard]] static torch::Tensor rotate(const torch::Tensor& x, const torch::Tensor& cosine,
                                            const torch::Tensor& sine) {
    const auto halves = x.chunk(2, -1);
    return torch::cat(
        {halves[0] * cosine - halves[1] * sine, halves[0] * sine + halves[1] * cosine}, -1);
  }

  [[nodiscard]] torch::Tensor run_blocks(torch::Tensor x) override {
    const auto d = size_of(shape_.dimensions);
    const auto heads = size_of(shape_.heads);
    const auto sequences = x.size(0);
    const auto steps = x.size(1);
    const auto turned = angles(steps);
    const auto cosine = torch::cos(turned);
    const auto sine = torch::sin(turned);
    const auto later = torch::full({steps, steps}, -1e9, torch::kFloat).triu(1);
    for (const auto& by : blocks_) {
      const auto normed = torch::layer_norm(x, {d}, by.norm_weight, by.norm_bias);
      const auto parts = torch::linear(normed, by.qkv_weight, by.qkv_bias)
                             .view({sequences, steps, 3, heads, d / heads})
                             .permute({2, 0, 3, 1, 4}); // [3, sequences, heads, steps, size]
      const auto query = rotate(parts[0], cosine, sine);
      const auto key = rotate(parts[1], cosine, sine);
      const auto scale = 1 / std::sqrt(static_cast<double>(d / heads));
      const auto weights =
          torch::softmax(torch::matmul(query * scale, key.transpose(-1, -2)) + later, -1);
      const auto mixed = torch::matmul(dropout_.apply(weights), parts[2].contiguous())
                             .transpose(1, 2)
                             .reshape({sequences, steps, d});
      x = x + dropout_.apply(torch::linear(mixed, by.out_weight, by.out_bias));
      x = x + dropout_.apply(feed(by.feed, x));
    }
    return x;
  }

  std::vector<block> blocks_;
};

std::unique_ptr<network> network::make(const encoder_shape& shape, const sequence_data& data,
                                       double dropout_share) {
  if (shape.architecture == encoder_architecture::transformer)
    return std::make_unique<transformer_network>(shape, data, dropout_share);
  return std::make_unique<recurrent_network>(shape, data, dropout_share);
}

network::network(const encoder_shape& shape, const sequence_data& data, double dropout_share)
    : shape_(shape), dropout_(dropout_share), data_(data) {
  const auto d = size_of(shape.dimensions);
  item_id_ = add("item.id", table(data.items, shape.dimensions));
  item_bias_ = add("item.bias", torch::zeros({size_of(data.items)}));
  kind_ = add("kind", table(shape.kinds, shape.dimensions));
  gap_ = add("gap", table(gap_buckets, shape.dimensions));
  query_gap_ = add("query_gap", table(gap_buckets, shape.dimensions));
  norm_weight_ = add("norm.weight", torch::ones({d}));
  norm_bias_ = add("norm.bias", torch::zeros({d}));
  add_content();
  if (data.labels == 0)
    return;
  label_ = add("label", table(data.labels, shape.dimensions));
  label_lists lists;
  for (std::size_t item = 0; item < data.items; ++item)
    lists.add(data, item);
  label_rows_ = torch::tensor(lists.rows, torch::kLong);
  label_offsets_ = torch::tensor(lists.offsets, torch::kLong);
  label_shares_ = torch::tensor(lists.shares);
}

void network::add_content() {
  if (data_.content_size == 0)
    return;
  content_weight_ = add("content.weight", table(shape_.dimensions, data_.content_size));
  const auto count = size_of(data_.content_items.size());
  // It is only read, and the data outlive the network.
  contents_ = torch::from_blob(const_cast<float*>(data_.contents.data()),
                               {count, size_of(data_.content_size)});
  content_items_ = torch::empty({count}, torch::kLong);
  std::copy(data_.content_items.begin(), data_.content_items.end(),
            content_items_.data_ptr<std::int64_t>());
}

torch::Tensor network::add(const std::string& name, const torch::Tensor& begin) {
  auto made = begin.detach().clone().set_requires_grad(true);
  tensors_.emplace(name, made);
  return made;
}

torch::Tensor network::add_dense(const std::string& name, std::size_t to, std::size_t from) {
  const auto bound = 1 / std::sqrt(static_cast<double>(from));
  return add(name, (torch::empty({size_of(to), size_of(from)}).uniform_() * 2 - 1) * bound);
}

network::feed_forward network::add_feed_forward(const std::string& block) {
  const auto d = size_of(shape_.dimensions);
  const auto h = size_of(shape_.hidden);
  feed_forward made;
  made.norm_weight = add(block + "ff_norm.weight", torch::ones({d}));
  made.norm_bias = add(block + "ff_norm.bias", torch::zeros({d}));
  made.gate_weight = add_dense(block + "gate.weight", shape_.hidden, shape_.dimensions);
  made.gate_bias = add(block + "gate.bias", torch::zeros({h}));
  made.up_weight = add_dense(block + "up.weight", shape_.hidden, shape_.dimensions);
  made.up_bias = add(block + "up.bias", torch::zeros({h}));
  made.down_weight = add_dense(block + "down.weight", shape_.dimensions, shape_.hidden);
  made.down_bias = add(block + "down.bias", torch::zeros({d}));
  return made;
}

torch::Tensor network::feed(const feed_forward& by, const torch::Tensor& x) {
  const auto normed =
      torch::layer_norm(x, {size_of(shape_.dimensions)}, by.norm_weight, by.norm_bias);
  const auto gate = torch::silu(torch::linear(normed, by.gate_weight, by.gate_bias));
  const auto up = torch::linear(normed, by.up_weight, by.up_bias);
  return torch::linear(gate * up, by.down_weight, by.down_bias);
}

torch::Tensor network::label_part(const torch::Tensor& rows) const {
  if (!rows.defined())
    return std::get<0>(
        torch::embedding_bag(label_, label_rows_, label_offsets_, false, 0, false, label_shares_));
  label_lists lists;
  for (std::int64_t i = 0; i < rows.numel(); ++i)
    lists.add(data_, static_cast<std::size_t>(rows.data_ptr<std::int64_t>()[i]));
  return std::get<0>(torch::embedding_bag(label_, torch::tensor(lists.rows, torch::kLong),
                                          torch::tensor(lists.offsets, torch::kLong), false, 0,
                                          false, torch::tensor(lists.shares)));
}

torch::Tensor network::with_content(const torch::Tensor& to, const torch::Tensor& rows) const {
  if (!rows.defined())
    return to.index_add(0, content_items_, torch::linear(contents_, content_weight_));
  const auto& having = data_.content_items;
  std::vector<std::int64_t> places; // among `rows`
  std::vector<std::int64_t> from;   // among the contents
  for (std::int64_t i = 0; i < rows.numel(); ++i) {
    const auto item = static_cast<std::uint32_t>(rows.data_ptr<std::int64_t>()[i]);
    const auto found = std::lower_bound(having.begin(), having.end(), item);
    if (found == having.end() || *found != item)
      continue;
    places.push_back(i);
    from.push_back(found - having.begin());
  }
  return to.index_add(
      0, torch::tensor(places, torch::kLong),
      torch::linear(contents_.index_select(0, torch::tensor(from, torch::kLong)), content_weight_));
}

item_view network::all_items() const {
  item_view made{item_id_, item_bias_, item_id_, {}};
  if (label_.defined())
    made.vectors = item_id_ + label_part({});
  if (content_weight_.defined())
    made.vectors = with_content(made.vectors, {});
  made.padded = torch::constant_pad_nd(made.vectors, {0, 0, 0, 1});
  return made;
}

item_view network::some_items(const torch::Tensor& rows) const {
  const auto leaf = [&rows](const torch::Tensor& from) {
    return from.detach().index_select(0, rows).set_requires_grad(true);
  };
  item_view made{leaf(item_id_), leaf(item_bias_), {}, {}};
  made.vectors = label_.defined() ? made.ids + label_part(rows) : made.ids;
  if (content_weight_.defined())
    made.vectors = with_content(made.vectors, rows);
  made.padded = torch::constant_pad_nd(made.vectors, {0, 0, 0, 1});
  return made;
}

torch::Tensor network::encode(const torch::Tensor& padded, const torch::Tensor& items,
                              const torch::Tensor& kinds, const torch::Tensor& gaps) {
  const auto x = torch::embedding(padded, items) + torch::embedding(kind_, kinds)
                 + torch::embedding(gap_, gaps);
  return run_blocks(dropout_.apply(x * std::sqrt(static_cast<double>(shape_.dimensions))));
}

torch::Tensor network::query(const torch::Tensor& out, const torch::Tensor& gaps) const {
  return torch::layer_norm(out + torch::embedding(query_gap_, gaps), {size_of(shape_.dimensions)},
                           norm_weight_, norm_bias_);
}

} // namespace troupe::model::training
