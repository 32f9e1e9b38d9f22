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

/// From nothing, through as much as the other signals are by default, to the encoder deciding
/// alone.
constexpr std::array weights{0.0, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 10.0};

} // namespace

/// Users and items that learn events one by one, and what each weight would have shown.
class weight_fit::parts {
public:
  parts(std::span<const item> items, const fold_rules& rules, const config::blend_settings& blend)
      : rules_(rules), drops_seen_(blend.seen == "exclude"), slice_(0, 1, rules.signals(), blend) {
    for (const auto& one : items)
      slice_.upsert(std::make_shared<const item>(one));
    for (const auto weight : weights) {
      auto made = std::make_shared<config::blend_settings>(blend);
      made->sequence = weight;
      made->diversity = 0;
      blends_.push_back(std::move(made));
      fit_.trials.push_back({weight, 0});
    }
  }

  /// From now on events can be asked for.
  void adopt(const sequence_model_ptr& model) {
    model_ = model;
    slice_.adopt(model);
    slice_.adopt_rows(std::numeric_limits<std::size_t>::max());
  }

  /// Every so many of the events ahead is asked for.
  void set_stride(std::size_t to) { stride_ = to; }

  [[nodiscard]] bool is_next_asked() { return ahead_++ % stride_ == 0; }

  [[nodiscard]] bool is_taught(const event& what) const {
    const auto meaning = rules_.meaning_of(what);
    return meaning.history && meaning.sequence > 0;
  }

  /// REQUIRES: is_taught.
  void teach(const event& what) {
    add_unknown(what.item);
    auto& user = users_[what.user];
    if (const auto lesson = observe(user, what, rules_))
      slice_.learn(*lesson);
    stored_event numbered{what};
    numbered.seq = user.seq() + 1;
    apply(user, numbered, slice_.traits(key_of(what.item)), rules_);
  }

  /// An item that nobody described can be shown, too.
  void add_unknown(const item_id& id) {
    if (slice_.find(key_of(id)))
      return;
    item unknown;
    unknown.id = id;
    slice_.upsert(std::make_shared<const item>(std::move(unknown)));
  }

  /// Asks for an event that could be shown. REQUIRES: adopt.
  void ask(const event& target) {
    const auto user = users_.find(target.user);
    if (user == users_.end() || !can_be_shown(target, user->second))
      return;
    ++fit_.users;
    judge(user->second, target);
  }

  /// Averages, and the weight that is best together with its neighbours.
  [[nodiscard]] result<blend_fit> best() const {
    if (fit_.users == 0)
      return failure{errc::invalid_argument, "no user has two events: nothing to fit the blend to"};
    auto made = fit_;
    for (auto& one : made.trials)
      one.ndcg /= static_cast<double>(made.users);
    const auto& tried = made.trials;
    double best = -1;
    for (std::size_t i = 0; i < tried.size(); ++i) {
      const auto before = tried[i > 0 ? i - 1 : i].ndcg;
      const auto behind = tried[std::min(i + 1, tried.size() - 1)].ndcg;
      if (const auto smooth = (before + 2 * tried[i].ndcg + behind) / 4; smooth > best) {
        best = smooth;
        made.weight = tried[i].weight;
      }
    }
    return made;
  }

private:
  /// Whatever the weights are, nobody is shown what is left out.
  [[nodiscard]] bool can_be_shown(const event& target, const profile& to) const {
    return !drops_seen_ || !to.seen().contains(key_of(target.item));
  }

  [[nodiscard]] std::vector<float> query_of(const profile& who) const {
    std::vector<sequence_event> past;
    for (const auto& one : sequence_history(who, rules_, *model_))
      past.push_back({slice_.vector_of(one.item, trial_version), one.kind, one.time});
    sequence_state state;
    const sequence_advance all{&state, past};
    advance(*model_, {&all, 1});
    return model_->query(state, state.last);
  }

  void judge(const profile& who, const event& target) {
    score_query query;
    auto taste = make_taste(who, rules_, who.last_event());
    taste.sequence = query_of(who);
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
          fit_.trials[i].ndcg += 1 / std::log2(static_cast<double>(rank) + 2);
    }
  }

  const fold_rules& rules_;
  bool drops_seen_;
  catalogue_slice slice_;
  sequence_model_ptr model_;
  std::vector<std::shared_ptr<const config::blend_settings>> blends_;
  boost::unordered_flat_map<user_id, profile, std::hash<user_id>> users_;
  blend_fit fit_; ///< sums, as long as events are asked for
  std::size_t stride_ = 1;
  std::size_t ahead_ = 0;
};

namespace {

/// Teaches all but each user's last event, in the order of time; returns the places of those.
std::vector<std::size_t> teach_but_last(weight_fit::parts& by, std::span<const stored_event> events,
                                        const std::function<bool()>& stop) {
  std::vector<std::size_t> order;
  boost::unordered_flat_map<user_id, std::size_t, std::hash<user_id>> last;
  for (std::size_t i = 0; i < events.size(); ++i) {
    by.add_unknown(events[i].what.item);
    if (by.is_taught(events[i].what))
      order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [events](std::size_t a, std::size_t b) {
    return events[a].what.time < events[b].what.time;
  });
  for (const auto index : order)
    last[events[index].what.user] = index;
  std::vector<std::size_t> targets;
  for (const auto index : order) {
    if (stop && stop())
      break;
    const auto& what = events[index].what;
    if (last[what.user] == index)
      targets.push_back(index);
    else
      by.teach(what);
  }
  return targets;
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
  weight_fit::parts fit{items, rules, blend};
  const auto targets = teach_but_last(fit, events, stop);
  fit.adopt(*model);
  const auto asked = std::min(users_max, targets.size());
  for (std::size_t i = 0; i < asked && !(stop && stop()); ++i)
    fit.ask(events[targets[i * targets.size() / asked]].what);
  if (stop && stop())
    return failure{errc::unavailable, "the fit was stopped"};
  return fit.best();
}

weight_fit::weight_fit(std::unique_ptr<parts> from) : parts_(std::move(from)) {}

weight_fit::weight_fit(weight_fit&&) noexcept = default;
weight_fit& weight_fit::operator=(weight_fit&&) noexcept = default;
weight_fit::~weight_fit() = default;

result<weight_fit> weight_fit::make(std::span<const item> items, const fold_rules& rules,
                                    const config::blend_settings& blend,
                                    const trained_encoder& encoder, std::size_t ahead,
                                    std::size_t targets_max) {
  const auto model = sequence_model::make(trial_version, encoder, 1, rules);
  if (!model)
    return model.error();
  auto made = std::make_unique<parts>(items, rules, blend);
  made->adopt(*model);
  made->set_stride(std::max<std::size_t>(1, ahead / std::max<std::size_t>(1, targets_max)));
  return weight_fit{std::move(made)};
}

void weight_fit::learn(const event& what) {
  if (parts_->is_taught(what))
    parts_->teach(what);
}

void weight_fit::ask(const event& what) {
  const auto is_asked = parts_->is_next_asked();
  if (!parts_->is_taught(what))
    return;
  if (is_asked)
    parts_->ask(what);
  parts_->teach(what);
}

result<blend_fit> weight_fit::best() const {
  return parts_->best();
}

} // namespace troupe::model
