#include "model/evaluate.hpp"

#include "base/stable_hash.hpp"
#include "model/content.hpp"
#include "model/profile.hpp"
#include "model/rankers.hpp"

#include <boost/unordered/unordered_flat_map.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace troupe::model {

namespace {

constexpr std::size_t slate_size = model_quality::cutoffs.back();
constexpr std::uint64_t bootstrap_seed = 20221013;
constexpr std::size_t curve_windows = 20; ///< of the targets, one after the other

/// Bits of a barred item.
constexpr std::uint8_t is_hidden = 1;
constexpr std::uint8_t is_seen = 2;
constexpr std::uint8_t is_warm = 4; ///< cold_start: was there in training

/// A ranker and the place of its first list among all lists.
struct seat {
  std::unique_ptr<ranker> who;
  std::size_t first = 0;
  bool is_out = false;
};

struct user_state {
  user_number number = 0;
  profile who;
  std::vector<past_event> history;
  std::vector<item_number> seen;
  std::vector<ranked_items> pushed; ///< with pushed_slate: by list
};

/// Whether the protocol cold_start withholds an item; the same ones whatever the data's order.
bool is_withheld(const item_id& id, double share) {
  constexpr std::uint64_t parts = 10'000;
  return stable_hash(id.value) % parts < static_cast<std::uint64_t>(share * double{parts});
}

/// What the withheld items' popularity would be if their events were known: an upper bound for
/// ranking them by popularity, which counts the very targets.
class withheld_popularity final : public ranker {
public:
  withheld_popularity(std::span<const stored_event> events, double share) {
    for (const auto& one : events)
      if (is_withheld(one.what.item, share))
        ++events_of_[key_of(one.what.item)];
  }

  [[nodiscard]] std::span<const std::string> names() const override { return names_; }

  void enter(item_number number, const item_ptr& record) override {
    if (const auto found = events_of_.find(key_of(record->id)); found != events_of_.end())
      order_.emplace_back(found->second, number);
  }

  void learn(const lesson& /*what*/) override {}

  void rank(const ranking_query& query, std::span<ranked_items> to) override {
    if (!std::exchange(is_sorted_, true))
      std::stable_sort(order_.begin(), order_.end(),
                       [](const auto& a, const auto& b) { return a.first > b.first; });
    to.front().clear();
    for (const auto& [count, number] : order_)
      if (query.barred[number] == 0 && to.front().size() < query.k)
        to.front().push_back(number);
  }

private:
  std::vector<std::string> names_{"popularity_withheld"};
  boost::unordered_flat_map<item_key, std::uint64_t, std::hash<item_key>> events_of_;
  std::vector<std::pair<std::uint64_t, item_number>> order_;
  bool is_sorted_ = false; ///< all items have entered before the first query
};

class evaluator {
public:
  evaluator(std::span<const stored_event> events, std::span<const item> items,
            const ranker_settings& settings, const evaluation_options& options,
            std::vector<std::unique_ptr<ranker>> rankers)
      : events_(events), rules_(settings.rules), options_(options),
        bars_seen_(settings.blend.seen == "exclude"), order_(events.size()) {
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::stable_sort(order_.begin(), order_.end(), [events](std::size_t a, std::size_t b) {
      return events[a].what.time < events[b].what.time;
    });
    for (const auto& one : items)
      records_.emplace(key_of(one.id), std::make_shared<const item>(one));
    for (auto& one : rankers) {
      const auto lists = one->names().size();
      seats_.push_back({std::move(one), tallies_.size()});
      tallies_.resize(tallies_.size() + lists);
    }
    shown_.resize(tallies_.size());
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
    case evaluation_protocol::cold_start:
      cold_start();
      break;
    }
    return summary();
  }

private:
  // -- protocols -------------------------------------------------------------------------------

