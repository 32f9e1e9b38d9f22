#include "actors/profile_record.hpp"

#include <utility>

namespace troupe::actors {

storage::profile_record to_record(const user_id& user, const model::profile& who,
                                  const model::fold_rules& rules) {
  auto parts = model::profile_parts::take_apart(who);
  storage::profile_record record;
  record.user = user;
  record.seq = parts.seq;
  record.fold_version = rules.version();
  record.history.reserve(parts.history.size());
  for (auto& entry : parts.history)
    record.history.push_back({.item = item_id{std::move(entry.item)},
                              .type = std::move(entry.type),
                              .value = entry.value.value_or(0.0F),
                              .has_value = entry.value.has_value(),
                              .time = entry.time,
                              .traits_known = entry.traits_known});
  record.recent_events = std::move(parts.recent_events);
  record.seen = std::move(parts.seen);
  for (auto& [label, weight] : parts.affinities)
    record.affinities.emplace(std::move(label), weight);
  record.affinity_time = parts.affinity_time;
  for (auto& [type, events] : parts.counts)
    record.counts.emplace(std::move(type), events);
  record.first_event = parts.first_event;
  record.last_event = parts.last_event;
  return record;
}

result<model::profile> load_profile(const storage::profile_record& record,
                                    const model::fold_rules& rules) {
  if (record.fold_version != rules.version())
    return failure{errc::unavailable, "the snapshot was folded by other rules"};
  model::profile_parts parts;
  parts.seq = record.seq;
  parts.history.reserve(record.history.size());
  for (const auto& entry : record.history)
    parts.history.push_back({.item = entry.item.value,
                             .type = entry.type,
                             .value = entry.has_value ? std::optional{entry.value} : std::nullopt,
                             .time = entry.time,
                             .traits_known = entry.traits_known});
  parts.recent_events = record.recent_events;
  parts.seen = record.seen;
  for (const auto& [label, weight] : record.affinities)
    parts.affinities.push_back({label, weight});
  parts.affinity_time = record.affinity_time;
  for (const auto& [type, events] : record.counts)
    parts.counts.push_back({type, events});
  parts.first_event = record.first_event;
  parts.last_event = record.last_event;
  return model::profile_parts::put_together(parts, rules);
}

} // namespace troupe::actors
