#pragma once

#include "base/error.hpp"
#include "model/sequence_trainer.hpp"
#include "model/sequences.hpp"
#include "model/trained_encoder.hpp"

#include <cstddef>
#include <filesystem>
#include <functional>

/// Encoders that are smaller or faster than the one that was trained first, and what that costs in
/// quality: distillation, pruning, int8 vectors.
namespace troupe::model {

/// How the teacher of a distillation is trained: as the student's plan says, but a transformer, and
/// without the held-out events to the end.
[[nodiscard]] training_plan teacher_plan(const training_plan& student);

/// How an encoder recovers from pruning.
struct prune_plan {
  double share = 0.5;          ///< of the units; more than 0, less than prune_share_end
  std::size_t epochs_max = 20; ///< of training_plan
  double rate = 0.5;           ///< times the learning rate
};

/// The shape an encoder of these options will have once it is pruned.
/// Errors: invalid_argument (the share is out of range, or so small an encoder would stay as it
/// is).
[[nodiscard]] result<encoder_shape> plan_pruning(const encoder_shape& from, double share);

/// The encoder with `prune.share` fewer units (prune_weights), which then trains on as `plan` says,
/// with its teacher, to make up for those that are gone: first on all but the held-out events, by
/// which it is judged, then on these too. `from` is taken as it was before it learnt those;
/// whoever resumes gives the same one.
/// Errors: as plan_pruning and train_encoder; unavailable if it was stopped before its end.
[[nodiscard]] result<trained_encoder>
prune_encoder(const sequence_corpus& corpus, const std::filesystem::path& module,
              const training_plan& plan, const prune_plan& prune, const trained_encoder& from,
              const std::function<void(const epoch_report&)>& on_epoch,
              const std::function<bool()>& stop, const training_checkpoints& checkpoints = {});

/// The encoder with the item vectors that are left of it in int8 (quantise_items), still in
/// float32, judged anew.
/// Errors: as make_trainer and sequence_trainer::set_weights.
[[nodiscard]] result<trained_encoder> quantise_encoder(const sequence_corpus& corpus,
                                                       const std::filesystem::path& module,
                                                       const training_plan& plan,
                                                       const trained_encoder& from);

} // namespace troupe::model
