#include "model/profile.hpp"

#include "model/affinity_table.hpp"
#include "model/bounded_ring.hpp"
#include "model/history_ring.hpp"

#include <algorithm>
#include <cassert>
#include <string>

namespace troupe::model {

namespace {

constexpr std::string_view other_type = "other";
static_assert(profile::types_max <= history_ring::types_max);

timestamp within_range(timestamp when) noexcept {
  return from_millis(std::clamp<std::int64_t>(to_millis(when), 0, history_ring::millis_max));
}

double half_life_ms(const fold_rules& rules) noexcept {
  return rules.users().affinity_half_life_days * 86'400'000.0;
}

} // namespace

struct profile::state {
  struct type_row {
    std::string name;
    std::uint64_t events = 0;
  };

  std::uint64_t seq = 0;
  timestamp first_event{};
  timestamp last_event{};
  std::uint64_t work = 0;
  history_ring history;
  bounded_ring<event_key> recent_events;
  affinity_table affinities;
  seen_set seen;
  std::vector<type_row> types;

  /// How far back in the history an event may stand for its item among the newest seen ones.
  static constexpr std::size_t seen_window = seen_set::tail_keys_max;

  [[nodiscard]] bool has_seen(const item_id& item) const {
    return seen.contains(key_of(item))
           || (seen.outside() > 0 && history.holds_seen(item.value, seen_window));
  }

  /// The history has most ids of the newest seen items: their keys are not kept twice.
  void remember_seen(const item_id& item, bool in_history, std::size_t bound) {
    seen.add_outside();
    if (!in_history)
      seen.bring_in(key_of(item));
    if (seen.wants_all(bound)) {
      for (const auto held : history.held_seen(seen_window))
        seen.bring_in(item_key{stable_hash(held)});
      for (std::size_t back = std::min(history.size(), seen_window); back-- > 0;)
        history.release_seen(back);
    }
    seen.settle(bound);
  }

  /// Before an event leaves the history, or the part of it that is looked through.
  void stop_holding(std::size_t steps_back) {
    if (!history.is_held(steps_back))
      return;
    seen.bring_in(item_key{stable_hash(history.newest(steps_back).item)});
    history.release_seen(steps_back);
  }

  /// REQUIRES: `seen` has all its keys. Leaves no more there than `remember_seen` would.
  void load_history(const std::vector<profile_parts::entry>& entries, const fold_rules& rules) {
    std::vector<item_key> loose{seen.tail().begin(), seen.tail().end()};
    std::vector<item_key> held;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const auto& from = entries[i];
      bool holds = false;
      if (i + seen_window >= entries.size() && !loose.empty()) {
        const auto found = std::find(loose.begin(), loose.end(), item_key{stable_hash(from.item)});
        if (holds = found != loose.end(); holds) {
          held.push_back(*found);
          loose.erase(found);
        }
      }
      history.push({from.item, type_index(from.type), from.value, from.time,
                    rules.meaning_of(from.type, from.value).sequence, from.traits_known, holds},
                   rules.users().history_max);
    }
    history.shrink_to_fit();
    seen.put_outside(held);
  }

  void make_room(std::size_t history_max) {
    while (history.size() >= history_max) {
      stop_holding(history.size() - 1);
      history.pop();
    }
    if (history.size() >= seen_window)
      stop_holding(seen_window - 1);
  }

  /// The number of this type in the profile; a new one gets the next, the last is for all
  /// that have no room.
  std::uint8_t type_index(std::string_view name) {
    const auto named = [&](std::string_view wanted) {
      return std::find_if(types.begin(), types.end(),
                          [wanted](const type_row& one) { return one.name == wanted; });
    };
    auto found = named(name);
    if (found == types.end() && types.size() + 1 >= profile::types_max) {
      name = other_type;
      found = named(name);
    }
    const auto index = found - types.begin();
    if (found == types.end()) {
      types.reserve(types.size() + 1);
      types.push_back({std::string{name}, 0});
    }
    return static_cast<std::uint8_t>(index);
  }
};

profile::profile() : state_(std::make_unique<state>()) {}

profile::~profile() = default;
profile::profile(profile&&) noexcept = default;
profile& profile::operator=(profile&&) noexcept = default;

profile::profile(const profile& other) : state_(std::make_unique<state>(*other.state_)) {}

profile& profile::operator=(const profile& other) {
  if (this != &other)
    state_ = std::make_unique<state>(*other.state_);
  return *this;
}

std::uint64_t profile::seq() const noexcept {
  return state_->seq;
}

std::optional<std::uint64_t> profile::find_event(event_key id) const noexcept {
  const auto& recent = state_->recent_events;
  for (std::size_t back = 0; back < recent.size(); ++back)
    if (recent.newest(back) == id)
      return state_->seq - back;
  return std::nullopt;
}

std::size_t profile::history_size() const noexcept {
  return state_->history.size();
}

history_entry profile::history(std::size_t steps_back) const noexcept {
  const auto from = state_->history.newest(steps_back);
  history_entry made;
  made.item = from.item;
  made.key = item_key{stable_hash(from.item)};
  made.type = state_->types[from.type].name;
  made.value = from.value;
  made.time = from.time;
  made.sequence = from.sequence;
  made.traits_known = from.traits_known;
  return made;
}

