#include "apps/troupe/eval_command.hpp"

#include "apps/troupe/exit_codes.hpp"
#include "apps/troupe/open_store.hpp"
#include "apps/troupe/settings_options.hpp"
#include "model/evaluate.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace troupe::apps {
namespace {

struct eval_options {
  settings_options settings;
  model::evaluation_options how;
  std::string json; ///< file, "-" for standard output; empty: none
  bool quiet = false;
};

constexpr std::size_t page = 10'000;

const std::map<std::string, model::evaluation_protocol> protocols{
    {"prequential", model::evaluation_protocol::prequential},
    {"leave-one-out", model::evaluation_protocol::leave_one_out},
    {"time-split", model::evaluation_protocol::time_split}};

std::string name_of(model::evaluation_protocol wanted) {
  for (const auto& [name, value] : protocols)
    if (value == wanted)
      return name;
  return {};
}

result<std::vector<stored_event>> read_events(const storage::event_log& from) {
  std::vector<stored_event> all;
  std::uint64_t after = 0;
  for (;;) {
    auto some = from.read_arrivals(after, page);
    if (!some)
      return some.error();
    if (some->empty())
      return all;
    after = some->back().arrival;
    for (auto& one : *some)
      all.push_back(std::move(one));
  }
}

result<std::vector<item>> read_items(const storage::item_store& from) {
  std::vector<item> all;
  item_id after;
  for (;;) {
    auto some = from.scan(after, page);
    if (!some)
      return some.error();
    if (some->empty())
      return all;
    after = some->back().id;
    for (auto& one : *some)
      all.push_back(std::move(one));
  }
}

void print_table(const model::evaluation& made, const model::evaluation_options& how) {
  fmt::print("{}: {} events of {} users, {} items, {} targets, {} shards\n\n",
             name_of(how.protocol), made.events, made.users, made.items, made.targets, how.shards);
  fmt::print("{:<22}", "");
  for (const char* metric : {"Recall", "NDCG"})
    for (const auto cutoff : model::model_quality::cutoffs)
      fmt::print(" {:>9}", fmt::format("{}@{}", metric, cutoff));
  fmt::print(" {:>7} {:>8} {:>10}\n", "MRR", "coverage", "popularity");
  for (const auto& one : made.models) {
    fmt::print("{:<22}", one.name);
    for (const auto value : one.recall)
      fmt::print(" {:>9.4f}", value);
    for (const auto value : one.ndcg)
      fmt::print(" {:>9.4f}", value);
    fmt::print(" {:>7.4f} {:>8.3f} {:>10.1f}\n", one.mrr, one.coverage, one.mean_popularity);
  }
}

nlohmann::json to_json(const model::evaluation& made, const model::evaluation_options& how) {
  auto models = nlohmann::json::array();
  for (const auto& one : made.models) {
    nlohmann::json row{{"name", one.name},
                       {"mrr", one.mrr},
                       {"coverage", one.coverage},
                       {"mean_popularity", one.mean_popularity}};
    for (std::size_t i = 0; i < model::model_quality::cutoffs.size(); ++i) {
      row[fmt::format("recall_at_{}", model::model_quality::cutoffs[i])] = one.recall[i];
      row[fmt::format("ndcg_at_{}", model::model_quality::cutoffs[i])] = one.ndcg[i];
    }
    models.push_back(std::move(row));
  }
  return {{"protocol", name_of(how.protocol)},
          {"warmup", how.warmup},
          {"cut", how.cut},
          {"shards", how.shards},
          {"pushed_slate", how.pushed_slate},
          {"events", made.events},
          {"users", made.users},
          {"items", made.items},
          {"targets", made.targets},
          {"models", std::move(models)}};
}

result<void> write_json(const std::string& to, const nlohmann::json& what) {
  const auto text = what.dump(2) + "\n";
  if (to == "-") {
    std::fwrite(text.data(), 1, text.size(), stdout);
    return {};
  }
  std::ofstream file{to, std::ios::binary};
  file << text;
  file.flush();
  if (!file)
    return failure{errc::invalid_argument, fmt::format("cannot write '{}'", to)};
  return {};
}

int run_eval(const eval_options& options) {
  const auto settings = load_settings(options.settings);
  if (!settings)
    return report(settings.error(), exit_usage);
  const auto store = open_store(settings->storage, store_use::read);
  if (!store)
    return report(store.error());
  const auto events = read_events((*store)->events());
  if (!events)
    return report(events.error());
  const auto items = read_items((*store)->items());
  if (!items)
    return report(items.error());
  auto how = options.how;
  if (how.shards == 0)
    how.shards = (*store)->layout().shards;
  const auto made =
      model::evaluate(*events, *items, settings->users, settings->signals, settings->blend, how);
  if (!made)
    return report(made.error());
  if (!options.quiet)
    print_table(*made, how);
  if (options.json.empty())
    return exit_ok;
  const auto written = write_json(options.json, to_json(*made, how));
  return written ? exit_ok : report(written.error());
}

} // namespace

void add_eval_command(CLI::App& app) {
  auto* command = app.add_subcommand(
      "eval", "measure recommendations on the store's events: the blend and each signal alone");
  const auto options = std::make_shared<eval_options>();
  options->how.shards = 0;
  add_settings_options(*command, options->settings);
  command
      ->add_option("--protocol", options->how.protocol,
                   "prequential (test, then learn), leave-one-out or time-split")
      ->transform(CLI::CheckedTransformer(protocols))
      ->type_name("NAME");
  command
      ->add_option("--warmup", options->how.warmup,
                   "prequential: share of the events learnt before the first target")
      ->capture_default_str()
      ->type_name("SHARE");
  command->add_option("--cut", options->how.cut, "time-split: share of the events before the cut")
      ->capture_default_str()
      ->type_name("SHARE");
  command->add_option("--shards", options->how.shards, "slices of the catalogue; 0: the store's")
      ->type_name("N");
  command->add_flag("--pushed", options->how.pushed_slate,
                    "prequential: judge the slate pushed after the user's previous event");
  command->add_flag("--blend-only", options->how.blend_only, "leave the single signals out");
  command->add_option("--json", options->json, "write the figures there; - for standard output")
      ->type_name("FILE");
  command->add_flag("--quiet", options->quiet, "print no table");
  command->callback([options] { finish(run_eval(*options)); });
}

} // namespace troupe::apps
