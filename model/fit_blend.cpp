#include "model/fit_blend.hpp"

#include "model/catalogue_slice.hpp"
#include "model/sequence_model.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace troupe::model {

namespace {

constexpr std::uint64_t trial_version = 1;
constexpr std::size_t depth = 10;

/// Steps, each of one event or one question, between two looks at whether to stop: milliseconds.
constexpr std::size_t steps_between_looks = 32;

/// From nothing, through as much as the other signals are by default, to the encoder deciding
/// alone.
constexpr std::array weights{0.0, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 10.0};

/// Everything but the last events, learnt; then the last ones, asked for.
class fitting {
public:
  fitting(std::span<const stored_event> events, std::span<const item> items,
          const fold_rules& rules, const config::blend_settings& blend,
          const std::function<bool()>& stop)
      : rules_(rules), drops_seen_(blend.seen == "exclude"), stop_(stop),
        slice_(0, 1, rules.signals(), blend), events_(events) {
    for (const auto& one : items)
      slice_.upsert(std::make_shared<const item>(one));
    for (const auto& one : events)
      if (!slice_.find(key_of(one.what.item))) {
        item unknown;
        unknown.id = one.what.item;
        slice_.upsert(std::make_shared<const item>(std::move(unknown)));
      }
    for (const auto weight : weights) {
      auto made = std::make_shared<config::blend_settings>(blend);
      made->sequence = weight;
      made->diversity = 0;
      blends_.push_back(std::move(made));
    }
  }

  /// Learns the past and leaves each user's last event in `targets_`.
  void learn() {
    std::vector<std::size_t> order(events_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) {
      return events_[a].what.time < events_[b].what.time;
    });
    boost::unordered_flat_map<user_id, std::size_t, std::hash<user_id>> last;
    for (const auto index : order)
      if (is_taught(events_[index].what))
        last[events_[index].what.user] = index;
    for (const auto index : order) {
      if (looks_stopped())
        return;
      const auto& what = events_[index].what;
      if (!is_taught(what))
        continue;
      if (last[what.user] == index) {
        targets_.push_back(index);
        continue;
      }
      teach(what);
    }
  }

  /// Learns the events before `first`; asks for some of the others, and learns them too.
  blend_fit learn_and_ask(const sequence_model_ptr& model, std::size_t first,
                          std::size_t targets_max) {
    auto made = begin(model);
    const auto ahead = events_.size() - std::min(first, events_.size());
    const auto stride = std::max<std::size_t>(1, ahead / std::max<std::size_t>(1, targets_max));
    for (std::size_t i = 0; i < events_.size() && !looks_stopped(); ++i) {
      const auto& what = events_[i].what;
      if (!is_taught(what))
        continue;
      const auto user = users_.find(what.user);
      if (i >= first && (i - first) % stride == 0 && user != users_.end()
          && can_be_shown(what, user->second)) {
        ++made.users;
        judge(*model, user->second, what, made);
      }
      teach(what);
    }
    return made;
  }

  blend_fit ask(const sequence_model_ptr& model, std::size_t users_max) {
    auto made = begin(model);
    const auto asked = std::min(users_max, targets_.size());
    for (std::size_t i = 0; i < asked && !looks_stopped(); ++i) {
      const auto& target = events_[targets_[i * targets_.size() / asked]].what;
      const auto user = users_.find(target.user);
      if (user == users_.end() || !can_be_shown(target, user->second))
        continue;
      ++made.users;
      judge(*model, user->second, target, made);
    }
    return made;
  }

  [[nodiscard]] bool is_stopped() const noexcept { return is_stopped_; }

private:
  bool looks_stopped() {
    if (stop_ && !is_stopped_ && ++steps_ % steps_between_looks == 0)
      is_stopped_ = stop_();
    return is_stopped_;
  }

  blend_fit begin(const sequence_model_ptr& model) {
    slice_.adopt(model);
    slice_.adopt_rows(std::numeric_limits<std::size_t>::max());
    blend_fit made;
    for (const auto weight : weights)
      made.trials.push_back({weight, 0});
    return made;
  }

  void teach(const event& what) {
    auto& user = users_[what.user];
    if (const auto lesson = observe(user, what, rules_))
      slice_.learn(*lesson);
    stored_event numbered{what};
    numbered.seq = user.seq() + 1;
    apply(user, numbered, slice_.traits(key_of(what.item)), rules_);
  }

