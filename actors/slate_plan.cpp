#include "actors/slate_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace troupe::actors {

namespace {

std::shared_ptr<const std::vector<item_key>> keys_of(const std::vector<item_id>& ids) {
  if (ids.empty())
    return nullptr;
  std::vector<item_key> keys;
  keys.reserve(ids.size());
  for (const auto& id : ids)
    keys.push_back(key_of(id));
  return std::make_shared<const std::vector<item_key>>(std::move(keys));
}

failure wrong(std::string context) {
  return {errc::invalid_argument, std::move(context)};
}

result<void> check(const slate_request& how, const config::slates_settings& slates) {
  if (how.surface.size() > surface_bytes_max)
    return wrong(
        fmt::format("surface: at most {} bytes, got {}", surface_bytes_max, how.surface.size()));
  if (auto fine = check_id(how.surface, "surface"); !fine)
    return fine.error();
  if (how.k > slates.k_max)
    return wrong(fmt::format("k: at most {}, got {}", slates.k_max, how.k));
  if (how.exclude.size() > slates.exclude_max)
    return wrong(
        fmt::format("exclude: at most {} items, got {}", slates.exclude_max, how.exclude.size()));
  const auto k = how.k == 0 ? slates.k_default : how.k;
  if (how.pin.size() > k)
    return wrong(fmt::format("pin: at most k = {} items, got {}", k, how.pin.size()));
  if (how.diversity && !(*how.diversity >= 0.0 && *how.diversity <= 1.0))
    return wrong("diversity: a number from 0 (relevance only) to 1 (diversity only)");
  return {};
}

} // namespace

result<slate_plan> make_plan(const slate_request& how, const config::slates_settings& slates,
                             const config::blend_settings& blend,
                             const config::signals_settings& signals) {
  if (auto fine = check(how, slates); !fine)
    return fine.error();
  slate_plan plan;
  plan.surface = how.surface;
  if (!how.filter.empty()) {
    auto only = model::filter::parse(how.filter, slates.filter_bytes_max);
    if (!only)
      return only.error();
    plan.only = std::move(*only);
  }
  if (auto exclude = keys_of(how.exclude)) {
    auto sorted = *exclude;
    std::sort(sorted.begin(), sorted.end());
    plan.exclude = std::make_shared<const std::vector<item_key>>(std::move(sorted));
  }
  plan.pin = keys_of(how.pin);
  plan.rules.k = how.k == 0 ? slates.k_default : how.k;
  plan.rules.diversity = how.diversity.value_or(blend.diversity);
  plan.rules.category_cap = how.category_cap.value_or(blend.category_cap);
  if (plan.pin)
    plan.rules.pin = *plan.pin;
  plan.rules.with_reasons = how.explain;
  // A plain slate is the merge of each shard's best k; rules that pass over items need more.
  const bool plain = plan.rules.diversity <= 0.0 && plan.rules.category_cap == 0;
  plan.limit = plain ? std::min(plan.rules.k, signals.candidates_max) : signals.candidates_max;
  return plan;
}

model::score_query make_query(const slate_plan& plan, const user_id& user,
                              std::shared_ptr<const model::taste> who, std::uint64_t model_version,
                              const std::shared_ptr<const model::learnt_blend>& blend,
                              timestamp now) {
  model::score_query query;
  query.who = std::move(who);
  query.user = user;
  query.only = plan.only;
  query.exclude = plan.exclude;
  query.pin = plan.pin;
  query.limit = plan.limit;
  query.model_version = model_version;
  query.now = now;
  if (blend)
    query.blend = {blend, &blend->weights};
  query.with_reasons = plan.rules.with_reasons;
  return query;
}

} // namespace troupe::actors
