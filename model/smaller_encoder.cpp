#include "model/smaller_encoder.hpp"

#include "model/int8_rows.hpp"
#include "model/prune_encoder.hpp"
#include "model/safetensors.hpp"
#include "model/training_module.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace troupe::model {

namespace {

/// What it knew before it learnt the held-out events.
const tensor_map& unaware_weights(const trained_encoder& of) {
  return of.unaware.empty() ? of.weights : of.unaware;
}

/// The plan for a trainer of encoders of this shape.
training_plan plan_for(const encoder_shape& shape, training_plan plan) {
  plan.options.hidden = shape.hidden;
  plan.options.states = shape.states;
  return plan;
}

result<tensor_map> rounded_to_int8(const tensor_map& weights) {
  return dequantise_rows(quantise_items(weights));
}

} // namespace

training_plan teacher_plan(const training_plan& student) {
  auto made = student;
  made.options.architecture = encoder_architecture::transformer;
  made.options.teacher_share = 0;
  made.teacher = nullptr;
  made.refit_epochs = 0;
  return made;
}

result<encoder_shape> plan_pruning(const encoder_shape& from, double share) {
  if (!(share > 0 && share < prune_share_end))
    return failure{errc::invalid_argument,
                   fmt::format("the share to prune is {}; it takes more than 0 and less than {}",
                               share, prune_share_end)};
  const auto made = pruned_shape(from, share);
  if (made == from)
    return failure{errc::invalid_argument,
                   fmt::format("without {} of its {} hidden units and {} states the encoder would "
                               "be no faster; it is small as it is",
                               share, from.hidden, from.states)};
  return made;
}

result<trained_encoder>
prune_encoder(const sequence_corpus& corpus, const std::filesystem::path& module,
              const training_plan& plan, const prune_plan& prune, const trained_encoder& from,
              const std::function<void(const epoch_report&)>& on_epoch,
              const std::function<bool()>& stop, const training_checkpoints& checkpoints) {
  const auto shape = plan_pruning(from.shape, prune.share);
  if (!shape)
    return shape.error();
  const auto left = prune_weights(from.shape, *shape, unaware_weights(from));
  if (!left)
    return left.error();
  auto how = plan_for(*shape, plan);
  how.epochs_max = prune.epochs_max;
  how.refit_rate *= prune.rate;
  auto trainer = make_planned_trainer(module, corpus.data, how);
  if (!trainer)
    return trainer.error();
  if (auto fine = (*trainer)->set_weights(*left); !fine)
    return fine.error();
  (*trainer)->scale_learning_rate(prune.rate);
  bool stopped = false;
  const auto asked = [&stopped, &stop] {
    stopped = stopped || (stop && stop());
    return stopped;
  };
  auto made = run_training(corpus, **trainer, how, on_epoch, asked, checkpoints);
  if (stopped)
    return failure{errc::unavailable, "pruning was stopped"};
  return made;
}

result<trained_encoder> quantise_encoder(const sequence_corpus& corpus,
                                         const std::filesystem::path& module,
                                         const training_plan& plan, const trained_encoder& from) {
  auto made = from;
  for (auto* weights : {&made.weights, &made.unaware}) {
    auto rounded = rounded_to_int8(*weights);
    if (!rounded)
      return rounded.error();
    *weights = std::move(*rounded);
  }
  auto trainer = make_trainer(module, corpus.data, plan_for(from.shape, plan).options);
  if (!trainer)
    return trainer.error();
  if (auto fine = (*trainer)->set_weights(unaware_weights(made)); !fine)
    return fine.error();
  const auto judged = (*trainer)->judge({});
  made.judged.ndcg = judged.ndcg;
  made.judged.recall = judged.recall;
  made.judged.held_out_loss = judged.held_out_loss;
  return made;
}

} // namespace troupe::model
