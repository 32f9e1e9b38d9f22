#pragma once

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/event.hpp"
#include "base/item.hpp"
#include "model/profile.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace troupe::model {

/// Place of an item in the order in which the catalogue met it: from 0, without holes. What
/// rankers say instead of an id, for arrays are faster than tables.
using item_number = std::uint32_t;

/// Place of a user in the order of their first events, likewise.
using user_number = std::uint32_t;

inline constexpr item_number no_item = std::numeric_limits<item_number>::max();

/// One event of a user's past.
struct past_event {
  const event* what = nullptr; ///< lives as long as the evaluation
  item_number item = no_item;
  float weight = 0; ///< its sequence weight by the rules; 0: it is to leave no trace
};

/// One event to learn from.
struct lesson {
  user_number user = 0;
  past_event now;                      ///< the event itself
  const profile& before;               ///< the user before it
  std::span<const past_event> history; ///< the user's events before it, oldest first
};

/// Who asks for what. The history is whole and in the order of time; it has the events that
/// the rules let into a history and whose items are in the catalogue.
struct ranking_query {
  user_number user = 0;
  const profile& who;
  std::span<const past_event> history;  ///< oldest first
  timestamp now{};                      ///< when the slate is made
  std::span<const std::uint8_t> barred; ///< by item_number; not 0: seen or hidden, not to be ranked
  std::size_t k = 0;                    ///< items wanted at most
};

/// Items, best first.
using ranked_items = std::vector<item_number>;

/// A way of ranking, or a few that share what they learnt, to be judged by `evaluate`. Calls
/// come from one thread, in this order: `enter` for items as the catalogue meets them (numbers
/// rise by one), `learn` for events in the order of time, `prepare` once before the first
/// `rank` that is judged, then all three in turn as the protocol has it. The same calls give
/// the same rankings.
class ranker {
public:
  ranker() = default;
  ranker(const ranker&) = delete;
  ranker& operator=(const ranker&) = delete;
  virtual ~ranker() = default;

  /// What it is called in the table, one name for each ranking that `rank` makes.
  [[nodiscard]] virtual std::span<const std::string> names() const = 0;

  /// An item is in the catalogue from now on.
  virtual void enter(item_number number, const item_ptr& record) = 0;

  /// The item is not to be shown any more. `ranking_query::barred` says so too, from now on: for
  /// those who keep records of their own.
  virtual void hide(const item_ptr& /*record*/) {}

  /// Learns one event; its item has entered.
  virtual void learn(const lesson& what) = 0;

  /// Everything there is to train on before the first target has been learnt: fits what is not
  /// fitted event by event. Prequentially more is learnt afterwards.
  /// Errors: why it cannot take part; it is then left out and the reason told.
  [[nodiscard]] virtual result<void> prepare() { return {}; }

  /// Ranks the whole catalogue but what is barred: at most query.k items for each of names(),
  /// into `to`, whose lists may hold an earlier answer. Before `prepare` it may find nothing.
  virtual void rank(const ranking_query& query, std::span<ranked_items> to) = 0;
};

} // namespace troupe::model
