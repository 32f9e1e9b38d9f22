#include "apps/troupe/eval/eval_report.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <string_view>
#include <utility>

namespace troupe::apps {
namespace {

using model::model_quality;

/// "0.0953 ±.0021"; the full interval is in the JSON.
std::string with_interval(double value, const model::interval& range) {
  const auto half = fmt::format("{:.4f}", (range.high - range.low) / 2);
  return fmt::format("{:.4f} ±{}", value, std::string_view{half}.substr(1));
}

std::string row_of(const model_quality& one) {
  return fmt::format("{:<20} {:>6.4f} {:>14} {:>6.4f} {:>6.4f} {:>14} {:>7.4f} {:>6.4f} {:>6.3f} "
                     "{:>6.3f} {:>7.1f} {:>6.3f}\n",
                     one.name, one.recall[0], with_interval(one.recall[1], one.recall_interval),
                     one.recall[2], one.ndcg[0], with_interval(one.ndcg[1], one.ndcg_interval),
                     one.ndcg[2], one.mrr, one.coverage, one.gini, one.mean_popularity,
                     one.cold_share);
}

nlohmann::json row_json(const model_quality& one) {
  const auto pair_of = [](const model::interval& range) {
    return nlohmann::json::array({range.low, range.high});
  };
  const auto middle = model_quality::cutoffs[model_quality::middle];
  nlohmann::json row{{"name", one.name},
                     {"mrr", one.mrr},
                     {"coverage", one.coverage},
                     {"gini", one.gini},
                     {"mean_popularity", one.mean_popularity},
                     {"cold_share", one.cold_share},
                     {fmt::format("recall_at_{}_interval", middle), pair_of(one.recall_interval)},
                     {fmt::format("ndcg_at_{}_interval", middle), pair_of(one.ndcg_interval)}};
  for (std::size_t i = 0; i < model_quality::cutoffs.size(); ++i) {
    row[fmt::format("recall_at_{}", model_quality::cutoffs[i])] = one.recall[i];
    row[fmt::format("ndcg_at_{}", model_quality::cutoffs[i])] = one.ndcg[i];
  }
  if (!one.recall_curve.empty())
    row["recall_curve"] = one.recall_curve;
  return row;
}

} // namespace

std::string name_of(model::evaluation_protocol protocol) {
  switch (protocol) {
  case model::evaluation_protocol::prequential:
    return "prequential";
  case model::evaluation_protocol::leave_one_out:
    return "leave-one-out";
  case model::evaluation_protocol::time_split:
    return "time-split";
  case model::evaluation_protocol::cold_start:
    return "cold-start";
  }
  return {};
}

std::string headline_of(const model::evaluation& made, const model::evaluation_options& how) {
  return fmt::format("{}{}{}: {} events of {} users, {} items, {} targets, {} shards",
                     name_of(how.protocol),
                     how.pushed_slate                      ? ", pushed slates"
                     : how.when == model::query_time::zero ? ", query time zero"
                                                           : "",
                     how.new_items ? ", new items only" : "", made.events, made.users, made.items,
                     made.targets, how.shards);
}

std::string table_of(const model::evaluation& made, const model::evaluation_options& how) {
  auto text = headline_of(made, how) + "\n\n";
  text +=
      fmt::format("{:<20} {:>6} {:>14} {:>6} {:>6} {:>14} {:>7} {:>6} {:>6} {:>6} {:>7} {:>6}\n",
                  "", "HR@5", "HR@10 ±95 %", "HR@20", "NDCG@5", "NDCG@10 ±95 %", "NDCG@20", "MRR",
                  "cover", "Gini", "popular", "cold");
  for (const auto& one : made.models)
    text += row_of(one);
  text += fmt::format("\n±95 %: half of the bootstrap interval, users drawn anew. Of the top 10s: "
                      "share of the catalogue, Gini of\nexposure, events of an item so far, share "
                      "of items with fewer than {}.\n",
                      model_quality::cold_below);
  if (how.protocol == model::evaluation_protocol::cold_start)
    text += fmt::format("{} items were withheld; only these are ranked, and ten of them drawn at "
                        "random hit {:.4f}.\npopularity_withheld knows their events: an upper "
                        "bound for popularity.\n",
                        made.cold, std::min(1.0, 10 / static_cast<double>(made.cold)));
  for (const auto& note : made.notes)
    text += note + "\n";
  return text;
}

std::string json_of(const model::evaluation& made, const model::evaluation_options& how) {
  auto models = nlohmann::json::array();
  for (const auto& one : made.models)
    models.push_back(row_json(one));
  nlohmann::json all{{"protocol", name_of(how.protocol)},
                     {"warmup", how.warmup},
                     {"cut", how.cut},
                     {"withheld", how.withheld},
                     {"shards", how.shards},
                     {"query_time", how.when == model::query_time::zero ? "zero" : "known"},
                     {"pushed_slate", how.pushed_slate},
                     {"new_items", how.new_items},
                     {"events", made.events},
                     {"users", made.users},
                     {"items", made.items},
                     {"cold_items", made.cold},
                     {"targets", made.targets},
                     {"notes", made.notes},
                     {"models", std::move(models)}};
  if (!made.curve_at.empty()) {
    all["curve_at"] = made.curve_at;
    all["curve_window"] = made.curve_window;
  }
  return all.dump(2) + "\n";
}

} // namespace troupe::apps
