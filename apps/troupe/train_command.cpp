#include "apps/troupe/train_command.hpp"

#include "actors/model_files.hpp"
#include "actors/model_registry.hpp"
#include "apps/troupe/exit_codes.hpp"
#include "apps/troupe/one_of.hpp"
#include "apps/troupe/settings_options.hpp"
#include "apps/troupe/smaller_encoders.hpp"
#include "apps/troupe/stop_signals.hpp"
#include "apps/troupe/stored_records.hpp"
#include "base/clock.hpp"
#include "model/fit_blend.hpp"
#include "model/trained_encoder.hpp"
#include "model/training_module.hpp"
#include "storage/checkpoint_file.hpp"
#include "storage/snapshot_directory.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

namespace troupe::apps {
namespace {

using storage::checkpoint_file;

struct train_options {
  settings_options settings;
  model::training_plan plan;
  smaller_options smaller;
  std::string snapshots;  ///< directory; empty: the configured one
  std::string checkpoint; ///< directory; empty: that of the snapshots with ".checkpoint" behind it
  bool resume = false;
};

const std::map<std::string, model::encoder_architecture> architectures{
    {"recurrent", model::encoder_architecture::recurrent},
    {"transformer", model::encoder_architecture::transformer}};

/// One line an epoch, with the time that is left of the run if nothing gets better any more. A run
/// begins where the epochs' numbers do.
class training_progress {
public:
  training_progress() : begin_(system_clock().steady()), latest_(begin_) {}

