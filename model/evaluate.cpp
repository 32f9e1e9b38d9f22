#include "model/evaluate.hpp"

#include "model/catalogue_slice.hpp"
#include "model/compose.hpp"
#include "model/profile.hpp"
#include "model/query.hpp"

#include <boost/unordered/unordered_flat_map.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>

namespace troupe::model {

namespace {

constexpr std::size_t slate_size = model_quality::cutoffs.back();
constexpr std::size_t coverage_depth = 10;

/// One way of ranking: weights, and which group of slices it asks.
struct contender {
  std::string name;
  std::shared_ptr<const config::blend_settings> blend;
  std::size_t group = 0;
};

using slice_group = std::vector<catalogue_slice>;

/// Running sums of one contender.
struct tally {
  std::array<double, model_quality::cutoffs.size()> hits{};
  std::array<double, model_quality::cutoffs.size()> gains{};
  double reciprocal_ranks = 0;
  double popularity = 0;
  std::size_t shown = 0;
  boost::unordered_flat_map<item_key, bool, std::hash<item_key>> covered;
};

using slate_keys = std::vector<item_key>;

struct user_state {
  profile who;
  std::vector<slate_keys> pushed; ///< by contender
};

class evaluator {
public:
  evaluator(std::span<const stored_event> events, std::span<const item> items,
            std::shared_ptr<const fold_rules> rules, const config::blend_settings& blend,
            const evaluation_options& options)
      : events_(events), rules_(std::move(rules)), options_(options), order_(events.size()) {
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::stable_sort(order_.begin(), order_.end(), [events](std::size_t a, std::size_t b) {
      return events[a].what.time < events[b].what.time;
    });
    for (const auto& one : items)
      records_.emplace(key_of(one.id), std::make_shared<const item>(one));
    make_contenders(blend);
  }

  evaluation run() {
    switch (options_.protocol) {
    case evaluation_protocol::prequential:
      prequential();
      break;
    case evaluation_protocol::leave_one_out:
      leave_one_out();
      break;
    case evaluation_protocol::time_split:
      time_split();
      break;
    }
    return summary();
  }

private:
  void make_contenders(const config::blend_settings& blend) {
    add_group(rules_->signals());
    contenders_.push_back({"blend", std::make_shared<config::blend_settings>(blend), 0});
    if (!options_.blend_only) {
      const auto alone = [this, &blend](signal which, double config::blend_settings::*weight) {
        contenders_.push_back({std::string{to_string(which)}, only(blend, weight), 0});
      };
      alone(signal::co_occurrence, &config::blend_settings::co_occurrence);
      alone(signal::popularity, &config::blend_settings::popularity);
      alone(signal::content, &config::blend_settings::content);
      alone(signal::novelty, &config::blend_settings::novelty);
      constexpr double hours_per_week = 168;
      constexpr double hours_per_century = 876'600;
      for (const auto& [name, hours] : {std::pair{"popularity_last_week", hours_per_week},
                                        std::pair{"popularity_all_time", hours_per_century}}) {
        auto signals = rules_->signals();
        signals.window = 0;
        signals.popularity_half_lives_hours = {hours};
        contenders_.push_back(
            {name, only(blend, &config::blend_settings::popularity), add_group(signals)});
      }
    }
    tallies_.resize(contenders_.size());
  }

  static std::shared_ptr<const config::blend_settings>
  only(const config::blend_settings& blend, double config::blend_settings::*weight) {
    auto made = std::make_shared<config::blend_settings>(blend);
    made->co_occurrence = made->popularity = made->content = 0;
    made->novelty = made->sequence = made->diversity = 0;
    made->category_cap = 0;
    (*made).*weight = 1;
    return made;
  }

  std::size_t add_group(const config::signals_settings& signals) {
    slice_group group;
    for (std::uint32_t i = 0; i < options_.shards; ++i)
      group.emplace_back(i, options_.shards, signals, config::blend_settings{});
    groups_.push_back(std::move(group));
    return groups_.size() - 1;
  }

  // -- protocols -------------------------------------------------------------------------------

