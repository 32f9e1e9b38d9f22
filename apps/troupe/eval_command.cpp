#include "apps/troupe/eval_command.hpp"

#include "apps/troupe/eval/eval_plot.hpp"
#include "apps/troupe/eval/eval_report.hpp"
#include "apps/troupe/exit_codes.hpp"
#include "apps/troupe/one_of.hpp"
#include "apps/troupe/settings_options.hpp"
#include "apps/troupe/stored_records.hpp"
#include "model/evaluate.hpp"
#include "model/rank_encoder.hpp"
#include "model/rank_slices.hpp"
#include "model/rankers.hpp"
#include "model/training_module.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace troupe::apps {
namespace {

struct eval_options {
  settings_options settings;
  model::evaluation_options how;
  bool blend_only = false;
  std::vector<std::size_t> publish_every; ///< events; each makes a model that learns on
  std::string json;                       ///< file, "-" for standard output; empty: none
  std::string plot;                       ///< likewise
  bool quiet = false;
};

const std::map<std::string, model::evaluation_protocol> protocols{
    {"prequential", model::evaluation_protocol::prequential},
    {"leave-one-out", model::evaluation_protocol::leave_one_out},
    {"time-split", model::evaluation_protocol::time_split},
    {"cold-start", model::evaluation_protocol::cold_start}};

const std::map<std::string, model::query_time> query_times{{"known", model::query_time::known},
                                                           {"zero", model::query_time::zero}};

result<void> write_text(const std::string& to, const std::string& text) {
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

/// The blend with an encoder that goes on learning, once for each interval.
result<std::vector<std::unique_ptr<model::ranker>>>
learning_models(const eval_options& options, const config::settings& settings,
                const model::evaluation_options& how) {
  std::vector<std::unique_ptr<model::ranker>> made;
  if (options.publish_every.empty())
    return made;
  auto rules = model::fold_rules::make(settings.users, settings.signals);
  if (!rules)
    return rules.error();
  for (const auto every : options.publish_every) {
    auto one = how.encoder;
    one.publish_every = every;
    const auto name = fmt::format("served_every_{}", every);
    one.on_round = [name](const model::continued_encoder& round) {
      fmt::print(stderr, "{}: NDCG@10 of held-out events {:.4f} -> {:.4f}, {}\n", name,
                 round.before.ndcg, round.after.ndcg, round.is_accepted ? "published" : "refused");
    };
    const std::vector<std::string> names{name};
    made.push_back(std::make_unique<model::encoder_ranker>(*rules, settings.blend, how.shards,
                                                           std::move(one), names));
  }
  return made;
}

int run_eval(const eval_options& options) {
  const auto settings = load_settings(options.settings);
  if (!settings)
    return report(settings.error(), exit_usage);
  const auto records = read_records(settings->storage);
  if (!records)
    return report(records.error());
  auto how = options.how;
  if (options.blend_only)
    how.models = {std::string{model::slice_ranker::blend_name}};
  how.encoder.module = model::training_module_path();
  how.encoder.corpus = model::corpus_options_for(settings->blend);
  how.encoder.on_epoch = [](const model::epoch_report& report) {
    const auto judged = report.refit
                            ? std::string{"held-out events learnt too"}
                            : fmt::format("NDCG@10 of held-out events {:.4f}", report.ndcg);
    fmt::print(stderr, "training: epoch {}, loss {:.4f}, {}\n", report.epoch, report.loss, judged);
  };
  how.encoder.first = std::make_shared<std::optional<model::trained_encoder>>();
  how.encoder.on_fit = [](const model::blend_fit& fit) {
    fmt::print(stderr, "training: the encoder counts {} in the blend, fitted on {} users\n",
               fit.weight, fit.users);
  };
  if (how.shards == 0)
    how.shards = records->shards;
  auto learning = learning_models(options, *settings, how);
  if (!learning)
    return report(learning.error(), exit_usage);
  const auto made = model::evaluate(records->events, records->items, settings->users,
                                    settings->signals, settings->blend, how, std::move(*learning));
  if (!made)
    return report(made.error());
  if (!options.quiet)
    fmt::print("{}", table_of(*made, how));
  if (!options.json.empty())
    if (const auto written = write_text(options.json, json_of(*made, how)); !written)
      return report(written.error());
  if (!options.plot.empty())
    if (const auto written =
            write_text(options.plot, plot_of(*made, how.protocol, headline_of(*made, how)));
        !written)
      return report(written.error());
  return exit_ok;
}

} // namespace

void add_eval_command(CLI::App& app) {
  auto* command = app.add_subcommand(
      "eval",
      "measure recommendations on the store's events: the blend, each signal alone, yardsticks");
  const auto options = std::make_shared<eval_options>();
  options->how.shards = 0;
  add_settings_options(*command, options->settings);
  command
      ->add_option(
          "--protocol", options->how.protocol,
          "prequential (test, then learn), leave-one-out, time-split or cold-start (items that "
          "were not there in training, ranked among themselves); prequential unless given")
      ->transform(one_of(protocols))
      ->type_name("NAME");
  command
      ->add_option("--warmup", options->how.warmup,
                   "prequential: share of the events learnt before the first target")
      ->capture_default_str()
      ->type_name("SHARE");
  command->add_option("--cut", options->how.cut, "time-split: share of the events before the cut")
      ->capture_default_str()
      ->type_name("SHARE");
  command
      ->add_option("--withheld", options->how.withheld,
                   "cold-start: share of the items that training does not see")
      ->capture_default_str()
      ->type_name("SHARE");
  command->add_option("--shards", options->how.shards, "slices of the catalogue; 0: the store's")
      ->type_name("N");
  command->add_flag("--pushed", options->how.pushed_slate,
                    "prequential: judge the slate pushed after the user's previous event");
  command->add_flag("--new-items", options->how.new_items,
                    "prequential: judge only events of items that came in after the warm-up, "
                    "their first events left out");
  command
      ->add_option("--query-time", options->how.when,
                   "when slates are made: known, at the target's moment, or zero, right after the "
                   "user's last event; known unless given")
      ->transform(one_of(query_times))
      ->type_name("WHEN");
  auto* const models =
      command
          ->add_option("--models", options->how.models,
                       fmt::format("which to judge, separated by commas: {}; without it all that "
                                   "the protocol can judge",
                                   fmt::join(model::ranker_names(), ", ")))
          ->delimiter(',')
          ->check(CLI::IsMember(model::ranker_names()))
          ->type_name("NAMES");
  command->add_flag("--blend-only", options->blend_only, "the same as --models blend")
      ->excludes(models);
  command
      ->add_option(
          "--publish-every", options->publish_every,
          "prequential: judge also the blend with an encoder that has learnt the events so "
          "far every so many of them; several, separated by commas")
      ->delimiter(',')
      ->check(CLI::Range(std::size_t{100}, std::size_t{1} << 30))
      ->type_name("N");
  command->add_option("--json", options->json, "write the figures there; - for standard output")
      ->type_name("FILE");
  command
      ->add_option("--plot", options->plot, "draw the figures there as SVG; - for standard output")
      ->type_name("FILE.svg");
  command->add_flag("--quiet", options->quiet, "print no table");
  command->callback([options] { finish(run_eval(*options)); });
}

} // namespace troupe::apps
