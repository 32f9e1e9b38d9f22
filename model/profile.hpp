#pragma once

#include "base/event.hpp"
#include "base/ids.hpp"
#include "config/settings.hpp"
#include "model/seen_set.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The fold that makes a profile out of events: pure, deterministic, replayable. A profile is
/// moved forward event by event (promise P8: the cost of one does not depend on how many came
/// before); folding the whole log gives the same profile as continuing from a snapshot.
namespace troupe::model {

/// What a profile takes from an item: labels like "category:Drama", "tag:noir". Made by the
/// item's shard; `known` is false while the catalogue has no such item.
struct item_traits {
  bool known = false;
  std::vector<std::string> labels;
};

/// What one event means, after the configuration's first matching rule.
struct event_meaning {
  float affinity = 0; ///< weight in the affinities
  float sequence = 0; ///< weight in co-occurrence and popularity
  bool history = true;
  bool seen = true;
  std::uint16_t rule = 0; ///< which rule matched, from 1 in the configuration's order; 0: none
};

/// The configuration's rules of the fold and of learning, checked and compiled once, shared by
/// all sessions. Immutable. A rule is `type` or `type` with a bound on the value:
/// "rating>=4", "rating<2.5", "dwell>30", "rating==5"; an event without a value matches no bound.
class fold_rules {
public:
  /// Errors: invalid_argument, naming the rule and what is wrong with it.
  [[nodiscard]] static result<std::shared_ptr<const fold_rules>>
  make(const config::users_settings& users, const config::signals_settings& signals);

  [[nodiscard]] event_meaning meaning_of(const event& what) const;
  [[nodiscard]] event_meaning meaning_of(std::string_view type, std::optional<float> value) const;

  /// A stable number of everything that changes what a fold gives; kept with profile snapshots.
  [[nodiscard]] std::uint32_t version() const noexcept { return version_; }

  [[nodiscard]] const config::users_settings& users() const noexcept { return users_; }

  [[nodiscard]] const config::signals_settings& signals() const noexcept { return signals_; }

  static constexpr std::size_t rules_max = 256;

private:
  enum class bound : std::uint8_t { none, at_least, above, at_most, below, equal };

  struct compiled_rule {
    std::string type;
    bound how = bound::none;
    double limit = 0;
    event_meaning meaning;
  };

  fold_rules() = default;
  static result<compiled_rule> compile(const config::event_rule& rule);

  config::users_settings users_;
  config::signals_settings signals_;
  std::vector<compiled_rule> rules_;
  std::uint32_t version_ = 0;
};

/// One remembered event, as the profile shows it; views into the profile.
struct history_entry {
  std::string_view item;
  item_key key{};
  std::string_view type;
  std::optional<float> value;
  timestamp time{};
  float sequence = 0; ///< its weight in co-occurrence queries
  bool traits_known = false;
};

/// One user's folded state. Memory: at most 1.7 KB with 50 events of short ids.
class profile {
public:
  profile();
  ~profile();
  profile(profile&&) noexcept;
  profile& operator=(profile&&) noexcept;
  profile(const profile&);
  profile& operator=(const profile&);

  [[nodiscard]] std::uint64_t seq() const noexcept; ///< last event folded in; 0: none

  /// The seq of an event with this id, if it is among the last `recent_events_max`.
  [[nodiscard]] std::optional<std::uint64_t> find_event(event_key id) const noexcept;

  [[nodiscard]] std::size_t history_size() const noexcept;
  /// 0 is the newest. REQUIRES: steps_back < history_size().
  [[nodiscard]] history_entry history(std::size_t steps_back) const noexcept;

  /// A copy, cheap as its own are.
  [[nodiscard]] seen_set seen() const;

  struct label_weight {
    std::string label;
    double weight = 0;
  };

  /// Affinities decayed to `now`, strongest (by absolute value) first.
  [[nodiscard]] std::vector<label_weight> affinities(timestamp now, const fold_rules& rules) const;

  struct type_count {
    std::string type;
    std::uint64_t events = 0;
  };

  [[nodiscard]] std::vector<type_count> counts() const; ///< by type name
  [[nodiscard]] timestamp first_event() const noexcept;
  [[nodiscard]] timestamp last_event() const noexcept;

  /// Bytes held beside sizeof(profile), for the memory metric.
  [[nodiscard]] std::size_t heap_bytes() const noexcept;

  /// Values looked at or moved by all folds of this object so far; promise P8 is tested with
  /// it. Not part of the profile's value.
  [[nodiscard]] std::uint64_t work() const noexcept;

  /// Event types told apart in one profile; further ones count as "other".
  static constexpr std::size_t types_max = 64;

private:
  friend void apply(profile&, const stored_event&, const item_traits&, const fold_rules&);
  friend struct profile_parts;
  struct state;
  std::unique_ptr<state> state_;
};

/// Folds one event in. REQUIRES: what.seq == who.seq() + 1.
void apply(profile& who, const stored_event& what, const item_traits& traits,
           const fold_rules& rules);

/// A profile in plain parts, for snapshots: `take_apart` and `put_together` are each other's
/// inverse. Mapped to storage::profile_record by actors/profile_record.cpp.
struct profile_parts {
  struct entry {
    std::string item;
    std::string type;
    std::optional<float> value;
    timestamp time{};
    bool traits_known = false;
  };

  std::uint64_t seq = 0;
  std::vector<entry> history;                    ///< oldest first
  std::vector<event_key> recent_events;          ///< oldest first; the last one has seq `seq`
  std::vector<item_key> seen;                    ///< oldest first
  std::vector<profile::label_weight> affinities; ///< as of `affinity_time`
  timestamp affinity_time{};
  std::vector<profile::type_count> counts;
  timestamp first_event{};
  timestamp last_event{};

  [[nodiscard]] static profile_parts take_apart(const profile& who);
  /// Errors: corrupt_data when the parts contradict each other or break a bound.
  [[nodiscard]] static result<profile> put_together(const profile_parts& parts,
                                                    const fold_rules& rules);

private:
  [[nodiscard]] static result<void> check(const profile_parts& parts, const fold_rules& rules);
};

} // namespace troupe::model
