#include "base/stable_hash.hpp"
#include "model/affinity_table.hpp"
#include "model/history_ring.hpp"
#include "model/profile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>

namespace troupe::model {

namespace {

/// Raised when the fold itself gives something else for the same events and rules.
constexpr std::uint64_t fold_format = 1;

/// Of a rule; keeps every sum of weights far from overflow.
constexpr double weight_max = 1000;

failure invalid(std::string context) {
  return {errc::invalid_argument, std::move(context)};
}

bool is_type_char(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

/// Mixes numbers and texts into one number, the same in every build.
class fingerprint {
public:
  void add(std::uint64_t value) noexcept { sum_ = mix_bits(sum_ ^ mix_bits(value)); }

  void add(double value) { add(stable_hash(fmt::format("{}", value))); }

  void add(std::string_view text) noexcept { add(stable_hash(text)); }

  [[nodiscard]] std::uint64_t value() const noexcept { return sum_; }

private:
  std::uint64_t sum_ = 0;
};

result<void> check_bounds(const config::users_settings& users,
                          const config::signals_settings& signals) {
  if (users.history_max < 1 || users.history_max > history_ring::events_max)
    return invalid(fmt::format("users.history_max is {}; it takes 1 to {}", users.history_max,
                               history_ring::events_max));
  if (users.affinities_max > affinity_table::labels_max)
    return invalid(fmt::format("users.affinities_max is {}; at most {} are allowed",
                               users.affinities_max, affinity_table::labels_max));
  if (!(users.affinity_half_life_days > 0) || !std::isfinite(users.affinity_half_life_days))
    return invalid("users.affinity_half_life_days must be more than 0");
  if (!(std::abs(signals.other_event_affinity) <= weight_max))
    return invalid(
        fmt::format("signals.other_event_affinity takes {} to {}", -weight_max, weight_max));
  if (signals.events.size() > fold_rules::rules_max)
    return invalid(fmt::format("signals.events has {} rules; at most {} are allowed",
                               signals.events.size(), fold_rules::rules_max));
  return {};
}

std::uint32_t version_of(const config::users_settings& users,
                         const config::signals_settings& signals) {
  fingerprint all;
  all.add(fold_format);
  all.add(std::uint64_t{users.history_max});
  all.add(std::uint64_t{users.seen_max});
  all.add(std::uint64_t{users.recent_events_max});
  all.add(std::uint64_t{users.affinities_max});
  all.add(users.affinity_half_life_days);
  all.add(signals.other_event_affinity);
  for (const auto& rule : signals.events) {
    all.add(std::string_view{rule.match});
    all.add(rule.affinity);
    all.add(rule.sequence);
    all.add(std::uint64_t{(rule.history ? 1U : 0U) + (rule.seen ? 2U : 0U)});
  }
  return static_cast<std::uint32_t>(all.value() >> 32);
}

} // namespace

result<std::shared_ptr<const fold_rules>>
fold_rules::make(const config::users_settings& users, const config::signals_settings& signals) {
  if (auto ok = check_bounds(users, signals); !ok)
    return ok.error();
  std::shared_ptr<fold_rules> made{new fold_rules};
  made->users_ = users;
  made->signals_ = signals;
  made->version_ = version_of(users, signals);
  for (std::size_t i = 0; i < signals.events.size(); ++i) {
    auto rule = compile(signals.events[i]);
    if (!rule)
      return invalid(fmt::format("signals.events, rule {} ('{}'): {}", i + 1,
                                 signals.events[i].match, rule.error().context));
    rule->meaning.rule = static_cast<std::uint16_t>(i + 1);
    made->rules_.push_back(std::move(*rule));
  }
  return std::shared_ptr<const fold_rules>{std::move(made)};
}

result<fold_rules::compiled_rule> fold_rules::compile(const config::event_rule& rule) {
  const std::string_view text = rule.match;
  const auto type_end = static_cast<std::size_t>(
      std::find_if_not(text.begin(), text.end(), is_type_char) - text.begin());
  if (type_end == 0)
    return invalid("expected an event type of a-z, 0-9, '_', '.' and '-'");
  if (type_end > event_limits::type_bytes_max)
    return invalid(fmt::format("the type has {} bytes; at most {} are allowed", type_end,
                               event_limits::type_bytes_max));
  compiled_rule made;
  made.type = text.substr(0, type_end);
  if (!(std::abs(rule.affinity) <= weight_max))
    return invalid(fmt::format("affinity takes {} to {}", -weight_max, weight_max));
  if (!(rule.sequence >= 0 && rule.sequence <= weight_max))
    return invalid(fmt::format("sequence takes 0 to {}; use affinity for dislike", weight_max));
  made.meaning = {static_cast<float>(rule.affinity), static_cast<float>(rule.sequence),
                  rule.history, rule.seen, 0};
  auto rest = text.substr(type_end);
  if (rest.empty())
    return made;
  constexpr std::pair<std::string_view, bound> signs[]{{">=", bound::at_least},
                                                       {"<=", bound::at_most},
                                                       {"==", bound::equal},
                                                       {">", bound::above},
                                                       {"<", bound::below}};
  const auto* const sign =
      std::find_if(std::begin(signs), std::end(signs),
                   [rest](const auto& one) { return rest.starts_with(one.first); });
  if (sign == std::end(signs))
    return invalid(fmt::format("expected >=, <=, ==, > or < after '{}'", made.type));
  rest.remove_prefix(sign->first.size());
  made.how = sign->second;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), made.limit);
  if (error != std::errc{} || end != rest.data() + rest.size() || !std::isfinite(made.limit))
    return invalid(fmt::format("expected a number after '{}'", sign->first));
  return made;
}

event_meaning fold_rules::meaning_of(const event& what) const {
  return meaning_of(what.type, what.value);
}

event_meaning fold_rules::meaning_of(std::string_view type, std::optional<float> value) const {
  const auto holds = [value](const compiled_rule& rule) {
    if (rule.how == bound::none)
      return true;
    if (!value)
      return false;
    const double given = *value;
    switch (rule.how) {
    case bound::at_least:
      return given >= rule.limit;
    case bound::above:
      return given > rule.limit;
    case bound::at_most:
      return given <= rule.limit;
    case bound::below:
      return given < rule.limit;
    case bound::equal:
      return given == rule.limit;
    case bound::none:
      break;
    }
    return true;
  };
  for (const auto& rule : rules_)
    if (rule.type == type && holds(rule))
      return rule.meaning;
  return {static_cast<float>(signals_.other_event_affinity), 1.0F, true, true, 0};
}

} // namespace troupe::model