  void prequential() {
    const auto first = share_of_events(options_.warmup);
    std::size_t warm = 0; // items of the warm-up
    for (std::size_t i = 0; i < order_.size(); ++i) {
      if (i == first) {
        prepare();
        warm = catalogue_.size();
      }
      const auto& what = events_[order_[i]].what;
      auto& user = state_of(what.user);
      const auto met = number_of(what.item);
      const bool is_asked = !options_.new_items || (met != no_item && met >= warm);
      const bool is_target = i >= first && user.who.history_size() > 0 && is_asked;
      if (is_target && options_.pushed_slate)
        judge(user, user.pushed, what.item);
      else if (is_target)
        ask_and_judge(user, what);
      const auto number = enter_catalogue(what.item);
      learn(user, what, number);
      // The first target's slate is pushed by an event of the warm-up, so all are made.
      if (options_.pushed_slate) {
        user.pushed.resize(tallies_.size());
        recommend(user, what.time, user.pushed);
      }
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
        learn(state_of(what.user), what, number_of(what.item));
    prepare();
    for (const auto index : order_) {
      const auto& what = events_[index].what;
      const auto user = users_.find(what.user);
      if (last[what.user] != index || user == users_.end() || user->second.who.history_size() == 0)
        continue;
      ask_and_judge(user->second, what);
    }
  }

  void time_split() {
    const auto first = share_of_events(options_.cut);
    for (std::size_t i = 0; i < first; ++i) {
      const auto& what = events_[order_[i]].what;
      const auto number = enter_catalogue(what.item);
      learn(state_of(what.user), what, number);
    }
    prepare();
    for (std::size_t i = first; i < order_.size(); ++i) {
      const auto& what = events_[order_[i]].what;
      const auto user = users_.find(what.user);
      if (user == users_.end() || user->second.who.history_size() == 0)
        continue;
      ask_and_judge(user->second, what);
      fold(user->second, what, number_of(what.item));
    }
  }

  void cold_start() {
    const auto is_cold = [this](const item_id& id) { return is_withheld(id, options_.withheld); };
    boost::unordered_flat_map<user_id, std::size_t, std::hash<user_id>> last; // places in order_
    for (std::size_t i = 0; i < order_.size(); ++i)
      if (const auto& what = events_[order_[i]].what; is_cold(what.item))
        last[what.user] = i;
    for (const auto& [key, record] : records_)
      if (!is_cold(record->id))
        enter_catalogue(record->id);
    for (std::size_t i = 0; i < order_.size(); ++i) {
      const auto& what = events_[order_[i]].what;
      const auto target = last.find(what.user);
      if (!is_cold(what.item) && (target == last.end() || i < target->second))
        learn(state_of(what.user), what, enter_catalogue(what.item));
    }
    prepare();
    open_cold();
    for (std::size_t i = 0; i < order_.size(); ++i) {
      const auto& what = events_[order_[i]].what;
      const auto user = users_.find(what.user);
      const auto number = number_of(what.item);
      if (!is_cold(what.item) || number == no_item || user == users_.end())
        continue;
      if (last[what.user] == i && user->second.who.history_size() > 0)
        ask_and_judge(user->second, what);
      user->second.seen.push_back(number);
    }
  }

  /// The withheld items with a record enter, and only they may be shown.
  void open_cold() {
    for (item_number number = 0; number < catalogue_.size(); ++number) {
      barred_[number] |= is_warm;
      for (const auto& one : seats_)
        one.who->hide(catalogue_[number]);
    }
    const auto warm = catalogue_.size();
    std::vector<item_id> cold;
    for (const auto& [key, record] : records_)
      if (is_withheld(record->id, options_.withheld))
        cold.push_back(record->id);
    for (const auto& id : cold)
      enter_catalogue(id);
    cold_ = catalogue_.size() - warm;
  }

  [[nodiscard]] std::size_t share_of_events(double share) const {
    return static_cast<std::size_t>(share * static_cast<double>(order_.size()));
  }

  // -- catalogue and users ---------------------------------------------------------------------

  item_number enter_catalogue(const item_id& id) {
    const auto key = key_of(id);
    const auto [at, is_new] = numbers_.emplace(key, static_cast<item_number>(catalogue_.size()));
    const auto number = at->second;
    if (!is_new)
      return number;
    auto& record = records_[key];
    if (!record) {
      auto bare = std::make_shared<item>();
      bare->id = id;
      record = std::move(bare);
    }
    catalogue_.push_back(record);
    events_of_.push_back(0);
    barred_.push_back(record->hidden ? is_hidden : 0);
    for (const auto& one : seats_)
      if (!one.is_out)
        one.who->enter(number, record);
    return number;
  }

  [[nodiscard]] item_number number_of(const item_id& id) const {
    const auto found = numbers_.find(key_of(id));
    return found == numbers_.end() ? no_item : found->second;
  }

  user_state& state_of(const user_id& id) {
    const auto number = static_cast<user_number>(users_.size());
    const auto [at, is_new] = users_.try_emplace(id);
    if (is_new) {
      at->second.number = number;
      targets_of_.push_back(0);
    }
    return at->second;
  }

  void learn(user_state& user, const event& what, item_number number) {
    const lesson taught{
        user.number, {&what, number, rules_->meaning_of(what).sequence}, user.who, user.history};
    for (const auto& one : seats_)
      if (!one.is_out)
        one.who->learn(taught);
    ++events_of_[number];
    fold(user, what, number);
  }

  void fold(user_state& user, const event& what, item_number number) {
    stored_event stored;
    stored.what = what;
    stored.seq = user.who.seq() + 1;
    item_traits traits;
    if (number != no_item)
      traits = {true, labels_of(*catalogue_[number], rules_->signals().content_terms_max)};
    apply(user.who, stored, traits, *rules_);
    if (number == no_item)
      return;
    const auto meaning = rules_->meaning_of(what);
    if (meaning.history)
      user.history.push_back({&what, number, meaning.sequence});
    if (meaning.seen)
      user.seen.push_back(number);
  }

  // -- ranking ---------------------------------------------------------------------------------

  void prepare() {
    for (auto& one : seats_)
      if (const auto done = one.who->prepare(); !done) {
        one.is_out = true;
        notes_.push_back(fmt::format("{}: left out, {}", fmt::join(one.who->names(), ", "),
                                     done.error().context));
      }
  }

  void ask_and_judge(const user_state& user, const event& target) {
    recommend(user, options_.when == query_time::zero ? user.who.last_event() : target.time,
              shown_);
    judge(user, shown_, target.item);
  }

  void recommend(const user_state& user, timestamp now, std::span<ranked_items> to) {
    if (bars_seen_)
      for (const auto item : user.seen)
        barred_[item] |= is_seen;
    const ranking_query query{user.number, user.who, user.history, now, barred_, slate_size};
    for (const auto& one : seats_)
      if (!one.is_out)
        one.who->rank(query, to.subspan(one.first, one.who->names().size()));
    for (const auto item : user.seen)
      barred_[item] &= static_cast<std::uint8_t>(~is_seen);
  }

  void judge(const user_state& user, std::span<const ranked_items> shown, const item_id& target) {
    ++targets_;
    ++targets_of_[user.number];
    const auto number = number_of(target);
    for (std::size_t i = 0; i < tallies_.size(); ++i)
      tallies_[i].judge(user.number, i < shown.size() ? shown[i] : ranked_items{}, number,
                        events_of_);
  }

  // -- figures ---------------------------------------------------------------------------------

  [[nodiscard]] evaluation summary() {
    evaluation made;
    made.events = events_.size();
    made.users = users_.size();
    made.items = catalogue_.size();
    made.cold = cold_;
    made.targets = targets_;
    made.notes = notes_;
    if (options_.protocol != evaluation_protocol::leave_one_out
        && options_.protocol != evaluation_protocol::cold_start)
      place_curve(made);
    std::vector<std::span<const double>> sums;
    for (const auto& one : seats_) {
      for (std::size_t i = 0; i < one.who->names().size() && !one.is_out; ++i) {
        const auto& tally = tallies_[one.first + i];
        made.models.push_back(tally.summary(one.who->names()[i], catalogue_.size()));
        made.models.back().recall_curve = tally.moving_recall(made.curve_at, made.curve_window);
        sums.push_back(tally.hits_of());
        sums.push_back(tally.gains_of());
      }
    }
    const auto intervals = bootstrap(targets_of_, sums, bootstrap_seed);
    for (std::size_t i = 0; i < made.models.size(); ++i) {
      made.models[i].recall_interval = intervals[2 * i];
      made.models[i].ndcg_interval = intervals[2 * i + 1];
    }
    return made;
  }

  void place_curve(evaluation& in) const {
    in.curve_window = std::max<std::size_t>(1, targets_ / curve_windows);
    const auto rest = targets_ - std::min(targets_, in.curve_window);
    for (std::size_t point = 1; point <= evaluation::curve_points; ++point)
      in.curve_at.push_back(in.curve_window + rest * point / evaluation::curve_points);
  }

  std::span<const stored_event> events_;
  std::shared_ptr<const fold_rules> rules_;
  evaluation_options options_;
  bool bars_seen_;
  std::vector<std::size_t> order_; ///< of events_, by time
  boost::unordered_flat_map<item_key, item_ptr, std::hash<item_key>> records_;
  boost::unordered_flat_map<item_key, item_number, std::hash<item_key>> numbers_;
  std::vector<item_ptr> catalogue_;      ///< by item number, as the next two
  std::vector<std::uint64_t> events_of_; ///< so far
  std::vector<std::uint8_t> barred_;     ///< is_seen only while one user's query is ranked
  boost::unordered_flat_map<user_id, user_state, std::hash<user_id>> users_;
  std::vector<std::uint32_t> targets_of_; ///< by user number
  std::vector<seat> seats_;
  std::vector<quality_tally> tallies_; ///< by list
  std::vector<ranked_items> shown_;    ///< likewise, working memory
  std::vector<std::string> notes_;
  std::size_t targets_ = 0;
  std::size_t cold_ = 0;
};

result<void> check_options(const evaluation_options& options) {
  const auto invalid = [](std::string context) {
    return failure{errc::invalid_argument, std::move(context)};
  };
  if (!(options.warmup >= 0 && options.warmup < 1))
    return invalid(fmt::format("warmup is {}; it takes 0 up to, but not, 1", options.warmup));
  if (!(options.cut > 0 && options.cut < 1))
    return invalid(fmt::format("cut is {}; it takes more than 0 and less than 1", options.cut));
  if (!(options.withheld > 0 && options.withheld < 1))
    return invalid(
        fmt::format("withheld is {}; it takes more than 0 and less than 1", options.withheld));
  if (options.shards < 1 || options.shards > 1024)
    return invalid(fmt::format("shards is {}; it takes 1 to 1024", options.shards));
  return {};
}

} // namespace

