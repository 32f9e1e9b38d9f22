#include "model/affinity_table.hpp"
#include "model/history_ring.hpp"
#include "model/profile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::model {

namespace {

failure corrupt(std::string context) {
  return {errc::corrupt_data, "profile: " + std::move(context)};
}

bool in_range(timestamp when) noexcept {
  return to_millis(when) >= 0 && to_millis(when) <= history_ring::millis_max;
}

template <class Keys>
bool has_duplicates(Keys keys) {
  std::sort(keys.begin(), keys.end());
  return std::adjacent_find(keys.begin(), keys.end()) != keys.end();
}

result<void> check_counts(const profile_parts& parts) {
  if (parts.counts.size() > profile::types_max)
    return corrupt(fmt::format("{} event types; at most {} are kept", parts.counts.size(),
                               profile::types_max));
  std::vector<std::string_view> names;
  std::uint64_t left = parts.seq;
  for (const auto& one : parts.counts) {
    if (one.type.empty() || one.type.size() > event_limits::type_bytes_max)
      return corrupt("an event type of a wrong length");
    if (one.events == 0 || one.events > left)
      return corrupt("the counts per type do not add up to the number of events");
    left -= one.events;
    names.emplace_back(one.type);
  }
  if (left != 0)
    return corrupt("the counts per type do not add up to the number of events");
  if (has_duplicates(std::move(names)))
    return corrupt("an event type is counted twice");
  return {};
}

result<void> check_history(const profile_parts& parts, const fold_rules& rules) {
  const auto bound = std::min<std::uint64_t>(parts.seq, rules.users().history_max);
  if (parts.history.size() > bound)
    return corrupt(
        fmt::format("{} past events; at most {} can be there", parts.history.size(), bound));
  for (const auto& one : parts.history) {
    if (one.item.empty() || one.item.size() > id_bytes_max)
      return corrupt("an item id of a wrong length");
    if (!in_range(one.time) || one.time < parts.first_event || one.time > parts.last_event)
      return corrupt("a past event lies outside of the profile's time");
    if (one.value && !std::isfinite(*one.value))
      return corrupt("a value is not a finite number");
    const auto counted =
        std::any_of(parts.counts.begin(), parts.counts.end(),
                    [&one](const profile::type_count& count) { return count.type == one.type; });
    if (!counted)
      return corrupt("a past event has a type that was never counted");
  }
  return {};
}

result<void> check_affinities(const profile_parts& parts, const fold_rules& rules) {
  if (parts.affinities.size() > rules.users().affinities_max)
    return corrupt(fmt::format("{} affinities; at most {} are kept", parts.affinities.size(),
                               rules.users().affinities_max));
  std::vector<std::string_view> labels;
  for (const auto& one : parts.affinities) {
    if (one.label.empty() || one.label.size() > affinity_table::label_bytes_max)
      return corrupt("a label of a wrong length");
    if (static_cast<unsigned char>(one.label.front()) < 0x20U)
      return corrupt("a label starts with a control character");
    if (!std::isfinite(one.weight))
      return corrupt("an affinity is not a finite number");
    labels.emplace_back(one.label);
  }
  if (has_duplicates(std::move(labels)))
    return corrupt("a label stands there twice");
  if (!in_range(parts.affinity_time))
    return corrupt("the affinities' time is out of range");
  return {};
}

} // namespace

result<void> profile_parts::check(const profile_parts& parts, const fold_rules& rules) {
  if (!in_range(parts.first_event) || !in_range(parts.last_event)
      || parts.first_event > parts.last_event)
    return corrupt("the times of the first and last event contradict each other");
  if (auto ok = check_counts(parts); !ok)
    return ok;
  if (auto ok = check_history(parts, rules); !ok)
    return ok;
  if (auto ok = check_affinities(parts, rules); !ok)
    return ok;
  const auto ids = std::min<std::uint64_t>(parts.seq, rules.users().recent_events_max);
  if (parts.recent_events.size() != ids)
    return corrupt(
        fmt::format("{} recent event ids; {} belong there", parts.recent_events.size(), ids));
  const auto seen = std::min<std::uint64_t>(parts.seq, rules.users().seen_max);
  if (parts.seen.size() > seen)
    return corrupt(fmt::format("{} seen items; at most {} can be there", parts.seen.size(), seen));
  if (has_duplicates(parts.seen))
    return corrupt("a seen item stands there twice");
  return {};
}

} // namespace troupe::model