  [[nodiscard]] bool is_taught(const event& what) const {
    const auto meaning = rules_.meaning_of(what);
    return meaning.history && meaning.sequence > 0;
  }

  /// Whatever the weights are, nobody is shown what is left out.
  [[nodiscard]] bool can_be_shown(const event& target, const profile& to) const {
    return !drops_seen_ || !to.seen().contains(key_of(target.item));
  }

  [[nodiscard]] std::vector<float> query_of(const sequence_model& model, const profile& who) const {
    std::vector<sequence_event> past;
    for (const auto& one : sequence_history(who, rules_, model))
      past.push_back({slice_.vector_of(one.item, trial_version), one.kind, one.time});
    sequence_state state;
    const sequence_advance all{&state, past};
    advance(model, {&all, 1});
    return model.query(state, state.last);
  }

  void judge(const sequence_model& model, const profile& who, const event& target,
             blend_fit& to) const {
    score_query query;
    auto taste = make_taste(who, rules_, who.last_event());
    taste.sequence = query_of(model, who);
    query.who = std::make_shared<const model::taste>(std::move(taste));
    query.now = who.last_event();
    query.limit = depth;
    query.model_version = trial_version;
    std::vector<score_query> queries(blends_.size(), query);
    for (std::size_t i = 0; i < blends_.size(); ++i)
      queries[i].blend = blends_[i];
    const auto answers = slice_.score(queries); // one pass over the items' vectors for all
    for (std::size_t i = 0; i < answers.size(); ++i) {
      const auto& found = answers[i].found;
      for (std::size_t rank = 0; rank < found.size(); ++rank)
        if (found[rank].key == key_of(target.item))
          to.trials[i].ndcg += 1 / std::log2(static_cast<double>(rank) + 2);
    }
  }

  const fold_rules& rules_;
  bool drops_seen_;
  const std::function<bool()>& stop_;
  std::size_t steps_ = 0;
  bool is_stopped_ = false;
  catalogue_slice slice_;
  std::span<const stored_event> events_;
  std::vector<std::shared_ptr<const config::blend_settings>> blends_;
  boost::unordered_flat_map<user_id, profile, std::hash<user_id>> users_;
  std::vector<std::size_t> targets_; ///< of events_, in the order of time
};

/// Averages, and the weight that is best together with its neighbours.
result<blend_fit> chosen(const fitting& by, blend_fit from) {
  if (by.is_stopped())
    return failure{errc::unavailable, "the fit was stopped"};
  if (from.users == 0)
    return failure{errc::invalid_argument, "no user has two events: nothing to fit the blend to"};
  for (auto& one : from.trials)
    one.ndcg /= static_cast<double>(from.users);
  const auto& tried = from.trials;
  double best = -1;
  for (std::size_t i = 0; i < tried.size(); ++i) {
    const auto before = tried[i > 0 ? i - 1 : i].ndcg;
    const auto behind = tried[std::min(i + 1, tried.size() - 1)].ndcg;
    if (const auto smooth = (before + 2 * tried[i].ndcg + behind) / 4; smooth > best) {
      best = smooth;
      from.weight = tried[i].weight;
    }
  }
  return from;
}

} // namespace

result<blend_fit> fit_sequence_weight(std::span<const stored_event> events,
                                      std::span<const item> items, const fold_rules& rules,
                                      const config::blend_settings& blend,
                                      const trained_encoder& encoder,
                                      const std::function<bool()>& stop, std::size_t users_max) {
  auto unaware = encoder; // of the events that are asked for
  if (!encoder.unaware.empty())
    unaware.weights = encoder.unaware;
  auto model = sequence_model::make(trial_version, std::move(unaware), 1, rules);
  if (!model)
    return model.error();
  fitting fit{events, items, rules, blend, stop};
  fit.learn();
  auto asked = fit.ask(*model, users_max);
  return chosen(fit, std::move(asked));
}

result<blend_fit> fit_sequence_weight_ahead(std::span<const stored_event> events, std::size_t first,
                                            std::span<const item> items, const fold_rules& rules,
                                            const config::blend_settings& blend,
                                            const trained_encoder& encoder,
                                            const std::function<bool()>& stop,
                                            std::size_t targets_max) {
  auto model = sequence_model::make(trial_version, encoder, 1, rules);
  if (!model)
    return model.error();
  fitting fit{events, items, rules, blend, stop};
  auto asked = fit.learn_and_ask(*model, first, targets_max);
  return chosen(fit, std::move(asked));
}

} // namespace troupe::model