  void prequential() {
    const auto first = share_of_events(options_.warmup);
    for (std::size_t i = 0; i < order_.size(); ++i) {
      const auto& what = events_[order_[i]].what;
      auto& user = users_[what.user];
      const bool is_target = i >= first && user.who.history_size() > 0;
      if (is_target) {
        if (!options_.pushed_slate)
          recommend(user, what.time);
        judge(user, key_of(what.item));
      }
      enter_catalogue(what.item);
      learn(user, what);
      // The first target's slate is pushed by an event of the warm-up, so all are made.
      if (options_.pushed_slate)
        recommend(user, what.time);
    }
  }

  void leave_one_out() {
    for (const auto& [key, record] : records_)
      enter_catalogue(record->id);
    for (const auto index : order_)
      enter_catalogue(events_[index].what.item);
    boost::unordered_flat_map<user_id, std::size_t, std::hash<user_id>> last;
    for (const auto index : order_)
      last[events_[index].what.user] = index;
    for (const auto index : order_)
      if (const auto& what = events_[index].what; last[what.user] != index)
        learn(users_[what.user], what);
    for (const auto index : order_) {
      const auto& what = events_[index].what;
      const auto user = users_.find(what.user);
      if (last[what.user] != index || user == users_.end() || user->second.who.history_size() == 0)
        continue;
      recommend(user->second, what.time);
      judge(user->second, key_of(what.item));
    }
  }

  void time_split() {
    const auto first = share_of_events(options_.cut);
    for (std::size_t i = 0; i < first; ++i) {
      const auto& what = events_[order_[i]].what;
      enter_catalogue(what.item);
      learn(users_[what.user], what);
    }
    for (std::size_t i = first; i < order_.size(); ++i) {
      const auto& what = events_[order_[i]].what;
      const auto user = users_.find(what.user);
      if (user == users_.end() || user->second.who.history_size() == 0)
        continue;
      recommend(user->second, what.time);
      judge(user->second, key_of(what.item));
      fold(user->second, what);
    }
  }

  [[nodiscard]] std::size_t share_of_events(double share) const {
    return static_cast<std::size_t>(share * static_cast<double>(order_.size()));
  }

  // -- what serving does -----------------------------------------------------------------------

  void enter_catalogue(const item_id& id) {
    const auto key = key_of(id);
    if (!events_of_.emplace(key, 0).second)
      return;
    auto& record = records_[key];
    if (!record) {
      auto bare = std::make_shared<item>();
      bare->id = id;
      record = std::move(bare);
    }
    for (auto& group : groups_)
      group[shard_of(key, options_.shards)].upsert(record);
  }

  void learn(user_state& user, const event& what) {
    if (const auto seen = observe(user.who, what, *rules_))
      for (auto& group : groups_)
        for (auto& slice : group)
          slice.learn(*seen);
    ++events_of_[key_of(what.item)];
    fold(user, what);
  }

  void fold(user_state& user, const event& what) {
    const auto key = key_of(what.item);
    stored_event stored;
    stored.what = what;
    stored.seq = user.who.seq() + 1;
    apply(user.who, stored, groups_[0][shard_of(key, options_.shards)].traits(key), *rules_);
  }

  void recommend(user_state& user, timestamp now) {
    score_query query;
    query.who = std::make_shared<const taste>(make_taste(user.who, *rules_, now));
    query.now = now;
    user.pushed.resize(contenders_.size());
    for (std::size_t c = 0; c < contenders_.size(); ++c) {
      const auto& one = contenders_[c];
      query.blend = one.blend;
      // As sessions ask: rules that pass over items need more than a slate's worth.
      const bool plain = one.blend->diversity <= 0 && one.blend->category_cap == 0;
      query.limit = plain ? slate_size : rules_->signals().candidates_max;
      answers_.clear();
      for (const auto& slice : groups_[one.group])
        answers_.push_back(slice.score(query));
      compose_rules rules;
      rules.k = slate_size;
      rules.diversity = one.blend->diversity;
      rules.category_cap = one.blend->category_cap;
      rules.with_reasons = false;
      auto& keys = user.pushed[c];
      keys.clear();
      for (const auto& shown : compose(answers_, user.who, rules))
        keys.push_back(key_of(shown.what->id));
    }
  }

