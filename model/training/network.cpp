#include "model/training/network.hpp"

#include "model/training/scan.hpp"

#include <cmath>
#include <numbers>
#include <string>

namespace troupe::model::training {

namespace {

constexpr double table_deviation = 0.02; // of fresh rows
constexpr double memory_least = 0.5;     // |lambda| is drawn between these two, by area
constexpr double memory_most = 0.99;

std::int64_t size_of(std::size_t size) {
  return static_cast<std::int64_t>(size);
}

torch::Tensor table(std::size_t rows, std::size_t columns) {
  return torch::randn({size_of(rows), size_of(columns)}) * table_deviation;
}

/// As torch::nn::Linear begins.
torch::Tensor dense_weight(std::size_t to, std::size_t from) {
  const auto bound = 1 / std::sqrt(static_cast<double>(from));
  return (torch::empty({size_of(to), size_of(from)}).uniform_() * 2 - 1) * bound;
}

} // namespace

network::network(const encoder_shape& shape, const sequence_data& data, double dropout)
    : shape_(shape), dropout_(dropout) {
  const auto d = size_of(shape.dimensions);
  item_id_ = add("item.id", table(data.items, shape.dimensions));
  item_bias_ = add("item.bias", torch::zeros({size_of(data.items)}));
  kind_ = add("kind", table(shape.kinds, shape.dimensions));
  gap_ = add("gap", table(gap_buckets, shape.dimensions));
  query_gap_ = add("query_gap", table(gap_buckets, shape.dimensions));
  for (std::size_t i = 0; i < shape.blocks; ++i)
    add_block(i);
  norm_weight_ = add("norm.weight", torch::ones({d}));
  norm_bias_ = add("norm.bias", torch::zeros({d}));
  if (data.labels == 0)
    return;
  label_ = add("label", table(data.labels, shape.dimensions));
  std::vector<std::int64_t> rows(data.item_labels.begin(), data.item_labels.end());
  std::vector<std::int64_t> offsets;
  std::vector<float> shares;
  std::size_t begin = 0;
  for (const auto end : data.item_label_ends) {
    offsets.push_back(size_of(begin));
    const auto count = static_cast<float>(end - begin);
    shares.insert(shares.end(), end - begin, 1 / std::sqrt(count));
    begin = end;
  }
  label_rows_ = torch::tensor(rows, torch::kLong);
  label_offsets_ = torch::tensor(offsets, torch::kLong);
  label_shares_ = torch::tensor(shares);
}

torch::Tensor network::add(const std::string& name, const torch::Tensor& begin) {
  auto made = begin.detach().clone().set_requires_grad(true);
  tensors_.emplace(name, made);
  return made;
}

std::vector<torch::Tensor> network::parameters() const {
  std::vector<torch::Tensor> made;
  for (const auto& [name, one] : tensors_)
    made.push_back(one);
  return made;
}

void network::add_block(std::size_t index) {
  const auto name = "block." + std::to_string(index) + ".";
  const auto& shape = shape_;
  const auto d = size_of(shape.dimensions);
  const auto s = size_of(shape.states);
  const auto h = size_of(shape.hidden);
  block made;
  made.norm_weight = add(name + "norm.weight", torch::ones({d}));
  made.norm_bias = add(name + "norm.bias", torch::zeros({d}));
  made.in = add(name + "in.weight", dense_weight(2 * shape.states, shape.dimensions));
  const auto area = torch::empty({s}).uniform_();
  const auto size = torch::sqrt(area * (memory_most * memory_most - memory_least * memory_least)
                                + memory_least * memory_least);
  made.nu = add(name + "nu", torch::log(-torch::log(size)));
  made.theta = add(name + "theta", torch::empty({s}).uniform_() * 2 * std::numbers::pi);
  made.out_weight = add(name + "out.weight", dense_weight(shape.dimensions, 2 * shape.states));
  made.out_bias = add(name + "out.bias", torch::zeros({d}));
  made.skip = add(name + "skip", torch::randn({d}) * 0.1);
  made.ff_norm_weight = add(name + "ff_norm.weight", torch::ones({d}));
  made.ff_norm_bias = add(name + "ff_norm.bias", torch::zeros({d}));
  made.gate_weight = add(name + "gate.weight", dense_weight(shape.hidden, shape.dimensions));
  made.gate_bias = add(name + "gate.bias", torch::zeros({h}));
  made.up_weight = add(name + "up.weight", dense_weight(shape.hidden, shape.dimensions));
  made.up_bias = add(name + "up.bias", torch::zeros({h}));
  made.down_weight = add(name + "down.weight", dense_weight(shape.dimensions, shape.hidden));
  made.down_bias = add(name + "down.bias", torch::zeros({d}));
  blocks_.push_back(std::move(made));
}

torch::Tensor network::item_vectors() const {
  if (!label_.defined())
    return item_id_;
  return item_id_
         + std::get<0>(torch::embedding_bag(label_, label_rows_, label_offsets_, false, 0, false,
                                            label_shares_));
}

torch::Tensor network::drop(const torch::Tensor& from) const {
  return torch::dropout(from, dropout_, training_);
}

torch::Tensor network::recur(const block& by, const torch::Tensor& normed) const {
  const auto size = torch::exp(-torch::exp(by.nu));
  const auto gamma = torch::sqrt(1 - size * size + 1e-8);
  const auto in = torch::linear(normed, by.in) * torch::cat({gamma, gamma});
  const auto states = recurrence::apply(in, (size * torch::cos(by.theta)).contiguous(),
                                        (size * torch::sin(by.theta)).contiguous());
  return torch::linear(states, by.out_weight, by.out_bias) + by.skip * normed;
}

torch::Tensor network::encode(const torch::Tensor& vectors, const torch::Tensor& items,
                              const torch::Tensor& kinds, const torch::Tensor& gaps) {
  const auto d = size_of(shape_.dimensions);
  auto x = torch::embedding(vectors, items) + torch::embedding(kind_, kinds)
           + torch::embedding(gap_, gaps);
  x = drop(x * std::sqrt(static_cast<double>(d)));
  for (const auto& by : blocks_) {
    const auto normed = torch::layer_norm(x, {d}, by.norm_weight, by.norm_bias);
    x = x + drop(recur(by, normed));
    const auto again = torch::layer_norm(x, {d}, by.ff_norm_weight, by.ff_norm_bias);
    const auto gate = torch::silu(torch::linear(again, by.gate_weight, by.gate_bias));
    const auto up = torch::linear(again, by.up_weight, by.up_bias);
    x = x + drop(torch::linear(gate * up, by.down_weight, by.down_bias));
  }
  return x;
}

torch::Tensor network::query(const torch::Tensor& out, const torch::Tensor& gaps) const {
  return torch::layer_norm(out + torch::embedding(query_gap_, gaps), {size_of(shape_.dimensions)},
                           norm_weight_, norm_bias_);
}

} // namespace troupe::model::training
