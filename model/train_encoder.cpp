#include "model/trained_encoder.hpp"
#include "model/training_checkpoint.hpp"
#include "model/training_module.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace troupe::model {

namespace {

result<void> check_plan(const training_plan& plan) {
  const auto invalid = [](std::string context) {
    return failure{errc::invalid_argument, std::move(context)};
  };
  if (plan.epochs_max < 1 || plan.epochs_max > 10'000)
    return invalid(fmt::format("epochs are {}; it takes 1 to 10000", plan.epochs_max));
  if (plan.patience < 1)
    return invalid("patience is 0; it takes 1 or more: the number of epochs that may pass without "
                   "getting better");
  if (plan.refit_epochs > 100)
    return invalid(fmt::format("refit epochs are {}; it takes 0 to 100", plan.refit_epochs));
  if (!(plan.refit_rate > 0 && plan.refit_rate <= 1))
    return invalid(
        fmt::format("the rate of the refit is {}; it takes more than 0, to 1", plan.refit_rate));
  return {};
}

/// One call of train_encoder.
class training_run {
public:
  training_run(const sequence_corpus& corpus, sequence_trainer& trainer, const training_plan& plan,
               const training_checkpoints& checkpoints)
      : corpus_(corpus), trainer_(trainer), plan_(plan), checkpoints_(checkpoints) {
    now_.fingerprint = training_fingerprint(corpus.data, plan.options);
  }

  result<void> resume() {
    auto read = read_checkpoint(checkpoints_.resume);
    if (!read)
      return read.error();
    if (read->fingerprint != now_.fingerprint)
      return failure{errc::invalid_argument,
                     "the checkpoint is of a run on other events or with other options; begin anew "
                     "or give the same ones"};
    if (auto fine = trainer_.restore(read->trainer); !fine)
      return fine.error();
    now_ = std::move(*read);
    now_.trainer = {};
    return {};
  }

  /// Epochs until the held-out events are predicted no better. False: it was stopped.
  result<bool> find_best(const std::function<void(const epoch_report&)>& on_epoch,
                         const std::function<bool()>& stop) {
    while (!now_.settled) {
      auto report = trainer_.run_epoch(stop);
      if (stop())
        return false;
      if (!std::isfinite(report.loss))
        return diverged(report);
      if (report.ndcg > now_.best.ndcg * (1 + plan_.gain_least) || now_.best.epoch == 0) {
        now_.best = report;
        now_.best_weights = trainer_.weights();
        now_.since_best = 0;
      } else {
        ++now_.since_best;
      }
      now_.settled = now_.since_best >= plan_.patience || report.epoch >= plan_.epochs_max;
      if (auto fine = end_epoch(report, on_epoch); !fine)
        return fine.error();
    }
    return true;
  }

  result<void> refit(const std::function<void(const epoch_report&)>& on_epoch,
                     const std::function<bool()>& stop) {
    if (now_.refits == 0 && plan_.refit_epochs > 0)
      if (auto fine = trainer_.set_weights(now_.best_weights); !fine)
        return fine.error();
    while (now_.refits < plan_.refit_epochs) {
      auto report = trainer_.run_refit(rate_after(now_.refits), rate_after(now_.refits + 1), stop);
      if (stop())
        return {};
      if (!std::isfinite(report.loss))
        return diverged(report);
      now_.refitted = trainer_.weights();
      ++now_.refits;
      if (auto fine = end_epoch(report, on_epoch); !fine)
        return fine.error();
    }
    return {};
  }

  [[nodiscard]] result<trained_encoder> take() {
    if (now_.best.epoch == 0)
      return failure{errc::unavailable, "training was stopped before its first epoch was judged"};
    trained_encoder made{trainer_.shape(), {}, corpus_.words, now_.best};
    if (now_.refitted.empty()) {
      made.weights = std::move(now_.best_weights);
    } else {
      made.weights = std::move(now_.refitted);
      made.unaware = std::move(now_.best_weights);
    }
    return made;
  }

private:
  [[nodiscard]] double rate_after(std::size_t refits) const {
    return plan_.refit_rate
           * (1 - static_cast<double>(refits) / static_cast<double>(plan_.refit_epochs));
  }

  static failure diverged(const epoch_report& report) {
    return {errc::internal,
            fmt::format("the loss of epoch {} is not a number: a lower learning rate may help",
                        report.epoch)};
  }

  result<void> end_epoch(epoch_report& report,
                         const std::function<void(const epoch_report&)>& on_epoch) {
    // Until the best is found: patience runs from now_.best on, if nothing gets better.
    report.epochs_end = now_.settled ? report.epoch + plan_.refit_epochs - now_.refits
                                     : std::min(plan_.epochs_max, now_.best.epoch + plan_.patience)
                                           + plan_.refit_epochs;
    if (on_epoch)
      on_epoch(report);
    if (!checkpoints_.keep)
      return {};
    now_.trainer = trainer_.state();
    auto kept = checkpoints_.keep(write_checkpoint(now_));
    now_.trainer = {};
    return kept;
  }

  const sequence_corpus& corpus_;
  sequence_trainer& trainer_;
  const training_plan& plan_;
  const training_checkpoints& checkpoints_;
  training_checkpoint now_;
};

} // namespace

result<trained_encoder> run_training(const sequence_corpus& corpus, sequence_trainer& trainer,
                                     const training_plan& plan,
                                     const std::function<void(const epoch_report&)>& on_epoch,
                                     const std::function<bool()>& stop,
                                     const training_checkpoints& checkpoints) {
  if (auto fine = check_plan(plan); !fine)
    return fine.error();
  bool stopped = false;
  // Once it said so it is not asked again: what a pass was told counts after the pass, too.
  const std::function<bool()> asked = [&stopped, &stop] {
    stopped = stopped || (stop && stop());
    return stopped;
  };
  training_run run{corpus, trainer, plan, checkpoints};
  if (!checkpoints.resume.empty())
    if (auto fine = run.resume(); !fine)
      return fine.error();
  const auto found = run.find_best(on_epoch, asked);
  if (!found)
    return found.error();
  if (*found)
    if (auto fine = run.refit(on_epoch, asked); !fine)
      return fine.error();
  return run.take();
}

result<std::unique_ptr<sequence_trainer>> make_planned_trainer(const std::filesystem::path& module,
                                                               const sequence_data& data,
                                                               const training_plan& plan) {
  auto made = make_trainer(module, data, plan.options);
  if (made && plan.teacher)
    if (auto fits = (*made)->set_teacher(plan.teacher->shape, plan.teacher->weights); !fits)
      return failure{fits.error().code, "the teacher: " + fits.error().context};
  return made;
}

result<trained_encoder>
train_encoder(const sequence_corpus& corpus, const std::filesystem::path& module,
              const training_plan& plan, const std::function<void(const epoch_report&)>& on_epoch,
              const std::function<bool()>& stop, const training_checkpoints& checkpoints) {
  auto trainer = make_planned_trainer(module, corpus.data, plan);
  if (!trainer)
    return trainer.error();
  return run_training(corpus, **trainer, plan, on_epoch, stop, checkpoints);
}

} // namespace troupe::model