  // -- judging ---------------------------------------------------------------------------------

  void judge(const user_state& user, item_key target) {
    ++targets_;
    for (std::size_t c = 0; c < contenders_.size(); ++c) {
      if (c >= user.pushed.size())
        continue;
      const auto& keys = user.pushed[c];
      auto& sums = tallies_[c];
      for (std::size_t i = 0; i < std::min(coverage_depth, keys.size()); ++i) {
        sums.covered.emplace(keys[i], true);
        sums.popularity += static_cast<double>(events_of_[keys[i]]);
        ++sums.shown;
      }
      const auto at = std::find(keys.begin(), keys.end(), target);
      if (at == keys.end())
        continue;
      const auto rank = static_cast<std::size_t>(at - keys.begin()) + 1;
      sums.reciprocal_ranks += 1 / static_cast<double>(rank);
      for (std::size_t i = 0; i < model_quality::cutoffs.size(); ++i)
        if (rank <= model_quality::cutoffs[i]) {
          sums.hits[i] += 1;
          sums.gains[i] += 1 / std::log2(static_cast<double>(rank) + 1);
        }
    }
  }

  [[nodiscard]] evaluation summary() const {
    evaluation made;
    made.events = events_.size();
    made.users = users_.size();
    made.items = events_of_.size();
    made.targets = targets_;
    const auto each = 1 / std::max(1.0, static_cast<double>(targets_));
    for (std::size_t c = 0; c < contenders_.size(); ++c) {
      const auto& sums = tallies_[c];
      model_quality quality;
      quality.name = contenders_[c].name;
      for (std::size_t i = 0; i < model_quality::cutoffs.size(); ++i) {
        quality.recall[i] = sums.hits[i] * each;
        quality.ndcg[i] = sums.gains[i] * each;
      }
      quality.mrr = sums.reciprocal_ranks * each;
      quality.coverage = static_cast<double>(sums.covered.size())
                         / std::max(1.0, static_cast<double>(events_of_.size()));
      quality.mean_popularity = sums.popularity / std::max(1.0, static_cast<double>(sums.shown));
      made.models.push_back(std::move(quality));
    }
    return made;
  }

  std::span<const stored_event> events_;
  std::shared_ptr<const fold_rules> rules_;
  evaluation_options options_;
  std::vector<std::size_t> order_; ///< of events_, by time
  boost::unordered_flat_map<item_key, item_ptr, std::hash<item_key>> records_;
  /// Items in the catalogue with their events so far.
  boost::unordered_flat_map<item_key, std::uint64_t, std::hash<item_key>> events_of_;
  boost::unordered_flat_map<user_id, user_state, std::hash<user_id>> users_;
  std::vector<slice_group> groups_; ///< the first one learns everything
  std::vector<contender> contenders_;
  std::vector<tally> tallies_;
  std::vector<candidate_list> answers_;
  std::size_t targets_ = 0;
};

} // namespace

result<evaluation> evaluate(std::span<const stored_event> events, std::span<const item> items,
                            const config::users_settings& users,
                            const config::signals_settings& signals,
                            const config::blend_settings& blend,
                            const evaluation_options& options) {
  const auto invalid = [](std::string context) {
    return failure{errc::invalid_argument, std::move(context)};
  };
  if (!(options.warmup >= 0 && options.warmup < 1))
    return invalid(fmt::format("warmup is {}; it takes 0 up to, but not, 1", options.warmup));
  if (!(options.cut > 0 && options.cut < 1))
    return invalid(fmt::format("cut is {}; it takes more than 0 and less than 1", options.cut));
  if (options.shards < 1 || options.shards > 1024)
    return invalid(fmt::format("shards is {}; it takes 1 to 1024", options.shards));
  auto rules = fold_rules::make(users, signals);
  if (!rules)
    return rules.error();
  auto made = evaluator{events, items, *rules, blend, options}.run();
  if (made.targets == 0)
    return invalid(fmt::format("no event of the {} can be a target: nobody has a history before it",
                               events.size()));
  return made;
}

} // namespace troupe::model
