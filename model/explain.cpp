#include "model/explain.hpp"

#include "base/stable_hash.hpp"
#include "model/blend_learner.hpp"
#include "model/catalogue_slice.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <unordered_map>
#include <utility>

namespace troupe::model {

namespace {

/// The shards and the user as they were, moved forward event by event.
class past {
public:
  past(const slate_origin& origin, const user_id& user, const config::settings& settings,
       std::shared_ptr<const fold_rules> rules, std::shared_ptr<const fold_rules> window_rules)
      : origin_(origin), user_(user), rules_(std::move(rules)),
        window_rules_(std::move(window_rules)), blend_(settings.blend),
        newest_(origin.blend_arrival) {
    const auto shards = static_cast<std::uint32_t>(origin.learned.size());
    for (std::uint32_t shard = 0; shard < shards; ++shard)
      slices_.emplace_back(shard, shards, settings.signals, settings.blend);
    for (const auto& learned : origin.learned)
      newest_ = std::max(newest_, learned.value_or(0));
  }

  void add(std::span<const item_ptr> catalogue) {
    for (const auto& record : catalogue)
      slice_of(key_of(record->id)).upsert(record);
  }

  void take(const stored_event& what) {
    arrival_ = what.arrival;
    auto& window = windows_[what.what.user];
    if (auto lesson = observe(window, what.what, *rules_)) {
      lesson->arrival = what.arrival;
      for (std::size_t shard = 0; shard < slices_.size(); ++shard)
        if (what.arrival <= origin_.learned[shard].value_or(0))
          slices_[shard].learn(*lesson);
    }
    if (what.arrival <= origin_.blend_arrival)
      if (const auto lesson = make_blend_lesson(what, *rules_))
        blend_.learn(*lesson);
    auto numbered = what;
    numbered.seq = window.seq() + 1;
    apply(window, numbered, {}, *window_rules_);
    if (what.what.user == user_ && what.seq == who_.seq() + 1 && what.seq <= origin_.profile_seq) {
      const auto key = key_of(what.what.item);
      apply(who_, what, slice_of(key).traits(key), *rules_);
      received_ = what.received;
    }
  }

  [[nodiscard]] bool is_there() const noexcept {
    return arrival_ >= newest_ && who_.seq() == origin_.profile_seq;
  }

  [[nodiscard]] std::vector<slate_item> slate(const slate_recipe& recipe) {
    auto query = recipe.query;
    query.now = from_millis(origin_.created_ms);
    auto taste = make_taste(who_, *rules_, query.now);
    if (recipe.model)
      taste.sequence = sequence_query(recipe.model, query.now);
    query.who = std::make_shared<const model::taste>(std::move(taste));
    query.user = user_;
    query.model_version = origin_.model_version;
    if (origin_.blend_arrival != 0)
      query.blend = std::make_shared<const config::blend_settings>(blend_.blend());
    std::vector<candidate_list> answers;
    for (std::size_t shard = 0; shard < slices_.size(); ++shard)
      if (origin_.learned[shard])
        answers.push_back(slices_[shard].score(query));
    align_sequence_parts(answers);
    return compose(answers, who_, recipe.rules);
  }

private:
  /// What the encoder had to say, as the session asked it.
  [[nodiscard]] std::vector<float> sequence_query(const sequence_model_ptr& by, timestamp now) {
    for (auto& slice : slices_) {
      slice.adopt(by);
      slice.adopt_rows(std::numeric_limits<std::size_t>::max());
    }
    std::vector<sequence_event> events;
    for (const auto& one : sequence_history(who_, *rules_, *by))
      events.push_back({slice_of(one.item).vector_of(one.item, by->version()), one.kind, one.time});
    sequence_state state;
    const sequence_advance all{&state, events};
    advance(*by, {&all, 1});
    if (state.last == timestamp{})
      return {};
    return by->query(state, query_moment(state, received_, now));
  }

  [[nodiscard]] catalogue_slice& slice_of(item_key key) {
    return slices_[shard_of(key, static_cast<std::uint32_t>(slices_.size()))];
  }

  const slate_origin& origin_;
  const user_id& user_;
  std::shared_ptr<const fold_rules> rules_;
  std::shared_ptr<const fold_rules> window_rules_; ///< keep the history ring only
  std::vector<catalogue_slice> slices_;
  blend_learner blend_;
  std::unordered_map<user_id, profile> windows_;
  profile who_;
  timestamp received_{}; ///< of the last event of `who_`
  std::uint64_t newest_;
  std::uint64_t arrival_ = 0;
};

} // namespace

result<std::vector<slate_item>> explain_slate(const slate_origin& origin, const user_id& user,
                                              const slate_recipe& recipe,
                                              std::span<const item_ptr> catalogue,
                                              const config::settings& settings,
                                              const event_source& log) {
  if (origin.user_hash != (stable_hash(user.value) & 0xffffffffU))
    return failure{errc::invalid_argument, "slate_id: the slate is another user's"};
  if (origin.learned.empty())
    return failure{errc::invalid_argument, "slate_id: names no shard"};
  auto rules = fold_rules::make(settings.users, settings.signals);
  if (!rules)
    return rules.error();
  auto lean = settings.users;
  lean.seen_max = 1;
  lean.recent_events_max = 1;
  lean.affinities_max = 1;
  auto window_rules = fold_rules::make(lean, settings.signals);
  if (!window_rules)
    return window_rules.error();
  past then{origin, user, settings, *rules, *window_rules};
  then.add(catalogue);
  std::uint64_t after = 0;
  while (!then.is_there()) {
    auto events = log(after);
    if (!events)
      return events.error();
    if (events->empty())
      return failure{errc::not_found, "the log ends before the slate's events"};
    after = events->back().arrival;
    for (const auto& one : *events)
      then.take(one);
  }
  return then.slate(recipe);
}

} // namespace troupe::model
