#include "model/trained_encoder.hpp"

#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <utility>

namespace troupe::model {

namespace {

/// Companions' weight at which an estimate has half of their length. ADR 0022 has the figures.
constexpr double estimate_damping = 1.0;

/// Ids that cancel each other to less than this part of their lengths point nowhere.
constexpr double direction_least = 1e-6;

/// The matrix that items' own vectors are projected by; without inputs if there is none.
result<dense_layer> content_layer(const trained_encoder& from) {
  const auto found = from.weights.find(content_tensor);
  if (found == from.weights.end())
    return dense_layer{};
  const auto& [shape, values] = found->second;
  const auto d = from.shape.dimensions;
  if (shape.size() != 2 || shape[0] != d || shape[1] < 1
      || shape[1] > item_limits::vector_values_max)
    return failure{errc::invalid_argument,
                   fmt::format("the encoder's tensor \"{}\" is of shape [{}], not [{}, 1 to {}]",
                               content_tensor, fmt::join(shape, ", "), d,
                               item_limits::vector_values_max)};
  return dense_layer{values, std::vector<float>(d)};
}

} // namespace

std::size_t content_size_of(const trained_encoder& from) {
  const auto found = from.weights.find(content_tensor);
  const bool is_matrix = found != from.weights.end() && found->second.shape.size() == 2;
  return is_matrix ? found->second.shape[1] : 0;
}

result<item_vectors> item_vectors::make(const trained_encoder& from) {
  item_vectors made;
  made.words_ = &from.words;
  made.dimensions_ = from.shape.dimensions;
  std::optional<failure> why;
  const auto take = [&](const char* name, std::vector<std::size_t> shape) {
    const auto found = from.weights.find(name);
    if (found != from.weights.end() && found->second.shape == shape)
      return std::span<const float>{found->second.values};
    if (!why)
      why = failure{errc::invalid_argument,
                    fmt::format("the encoder's tensor \"{}\" is missing or not of shape [{}]", name,
                                fmt::join(shape, ", "))};
    return std::span<const float>{};
  };
  const auto items = from.words.items().size();
  made.ids_ = take("item.id", {items, from.shape.dimensions});
  made.biases_ = take("item.bias", {items});
  if (!from.words.labels().empty())
    made.labels_ = take("label", {from.words.labels().size(), from.shape.dimensions});
  if (why)
    return *why;
  auto content = content_layer(from);
  if (!content)
    return content.error();
  made.content_ = std::move(*content);
  return made;
}

std::vector<float> item_vectors::vector_of(item_key key, const item* record) const {
  std::vector<float> made;
  if (const auto row = words_->find_item(key))
    made.assign(ids_.begin() + static_cast<std::ptrdiff_t>(*row * dimensions_),
                ids_.begin() + static_cast<std::ptrdiff_t>((*row + 1) * dimensions_));
  if (record == nullptr)
    return made;
  if (!labels_.empty())
    add_labels(*record, made);
  if (content_.inputs() > 0)
    add_content(*record, made);
  return made;
}

void item_vectors::add_labels(const item& record, std::vector<float>& to) const {
  std::vector<std::uint32_t> rows;
  for (const auto& label : vector_labels(record, corpus_options{}.item_labels_max))
    if (const auto row = words_->find_label(label))
      rows.push_back(*row);
  if (rows.empty())
    return;
  to.resize(dimensions_);
  const auto share = 1 / std::sqrt(static_cast<float>(rows.size()));
  for (const auto row : rows)
    for (std::size_t i = 0; i < dimensions_; ++i)
      to[i] += share * labels_[row * dimensions_ + i];
}

void item_vectors::add_content(const item& record, std::vector<float>& to) const {
  const auto content = content_vector(record, content_.inputs());
  if (content.empty())
    return;
  std::vector<float> part(dimensions_);
  content_.apply(content.data(), 1, part.data());
  to.resize(dimensions_);
  for (std::size_t i = 0; i < dimensions_; ++i)
    to[i] += part[i];
}

float item_vectors::bias_of(item_key key) const noexcept {
  const auto row = words_->find_item(key);
  return row ? biases_[*row] : 0;
}

void item_vectors::add_estimate(std::span<const companion> near, std::span<float> to) const {
  std::vector<double> sum(dimensions_);
  double weights = 0;
  double lengths = 0;
  for (const auto& one : near) {
    const auto row = words_->find_item(one.key());
    if (!row)
      continue;
    const double weight = one.weight();
    double squares = 0;
    for (std::size_t i = 0; i < dimensions_; ++i) {
      const double value = ids_[*row * dimensions_ + i];
      sum[i] += weight * value;
      squares += value * value;
    }
    weights += weight;
    lengths += weight * std::sqrt(squares);
  }
  double squares = 0;
  for (const auto value : sum)
    squares += value * value;
  const auto length = std::sqrt(squares);
  if (!(length > direction_least * lengths))
    return;
  const auto factor = lengths / ((weights + estimate_damping) * length);
  for (std::size_t i = 0; i < dimensions_; ++i)
    to[i] += static_cast<float>(factor * sum[i]);
}

} // namespace troupe::model
