#include "model/query.hpp"

#include "base/stable_hash.hpp"

#include <cmath>

namespace troupe::model {

taste make_taste(const profile& who, const fold_rules& rules, timestamp now) {
  const auto& signals = rules.signals();
  taste made;
  made.profile_seq = who.seq();
  made.seen = who.seen();
  double weight = 1;
  for (std::size_t i = 0; i < who.history_size() && made.recent.size() < signals.query_items; ++i) {
    const auto past = who.history(i);
    if (past.sequence <= 0)
      continue;
    made.recent.push_back({past.key, static_cast<float>(weight * past.sequence)});
    weight *= signals.query_decay;
  }
  const auto likes = who.affinities(now, rules);
  double squares = 0;
  for (const auto& one : likes)
    squares += one.weight * one.weight;
  // A taste faded to nothing (or never there) has no direction.
  if (!(squares > 1e-60) || !std::isfinite(squares))
    return made;
  const auto norm = 1 / std::sqrt(squares);
  made.labels.reserve(likes.size());
  for (const auto& one : likes)
    made.labels.emplace_back(stable_hash(one.label), static_cast<float>(one.weight * norm));
  return made;
}

std::optional<observation> observe(const profile& before, const event& what,
                                   const fold_rules& rules) {
  const auto meaning = rules.meaning_of(what);
  if (meaning.sequence <= 0)
    return std::nullopt;
  observation made;
  made.item = what.item;
  made.weight = meaning.sequence;
  made.time = what.time;
  const auto window = rules.signals().window;
  for (std::size_t i = 0; i < before.history_size() && made.near.size() < window; ++i) {
    const auto past = before.history(i);
    if (past.sequence > 0)
      made.near.push_back(past.key);
  }
  return made;
}

} // namespace troupe::model
