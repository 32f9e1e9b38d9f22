#pragma once

#include "base/error.hpp"
#include "model/int8_rows.hpp"
#include "model/smaller_encoder.hpp"

#include <CLI/CLI.hpp>

#include <filesystem>
#include <functional>
#include <optional>

/// `troupe train --distill --prune SHARE --quantize`: what makes the encoder smaller or faster, and
/// the lines that say what it cost.
namespace troupe::apps {

/// What is to be done, in this order.
struct smaller_options {
  bool distill = false;
  double teacher_share = 0.5; ///< of training_options
  std::optional<double> prune;
  bool quantize = false;

  [[nodiscard]] model::vector_storage vectors() const noexcept {
    return quantize ? model::vector_storage::int8 : model::vector_storage::float32;
  }
};

void add_smaller_options(CLI::App& to, smaller_options& into);

/// Whether all of it can be done with the encoder of `options`, asked before hours of training.
/// Errors: invalid_argument, naming the option.
[[nodiscard]] result<void> check_smaller(const smaller_options& what,
                                         const model::training_options& options);

/// What a training run is made of, for those that follow upon it.
struct encoder_training {
  const model::sequence_corpus& corpus;
  std::filesystem::path module;
  model::training_plan plan;
  std::function<void(const model::epoch_report&)> on_epoch;
  std::function<bool()> stop;
};

/// Trains a transformer and makes it the teacher of `how.plan`.
/// Errors: as model::train_encoder; unavailable if it was stopped, for there is no student yet.
[[nodiscard]] result<void> train_teacher(encoder_training& how, const smaller_options& what,
                                         const model::training_checkpoints& checkpoints);

/// The trained encoder pruned and its vectors rounded to int8, as is wanted, with a printed line
/// for each of these and for the distillation before. Once it is stopped, what takes training is
/// left out, and a line says so. `pruning` is of the passes after it.
/// Errors: as model::prune_encoder and model::quantise_encoder.
[[nodiscard]] result<model::trained_encoder>
make_smaller(const encoder_training& how, const smaller_options& what, model::trained_encoder from,
             const model::training_checkpoints& pruning);

} // namespace troupe::apps
