#include "model/trained_encoder.hpp"

#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <utility>

namespace troupe::model {

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
  return made;
}

std::vector<float> item_vectors::vector_of(item_key key, const item* record) const {
  std::vector<float> made;
  if (const auto row = words_->find_item(key))
    made.assign(ids_.begin() + static_cast<std::ptrdiff_t>(*row * dimensions_),
                ids_.begin() + static_cast<std::ptrdiff_t>((*row + 1) * dimensions_));
  if (record == nullptr || labels_.empty())
    return made;
  std::vector<std::uint32_t> rows;
  for (const auto& label : vector_labels(*record, corpus_options{}.item_labels_max))
    if (const auto row = words_->find_label(label))
      rows.push_back(*row);
  if (rows.empty())
    return made;
  made.resize(dimensions_);
  const auto share = 1 / std::sqrt(static_cast<float>(rows.size()));
  for (const auto row : rows)
    for (std::size_t i = 0; i < dimensions_; ++i)
      made[i] += share * labels_[row * dimensions_ + i];
  return made;
}

float item_vectors::bias_of(item_key key) const noexcept {
  const auto row = words_->find_item(key);
  return row ? biases_[*row] : 0;
}

} // namespace troupe::model
