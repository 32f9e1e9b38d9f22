#include "model/rank_slices.hpp"

#include "model/compose.hpp"
#include "model/query.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

namespace troupe::model {

namespace {

constexpr std::size_t no_group = static_cast<std::size_t>(-1);
constexpr std::size_t looked_at_max = 10; ///< items of a slate
constexpr double hours_per_week = 168;
constexpr double hours_per_century = 876'600;

using weight_of_blend = double config::blend_settings::*;

/// A ranking by one signal; `hours` above 0: in slices of its own, with this half-life alone.
struct single_signal {
  std::string_view name;
  weight_of_blend weight = nullptr;
  double hours = 0;
};

constexpr std::array singles{
    single_signal{"co_occurrence", &config::blend_settings::co_occurrence},
    single_signal{"popularity", &config::blend_settings::popularity},
    single_signal{"content", &config::blend_settings::content},
    single_signal{"novelty", &config::blend_settings::novelty},
    single_signal{"popularity_last_week", &config::blend_settings::popularity, hours_per_week},
    single_signal{"popularity_all_time", &config::blend_settings::popularity, hours_per_century},
};

std::shared_ptr<const config::blend_settings> only(const config::blend_settings& blend,
                                                   weight_of_blend weight) {
  auto made = std::make_shared<config::blend_settings>(blend);
  made->co_occurrence = made->popularity = made->content = 0;
  made->novelty = made->sequence = made->diversity = 0;
  made->category_cap = 0;
  (*made).*weight = 1;
  return made;
}

} // namespace

std::vector<std::string> slice_ranker::all_names() {
  std::vector<std::string> made{std::string{blend_name}, std::string{learnt_name}};
  for (const auto& one : singles)
    made.emplace_back(one.name);
  return made;
}

slice_ranker::slice_ranker(std::shared_ptr<const fold_rules> rules,
                           const config::blend_settings& blend, std::uint32_t shards,
                           std::span<const std::string> wanted)
    : rules_(std::move(rules)), shards_(shards), names_(wanted.begin(), wanted.end()),
      served_(no_group), learner_(blend) {
  for (const auto& name : names_) {
    const auto* const one = std::find_if(singles.begin(), singles.end(),
                                         [&name](const auto& any) { return any.name == name; });
    if (one == singles.end()) {
      contenders_.push_back({std::make_shared<const config::blend_settings>(blend), served_group(),
                             name == learnt_name});
      continue;
    }
    auto group = no_group;
    if (one->hours > 0) {
      auto signals = rules_->signals();
      signals.window = 0;
      signals.popularity_half_lives_hours = {one->hours};
      group = add_group(signals);
    } else {
      group = served_group();
    }
    contenders_.push_back({only(blend, one->weight), group});
  }
}

slice_ranker::~slice_ranker() = default;

std::size_t slice_ranker::add_group(const config::signals_settings& signals) {
  slice_group group;
  for (std::uint32_t i = 0; i < shards_; ++i)
    group.emplace_back(i, shards_, signals, config::blend_settings{});
  groups_.push_back(std::move(group));
  return groups_.size() - 1;
}

std::size_t slice_ranker::served_group() {
  if (served_ == no_group)
    served_ = add_group(rules_->signals());
  return served_;
}

void slice_ranker::enter(item_number number, const item_ptr& record) {
  const auto key = key_of(record->id);
  numbers_.emplace(key, number);
  for (auto& group : groups_)
    group[shard_of(key, shards_)].upsert(record);
}

void slice_ranker::hide(const item_ptr& record) {
  auto hidden = std::make_shared<item>(*record);
  hidden->hidden = true;
  for (auto& group : groups_)
    group[shard_of(key_of(record->id), shards_)].upsert(hidden);
}

void slice_ranker::learn_weights(const lesson& what) {
  const auto found = shown_.find(what.user);
  if (found == shown_.end())
    return;
  for (const auto& one : found->second)
    learner_.observe(one.how, one.item == what.now.item);
  shown_.erase(found);
}

void slice_ranker::learn(const lesson& what) {
  if (what.now.weight > 0)
    learn_weights(what);
  const auto seen = observe(what.before, *what.now.what, *rules_);
  if (!seen)
    return;
  for (auto& group : groups_)
    for (auto& slice : group)
      slice.learn(*seen);
}

void slice_ranker::adopt(const sequence_model_ptr& model) {
  for (auto& group : groups_)
    for (auto& slice : group) {
      slice.adopt(model);
      slice.adopt_rows(std::numeric_limits<std::size_t>::max());
    }
}

void slice_ranker::rank(const ranking_query& query, std::span<ranked_items> to) {
  rank_with({}, 0, query, to);
}

void slice_ranker::rank_with(std::vector<float> sequence, std::uint64_t version,
                             const ranking_query& query, std::span<ranked_items> to) {
  score_query asked;
  auto who = make_taste(query.who, *rules_, query.now);
  who.sequence = std::move(sequence);
  asked.who = std::make_shared<const taste>(std::move(who));
  asked.model_version = version;
  asked.now = query.now;
  for (std::size_t c = 0; c < contenders_.size(); ++c) {
    const auto& one = contenders_[c];
    asked.blend =
        one.learns ? std::make_shared<const config::blend_settings>(learner_.blend()) : one.blend;
    // As sessions ask: rules that pass over items need more than a slate's worth.
    const bool plain = one.blend->diversity <= 0 && one.blend->category_cap == 0;
    asked.limit = plain ? query.k : rules_->signals().candidates_max;
    answers_.clear();
    for (const auto& slice : groups_[one.group])
      answers_.push_back(slice.score(asked));
    align_sequence_parts(answers_);
    compose_rules rules;
    rules.k = query.k;
    rules.diversity = one.blend->diversity;
    rules.category_cap = one.blend->category_cap;
    rules.with_reasons = false;
    to[c].clear();
    const auto made = compose(answers_, query.who, rules);
    for (const auto& shown : made)
      to[c].push_back(numbers_.at(key_of(shown.what->id)));
    if (!one.learns)
      continue;
    auto& looked_at = shown_[query.user];
    looked_at.clear();
    for (std::size_t i = 0; i < std::min(looked_at_max, made.size()); ++i)
      looked_at.push_back({to[c][i], make_shown(made[i], i, weights_of(*asked.blend))});
  }
}

} // namespace troupe::model
