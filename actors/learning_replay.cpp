#include "actors/learning_replay.hpp"

#include "base/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace troupe::actors {

namespace {

constexpr std::size_t page_events = 2000;
constexpr std::size_t page_items = 2000;
/// How many pages of a user's past are read for the first window: events that leave no trace in
/// the history (impressions) may fill many.
constexpr int window_pages_max = 10;

} // namespace

result<learning_replay> learning_replay::make(const storage::event_log& log,
                                              const config::users_settings& users,
                                              const config::signals_settings& signals,
                                              std::uint64_t after, std::size_t users_max) {
  // A window needs the history ring and nothing else of a profile.
  auto lean = users;
  lean.seen_max = 1;
  lean.recent_events_max = 1;
  lean.affinities_max = 1;
  auto rules = model::fold_rules::make(lean, signals);
  if (!rules)
    return rules.error();
  return learning_replay{log, std::move(*rules), after, users_max};
}

learning_replay::learning_replay(const storage::event_log& log,
                                 std::shared_ptr<const model::fold_rules> rules,
                                 std::uint64_t after, std::size_t users_max)
    : log_(&log), rules_(std::move(rules)), position_(after), users_max_(users_max) {}

result<replayed_lessons> learning_replay::next(std::size_t events_max) {
  auto events = log_->read_arrivals(position_, events_max);
  if (!events)
    return events.error();
  at_end_ = events->size() < events_max;
  replayed_lessons learnt;
  learnt.seen.reserve(events->size());
  for (const auto& one : *events) {
    position_ = one.arrival;
    auto window = window_of(one);
    if (!window)
      return window.error();
    if (auto lesson = model::observe(**window, one.what, *rules_)) {
      lesson->arrival = one.arrival;
      learnt.seen.push_back(std::move(*lesson));
    }
    if (auto lesson = model::make_blend_lesson(one, *rules_))
      learnt.judged.push_back(*lesson);
    move_forward(**window, one);
  }
  return learnt;
}

result<model::profile*> learning_replay::window_of(const stored_event& what) {
  if (const auto known = windows_.find(what.what.user); known != windows_.end()) {
    order_.splice(order_.end(), order_, known->second);
    return &known->second->second;
  }
  auto window = first_window(what);
  if (!window)
    return window.error();
  if (windows_.size() >= users_max_) {
    windows_.erase(order_.front().first);
    order_.pop_front();
  }
  order_.emplace_back(what.what.user, std::move(*window));
  const auto place = std::prev(order_.end());
  windows_.emplace(what.what.user, place);
  return &place->second;
}

result<model::profile> learning_replay::first_window(const stored_event& what) const {
  model::profile window;
  std::vector<stored_event> past; // newest first
  std::size_t kept = 0;
  auto before = what.seq;
  const auto wanted = rules_->users().history_max;
  for (int page = 0; page < window_pages_max && before > 1 && kept < wanted; ++page) {
    auto events = log_->read_user_newest(what.what.user, before, wanted);
    if (!events)
      return events.error();
    if (events->empty())
      break;
    before = events->back().seq;
    for (auto& one : *events)
      if (rules_->meaning_of(one.what).history && kept < wanted) {
        ++kept;
        past.push_back(std::move(one));
      }
  }
  for (auto one = past.rbegin(); one != past.rend(); ++one)
    move_forward(window, *one);
  return window;
}

void learning_replay::move_forward(model::profile& window, const stored_event& what) const {
  // A window begins anywhere in the user's events, so it counts for itself.
  auto numbered = what;
  numbered.seq = window.seq() + 1;
  model::apply(window, numbered, {}, *rules_);
}

// -- slices ----------------------------------------------------------------------------------

std::string checkpoint_name(std::size_t shard, std::size_t shards) {
  return fmt::format("shard-{}-of-{}", shard, shards);
}