  void operator()(const model::epoch_report& report) {
    if (report.epoch <= epoch_) {
      begin_ = latest_;
      epochs_ = 0;
    }
    epoch_ = report.epoch;
    latest_ = system_clock().steady();
    const auto so_far = std::chrono::duration<double>(latest_ - begin_).count();
    const auto left = so_far / static_cast<double>(++epochs_)
                      * static_cast<double>(report.epochs_end - report.epoch);
    if (report.refit)
      fmt::print("epoch {:>3}  loss {:.4f}  all events, at a falling rate", report.epoch,
                 report.loss);
    else
      fmt::print(
          "epoch {:>3}  loss {:.4f}  held out: loss {:.4f}  Recall@10 {:.4f}  NDCG@10 {:.4f}",
          report.epoch, report.loss, report.held_out_loss, report.recall, report.ndcg);
    fmt::print("  {:.0f} s, {:.0f} more unless it gets better\n", so_far, left);
    std::fflush(stdout);
  }

private:
  std::chrono::steady_clock::time_point begin_;  ///< of the run
  std::chrono::steady_clock::time_point latest_; ///< report
  std::size_t epoch_ = 0;
  std::size_t epochs_ = 0; ///< of the run, in this process
};

result<storage::snapshot_manifest> keep(const model::trained_encoder& made,
                                        const model::blend_fit& fit,
                                        const std::filesystem::path& root, std::uint64_t position,
                                        model::vector_storage vectors) {
  const auto directory = storage::snapshot_directory::open({.root = root, .limits = {}});
  if (!directory)
    return directory.error();
  const auto all = actors::to_files(made, fit.weight, 0, position, system_clock().now(), vectors);
  if (!all)
    return all.error();
  return directory->publish(all->facts, all->files);
}

result<model::training_checkpoints> checkpoints_in(const checkpoint_file& at, bool resume) {
  model::training_checkpoints made;
  made.keep = [at](const std::string& bytes) { return at.keep(bytes); };
  if (!resume)
    return made;
  if (!at.exists())
    return failure{errc::not_found, fmt::format("there is no checkpoint in {}; without --resume "
                                                "training begins anew",
                                                at.directory().string())};
  auto bytes = at.load();
  if (!bytes)
    return bytes.error();
  made.resume = std::move(*bytes);
  return made;
}

/// A teacher's run has a checkpoint of its own, which stays until the student is trained.
checkpoint_file teachers(const checkpoint_file& checkpoint) {
  return checkpoint_file{checkpoint.directory() / "teacher"};
}

/// And so have the passes after pruning.
checkpoint_file prunings(const checkpoint_file& checkpoint) {
  return checkpoint_file{checkpoint.directory() / "pruned"};
}

/// The encoder that is wanted, after its teacher and before what makes it smaller.
result<model::trained_encoder> train_all(encoder_training how, const train_options& options,
                                         const checkpoint_file& checkpoint) {
  const auto& smaller = options.smaller;
  auto resume = options.resume;
  if (!resume)
    prunings(checkpoint).remove(); // another encoder's
  if (smaller.distill) {
    if (!resume)
      checkpoint.remove(); // a student's of another teacher
    const auto of_teacher = checkpoints_in(teachers(checkpoint), resume);
    if (!of_teacher)
      return of_teacher.error();
    if (auto taught = train_teacher(how, smaller, *of_teacher); !taught)
      return taught.error();
    resume = resume && checkpoint.exists(); // or it was the teacher that was stopped
  }
  const auto checkpoints = checkpoints_in(checkpoint, resume);
  if (!checkpoints)
    return checkpoints.error();
  auto made =
      model::train_encoder(how.corpus, how.module, how.plan, how.on_epoch, how.stop, *checkpoints);
  if (!made)
    return made;
  const auto of_pruning =
      checkpoints_in(prunings(checkpoint), options.resume && prunings(checkpoint).exists());
  if (!of_pruning)
    return of_pruning.error();
  return make_smaller(how, smaller, std::move(*made), *of_pruning);
}

void print_fit(const model::blend_fit& fit) {
  fmt::print("the encoder counts {} in the blend; held out, NDCG@10 by weight:", fit.weight);
  for (const auto& tried : fit.trials)
    fmt::print(" {}: {:.4f}", tried.weight, tried.ndcg);
  fmt::print("\n");
}

/// Tells which of the items' own vectors are learnt from.
void print_contents(const model::sequence_corpus& from) {
  if (from.data.content_size == 0)
    return;
  fmt::print("{} items have a vector of {} values of their own", from.data.content_items.size(),
             from.data.content_size);
  if (from.contents_left_out > 0)
    fmt::print("; {} have one of another size, which counts as none", from.contents_left_out);
  fmt::print("\n");
}

int run_train(const train_options& options) {
  const auto settings = load_settings(options.settings);
  if (!settings)
    return report(settings.error(), exit_usage);
  if (auto fine = check_smaller(options.smaller, options.plan.options); !fine)
    return report(fine.error(), exit_usage);
  stop_signals signals; // before the threads of LibTorch
  const auto records = read_records(settings->storage);
  if (!records)
    return report(records.error());
  const auto rules = model::fold_rules::make(settings->users, settings->signals);
  if (!rules)
    return report(rules.error(), exit_usage);
  const auto corpus = model::make_corpus(records->events, records->items, **rules,
                                         model::corpus_options_for(settings->blend));
  if (!corpus)
    return report(corpus.error());
  const auto negatives = model::negatives_for(corpus->data, options.plan.options);
  fmt::print("{} events of {} users, {} items, {} labels; {} dimensions, {} blocks, {}\n",
             corpus->data.steps.size(), corpus->data.ends.size(), corpus->data.items,
             corpus->data.labels, options.plan.options.dimensions, options.plan.options.blocks,
             negatives == 0 ? std::string{"told from all items"}
                            : fmt::format("told from {} items a batch", negatives));
  print_contents(*corpus);
  const auto root = options.snapshots.empty() ? actors::models_directory(*settings)
                                              : std::filesystem::path{options.snapshots};
  const checkpoint_file checkpoint{options.checkpoint.empty()
                                       ? std::filesystem::path{root.string() + ".checkpoint"}
                                       : std::filesystem::path{options.checkpoint}};
  training_progress progress;
  const auto made = train_all({*corpus, model::training_module_path(), options.plan,
                               std::ref(progress), [&signals] { return signals.came(); }},
                              options, checkpoint);
  if (!made)
    return report(made.error());
  model::blend_fit fit;
  if (made->shape.architecture == model::encoder_architecture::recurrent) {
    auto fitted = model::fit_sequence_weight(records->events, records->items, **rules,
                                             settings->blend, *made);
    if (!fitted)
      return report(fitted.error());
    fit = std::move(*fitted);
    print_fit(fit);
  }
  const auto kept =
      keep(*made, fit, root, records->events.empty() ? 0 : records->events.back().arrival,
           options.smaller.vectors());
  if (!kept)
    return report(kept.error());
  fmt::print("snapshot {} of epoch {} is in {}\n", kept->version, made->judged.epoch,
             root.string());
  if (signals.came())
    fmt::print("stopped early; --resume goes on from {}\n", checkpoint.directory().string());
  else {
    teachers(checkpoint).remove();
    prunings(checkpoint).remove();
    checkpoint.remove();
  }
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
      ->add_option("--checkpoint", options->checkpoint,
                   "where the run is kept after each pass; the snapshots' directory with "
                   ".checkpoint behind it")
      ->type_name("DIR");
  command->add_flag("--resume", options->resume,
                    "go on from the checkpoint: the result is the same as without the break");
  command->add_option("--encoder", how.architecture, "recurrent, unless given, or transformer")
      ->transform(one_of(architectures))
      ->type_name("NAME");
  command
      ->add_option("--patience", options->plan.patience,
                   "passes without a better NDCG@10 of the held-out events until it ends")
      ->capture_default_str()
      ->type_name("N");
  command
      ->add_option("--refit-epochs", options->plan.refit_epochs,
                   "passes at the end that learn the held-out events too")
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
  add_smaller_options(*command, options->smaller);
  command->footer(
      "The newest events of each user, one in eight but three at most, are held out to\n"
      "judge by, and learnt in the last passes. A signal ends the training early and\n"
      "keeps the best so far.");
  command->callback([options] { finish(run_train(*options)); });
}

} // namespace troupe::apps