result<evaluation> evaluate(std::span<const stored_event> events, std::span<const item> items,
                            const config::users_settings& users,
                            const config::signals_settings& signals,
                            const config::blend_settings& blend, const evaluation_options& options,
                            std::vector<std::unique_ptr<ranker>> more) {
  if (const auto ok = check_options(options); !ok)
    return ok.error();
  auto rules = fold_rules::make(users, signals);
  if (!rules)
    return rules.error();
  const ranker_settings settings{*rules, blend, options.shards, options.encoder};
  const bool is_cold = options.protocol == evaluation_protocol::cold_start;
  auto roster = make_rankers(options.models, settings,
                             is_cold || options.protocol == evaluation_protocol::prequential);
  if (!roster)
    return roster.error();
  if (is_cold)
    roster->rankers.push_back(std::make_unique<withheld_popularity>(events, options.withheld));
  for (auto& one : more)
    roster->rankers.push_back(std::move(one));
  auto made = evaluator{events, items, settings, options, std::move(roster->rankers)}.run();
  made.notes.insert(made.notes.begin(), roster->notes.begin(), roster->notes.end());
  if (made.models.empty())
    return failure{errc::invalid_argument,
                   fmt::format("no model can take part: {}", fmt::join(made.notes, "; "))};
  if (made.targets == 0)
    return failure{errc::invalid_argument,
                   fmt::format("no event of the {} can be a target: nobody has a history before it",
                               events.size())};
  return made;
}

} // namespace troupe::model