namespace {

result<void> load_records(storage::store& from,
                          const std::vector<std::shared_ptr<model::catalogue_slice>>& slices) {
  const auto shards = static_cast<std::uint32_t>(slices.size());
  item_id after;
  while (true) {
    auto page = from.items().scan(after, page_items);
    if (!page)
      return page.error();
    if (page->empty())
      return {};
    after = page->back().id;
    for (auto& record : *page) {
      const auto shard = shard_of(key_of(record.id), shards);
      slices[shard]->upsert(std::make_shared<const item>(std::move(record)));
    }
  }
}

/// Gives `into` the checkpoint of that name, if there is one. One that cannot be used is passed
/// over and logged. Errors: the store's.
template <class Learner>
result<void> restore_from(storage::store& from, const std::string& name, Learner& into) {
  auto bytes = from.models().load(name);
  if (!bytes && bytes.error().code != errc::corrupt_data)
    return bytes.error();
  const auto restored = !bytes   ? result<void>{bytes.error()}
                        : *bytes ? into.restore(**bytes)
                                 : result<void>{};
  if (!restored)
    TROUPE_LOG(warn, "checkpoint.passed_over", "name={} error=\"{}\"", name,
               restored.error().context);
  return {};
}

} // namespace

result<std::vector<std::shared_ptr<model::catalogue_slice>>>
load_slices(storage::store& from, const config::settings& settings) {
  const auto shards = from.layout().shards;
  std::vector<std::shared_ptr<model::catalogue_slice>> slices;
  for (std::uint32_t shard = 0; shard < shards; ++shard) {
    auto slice =
        std::make_shared<model::catalogue_slice>(shard, shards, settings.signals, settings.blend);
    if (auto read = restore_from(from, checkpoint_name(shard, shards), *slice); !read)
      return read.error();
    slices.push_back(std::move(slice));
  }
  if (auto loaded = load_records(from, slices); !loaded)
    return loaded.error();
  return slices;
}

std::uint64_t learned_by_all(const std::vector<std::shared_ptr<model::catalogue_slice>>& slices,
                             const model::blend_learner* blend) noexcept {
  auto learned = blend != nullptr ? blend->learned_arrival() : ~std::uint64_t{0};
  for (const auto& slice : slices)
    learned = std::min(learned, slice->learned_arrival());
  return slices.empty() ? 0 : learned;
}

result<std::shared_ptr<model::blend_learner>> load_blend(storage::store& from,
                                                         const config::blend_settings& settings) {
  auto made = std::make_shared<model::blend_learner>(settings);
  if (auto read = restore_from(from, blend_checkpoint_name, *made); !read)
    return read.error();
  return made;
}

result<checkpoints_built> build_checkpoints(storage::store& store, const config::settings& settings,
                                            const std::function<void(std::uint64_t)>& progress) {
  auto slices = load_slices(store, settings);
  if (!slices)
    return slices.error();
  auto blend = load_blend(store, settings.blend);
  if (!blend)
    return blend.error();
  auto replay = learning_replay::make(store.events(), settings.users, settings.signals,
                                      learned_by_all(*slices, blend->get()));
  if (!replay)
    return replay.error();
  checkpoints_built out;
  while (!replay->at_end()) {
    auto lessons = replay->next(page_events);
    if (!lessons)
      return lessons.error();
    for (const auto& lesson : lessons->seen)
      for (const auto& slice : *slices)
        slice->learn(lesson);
    for (const auto& lesson : lessons->judged)
      (*blend)->learn(lesson);
    (*blend)->pass(replay->position());
    out.events += lessons->seen.size();
    if (progress)
      progress(replay->position());
  }
  if (auto saved = store.models().save(blend_checkpoint_name, (*blend)->checkpoint()); !saved)
    return saved.error();
  for (std::size_t shard = 0; shard < slices->size(); ++shard) {
    out.items += (*slices)[shard]->stats().items;
    if (auto saved = store.models().save(checkpoint_name(shard, slices->size()),
                                         (*slices)[shard]->checkpoint());
        !saved)
      return saved.error();
  }
  return out;
}

} // namespace troupe::actors