seen_set profile::seen() const {
  auto whole = state_->seen;
  if (whole.outside() > 0)
    for (const auto held : state_->history.held_seen(state::seen_window))
      whole.bring_in(item_key{stable_hash(held)});
  return whole;
}

std::vector<profile::label_weight> profile::affinities(timestamp now,
                                                       const fold_rules& rules) const {
  std::vector<label_weight> made;
  made.reserve(state_->affinities.size());
  for (auto& [label, weight] : state_->affinities.at(now, half_life_ms(rules)))
    made.push_back({std::move(label), weight});
  return made;
}

std::vector<profile::type_count> profile::counts() const {
  std::vector<type_count> made;
  made.reserve(state_->types.size());
  for (const auto& row : state_->types)
    made.push_back({row.name, row.events});
  std::sort(made.begin(), made.end(),
            [](const type_count& a, const type_count& b) { return a.type < b.type; });
  return made;
}

timestamp profile::first_event() const noexcept {
  return state_->first_event;
}

timestamp profile::last_event() const noexcept {
  return state_->last_event;
}

std::size_t profile::heap_bytes() const noexcept {
  constexpr std::size_t inline_text = 15;
  auto bytes = sizeof(state) + state_->history.heap_bytes() + state_->recent_events.heap_bytes()
               + state_->affinities.heap_bytes() + state_->seen.heap_bytes()
               + state_->types.capacity() * sizeof(state::type_row);
  for (const auto& row : state_->types)
    if (row.name.capacity() > inline_text)
      bytes += row.name.capacity() + 1;
  return bytes;
}

std::uint64_t profile::work() const noexcept {
  return state_->work + state_->seen.work();
}

void apply(profile& who, const stored_event& what, const item_traits& traits,
           const fold_rules& rules) {
  auto& state = *who.state_;
  assert(what.seq == state.seq + 1);
  const auto& users = rules.users();
  const auto when = within_range(what.what.time);
  state.first_event = state.seq == 0 ? when : std::min(state.first_event, when);
  state.last_event = state.seq == 0 ? when : std::max(state.last_event, when);
  state.seq = what.seq;
  ++state.work;

  if (users.recent_events_max > 0) {
    while (state.recent_events.size() >= users.recent_events_max)
      state.recent_events.pop();
    state.work += state.recent_events.push(key_of(what.what.id));
  }
  const auto type = state.type_index(what.what.type);
  ++state.types[type].events;
  const auto meaning = rules.meaning_of(what.what);
  const auto& item = what.what.item;
  const bool first_seen = meaning.seen && users.seen_max > 0 && !state.has_seen(item);
  if (meaning.history) {
    state.make_room(users.history_max);
    // Weighed as the type it is kept under, so that a snapshot, which has no other, agrees.
    const auto kept = rules.meaning_of(state.types[type].name, what.what.value);
    state.work += state.history.push(
        {item.value, type, what.what.value, when, kept.sequence, traits.known, first_seen},
        users.history_max);
  }
  if (first_seen)
    state.remember_seen(item, meaning.history, users.seen_max);
  for (const auto& label : traits.labels)
    state.work += state.affinities.add(label, meaning.affinity, when, half_life_ms(rules),
                                       users.affinities_max);
}

// -- parts --------------------------------------------------------------------------------------

profile_parts profile_parts::take_apart(const profile& who) {
  const auto& state = *who.state_;
  profile_parts made;
  made.seq = state.seq;
  made.history.reserve(state.history.size());
  for (std::size_t back = state.history.size(); back-- > 0;) {
    const auto from = state.history.newest(back);
    made.history.push_back({std::string{from.item}, state.types[from.type].name, from.value,
                            from.time, from.traits_known});
  }
  made.recent_events.reserve(state.recent_events.size());
  for (std::size_t i = 0; i < state.recent_events.size(); ++i)
    made.recent_events.push_back(state.recent_events[i]);
  made.seen = who.seen().keys();
  for (auto& [label, weight] : state.affinities.parts())
    made.affinities.push_back({std::move(label), weight});
  made.affinity_time = state.affinities.reference();
  made.counts = who.counts();
  made.first_event = state.first_event;
  made.last_event = state.last_event;
  return made;
}

result<profile> profile_parts::put_together(const profile_parts& parts, const fold_rules& rules) {
  if (auto ok = check(parts, rules); !ok)
    return ok.error();
  profile made;
  auto& state = *made.state_;
  state.seq = parts.seq;
  state.first_event = parts.first_event;
  state.last_event = parts.last_event;
  state.types.reserve(parts.counts.size());
  for (const auto& count : parts.counts)
    state.types.push_back({count.type, count.events});
  state.seen = seen_set::from_keys(parts.seen, rules.users().seen_max);
  state.load_history(parts.history, rules);
  state.recent_events.reserve(parts.recent_events.size());
  for (const auto key : parts.recent_events)
    state.recent_events.push(key);
  std::vector<std::pair<std::string, double>> weights;
  weights.reserve(parts.affinities.size());
  for (const auto& one : parts.affinities)
    weights.emplace_back(one.label, one.weight);
  state.affinities.assign(weights, parts.affinity_time);
  return made;
}

} // namespace troupe::model
