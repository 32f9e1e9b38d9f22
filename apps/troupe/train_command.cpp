#include "apps/troupe/train_command.hpp"

#include "actors/model_files.hpp"
#include "actors/model_registry.hpp"
#include "apps/troupe/exit_codes.hpp"
#include "apps/troupe/settings_options.hpp"
#include "apps/troupe/stop_signals.hpp"
#include "apps/troupe/stored_records.hpp"
#include "base/clock.hpp"
#include "model/fit_blend.hpp"
#include "model/trained_encoder.hpp"
#include "model/training_module.hpp"
#include "storage/snapshot_directory.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

namespace troupe::apps {
namespace {

struct train_options {
  settings_options settings;
  model::training_plan plan;
  std::string snapshots; ///< directory; empty: the configured one
};

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(system_clock().steady() - begin).count();
}

/// One line an epoch, with the time that is left at most.
class training_progress {
public:
  explicit training_progress(const model::training_plan& plan)
      : plan_(plan), begin_(system_clock().steady()) {}

  void operator()(const model::epoch_report& report) const {
    const auto so_far = seconds_since(begin_);
    const auto left = so_far / static_cast<double>(report.epoch)
                      * static_cast<double>(plan_.epochs_max - report.epoch);
    fmt::print(
        "epoch {:>3}  loss {:.4f}  held out: Recall@10 {:.4f}  NDCG@10 {:.4f}  {:.0f} s, at most "
        "{:.0f} more\n",
        report.epoch, report.loss, report.recall, report.ndcg, so_far, left);
    std::fflush(stdout);
  }

private:
  model::training_plan plan_;
  std::chrono::steady_clock::time_point begin_;
};

result<storage::snapshot_manifest> keep(const model::trained_encoder& made,
                                        const model::blend_fit& fit,
                                        const std::filesystem::path& root, std::uint64_t position) {
  const auto directory = storage::snapshot_directory::open({.root = root, .limits = {}});
  if (!directory)
    return directory.error();
  const auto all = actors::to_files(made, fit.weight, 0, position, system_clock().now());
  if (!all)
    return all.error();
  return directory->publish(all->facts, all->files);
}

int run_train(const train_options& options) {
  const auto settings = load_settings(options.settings);
  if (!settings)
    return report(settings.error(), exit_usage);
  stop_signals signals; // before the threads of LibTorch
  const auto records = read_records(settings->storage);
  if (!records)
    return report(records.error());
  const auto rules = model::fold_rules::make(settings->users, settings->signals);
  if (!rules)
    return report(rules.error(), exit_usage);
  const auto corpus = model::make_corpus(records->events, records->items, **rules, {});
  if (!corpus)
    return report(corpus.error());
  const auto negatives = model::negatives_for(corpus->data, options.plan.options);
  fmt::print("{} events of {} users, {} items, {} labels; {} dimensions, {} blocks, {}\n",
             corpus->data.steps.size(), corpus->data.ends.size(), corpus->data.items,
             corpus->data.labels, options.plan.options.dimensions, options.plan.options.blocks,
             negatives == 0 ? std::string{"told from all items"}
                            : fmt::format("told from {} items a batch", negatives));
  const auto made =
      model::train_encoder(*corpus, model::training_module_path(), options.plan,
                           training_progress{options.plan}, [&signals] { return signals.came(); });
  if (!made)
    return report(made.error());
  const auto fit =
      model::fit_sequence_weight(records->events, records->items, **rules, settings->blend, *made);
  if (!fit)
    return report(fit.error());
  fmt::print("the encoder counts {} in the blend; held out, NDCG@10 by weight:", fit->weight);
  for (const auto& tried : fit->trials)
    fmt::print(" {}: {:.4f}", tried.weight, tried.ndcg);
  fmt::print("\n");
  const auto root = options.snapshots.empty() ? actors::models_directory(*settings)
                                              : std::filesystem::path{options.snapshots};
  const auto kept =
      keep(*made, *fit, root, records->events.empty() ? 0 : records->events.back().arrival);
  if (!kept)
    return report(kept.error());
  fmt::print("snapshot {} of epoch {} is in {}\n", kept->version, made->judged.epoch,
             root.string());
  return exit_ok;
}

} // namespace

void add_train_command(CLI::App& app) {
  auto* command = app.add_subcommand(
      "train", "train the sequence encoder on the store's events and keep it as a snapshot");
  const auto options = std::make_shared<train_options>();
  auto& how = options->plan.options;
  add_settings_options(*command, options->settings);
  command
      ->add_option("--snapshots", options->snapshots,
                   "where the snapshot is put, instead of models.directory")
      ->type_name("DIR");
  command->add_option("--epochs", options->plan.epochs_max, "passes over the events at most")
      ->capture_default_str()
      ->type_name("N");
  command
      ->add_option(
          "--patience", options->plan.patience,
          "passes without a better NDCG@10 of the held-out events, over three, until it ends")
      ->capture_default_str()
      ->type_name("N");
  command->add_option("--dimensions", how.dimensions, "of the items' vectors")
      ->capture_default_str()
      ->type_name("N");
  command->add_option("--blocks", how.blocks, "of the encoder")
      ->capture_default_str()
      ->type_name("N");
  command->add_option("--dropout", how.dropout, "share of what is left out in training")
      ->capture_default_str()
      ->type_name("SHARE");
  command->add_option("--learning-rate", how.learning_rate, "of AdamW")
      ->capture_default_str()
      ->type_name("RATE");
  command->add_option("--threads", how.threads, "processors used")
      ->capture_default_str()
      ->type_name("N");
  command->add_option("--seed", how.seed, "the same seed gives the same weights")
      ->capture_default_str()
      ->type_name("N");
  command->footer(
      "The last event of each user is held out to judge by. A signal ends the training\n"
      "early and keeps the best so far.");
  command->callback([options] { finish(run_train(*options)); });
}

} // namespace troupe::apps
