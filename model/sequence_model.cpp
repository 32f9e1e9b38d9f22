#include "model/sequence_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

namespace troupe::model {

namespace {

/// The gap of an event after another one; `before` of no event: none.
std::uint32_t gap_between(timestamp before, timestamp now) noexcept {
  if (before == timestamp{})
    return gap_bucket(-1);
  return gap_bucket(std::max<std::int64_t>(0, to_millis(now) - to_millis(before)));
}

} // namespace

sequence_model::sequence_model(std::uint64_t version, trained_encoder from, double weight)
    : version_(version), weight_(weight), trained_(std::move(from)) {}

result<std::shared_ptr<const sequence_model>> sequence_model::make(std::uint64_t version,
                                                                   trained_encoder from,
                                                                   double weight,
                                                                   const fold_rules& rules) {
  if (!(weight >= 0) || !std::isfinite(weight))
    return failure{errc::invalid_argument,
                   fmt::format("the model's weight in the blend is {}, not 0 or more", weight)};
  std::shared_ptr<sequence_model> made{new sequence_model{version, std::move(from), weight}};
  auto vectors = item_vectors::make(made->trained_);
  if (!vectors)
    return vectors.error();
  made->vectors_ = std::move(*vectors);
  auto encoder = recurrent_encoder::make(made->trained_.shape, made->trained_.weights);
  if (!encoder)
    return encoder.error();
  made->encoder_ = std::move(*encoder);
  const auto& trained = made->trained_.words.kinds();
  const sequence_vocabulary present{rules};
  for (const auto& name : present.kinds()) {
    const auto at = std::find(trained.begin(), trained.end(), name);
    made->kinds_.push_back(at == trained.end() ? 0U
                                               : static_cast<std::uint32_t>(at - trained.begin()));
  }
  // Matrices that whole vectors go through were copied for the kernels; the items' rows stay.
  std::erase_if(made->trained_.weights, [](const auto& one) {
    return one.first != "item.id" && one.first != "item.bias" && one.first != "label";
  });
  made->trained_.unaware.clear();
  return std::shared_ptr<const sequence_model>{std::move(made)};
}

std::vector<float> sequence_model::row_of(item_key key, const item* record) const {
  auto row = vectors_.vector_of(key, record);
  row.resize(vectors_.dimensions());
  row.push_back(vectors_.bias_of(key));
  return row;
}

std::vector<float> sequence_model::row_of(item_key key, const item* record,
                                          std::span<const companion> near) const {
  auto row = row_of(key, record);
  if (!near.empty() && !is_trained(key))
    vectors_.add_estimate(near, std::span{row}.first(vectors_.dimensions()));
  return row;
}

std::vector<float> sequence_model::query(const sequence_state& of, timestamp now) const {
  std::vector<float> made(row_size());
  const auto passed = of.last == timestamp{} ? 0 : to_millis(now) - to_millis(of.last);
  const std::vector<float> fresh(of.values.empty() ? encoder_->shape().state_size() : 0);
  encoder_->query(of.values.empty() ? fresh : of.values,
                  gap_bucket(std::max<std::int64_t>(0, passed)),
                  std::span{made}.first(vectors_.dimensions()));
  made.back() = 1; // times the bias
  return made;
}

std::vector<sequence_entry> sequence_history(const profile& who, const fold_rules& rules,
                                             const sequence_model& by) {
  std::vector<sequence_entry> made;
  for (auto back = who.history_size(); back-- > 0;) {
    const auto entry = who.history(back);
    if (entry.sequence > 0)
      made.push_back(
          {entry.key, by.kind_of(rules.meaning_of(entry.type, entry.value).rule), entry.time});
  }
  return made;
}

timestamp query_moment(const sequence_state& of, timestamp received, timestamp now) noexcept {
  constexpr std::chrono::minutes just_now{1};
  const bool is_new = received != timestamp{} && now - received < just_now;
  return is_new ? of.last : std::max(of.last, now);
}

void advance(const sequence_model& by, std::span<const sequence_advance> all) {
  std::vector<std::span<float>> states;
  std::vector<encoder_event> events;
  std::vector<encoder_event> history;
  const auto next = [](sequence_state& state, const sequence_event& what) {
    const encoder_event made{what.item, what.kind, gap_between(state.last, what.time)};
    state.last = what.time;
    return made;
  };
  for (const auto& one : all) {
    if (one.events.empty())
      continue;
    one.state->values.resize(by.encoder().shape().state_size());
    if (one.events.size() == 1) { // what comes one by one goes together
      states.emplace_back(one.state->values);
      events.push_back(next(*one.state, one.events.front()));
      continue;
    }
    history.clear();
    for (const auto& what : one.events)
      history.push_back(next(*one.state, what));
    by.encoder().encode(history, one.state->values);
  }
  if (!states.empty())
    by.encoder().step(states, events);
}

} // namespace troupe::model
