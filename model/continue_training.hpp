#pragma once

#include "base/error.hpp"
#include "model/sequences.hpp"
#include "model/trained_encoder.hpp"

#include <cstddef>
#include <filesystem>
#include <functional>

namespace troupe::model {

/// How a trained encoder goes on learning from newer events.
struct continued_plan {
  /// Its encoder is the parent's.
  training_plan plan{.options = {}, .epochs_max = 20, .patience = 3, .refit_epochs = 1};
  double rate = 0.5;           ///< times the learning rate
  double tolerance = 0.01;     ///< share of the NDCG@10 that may be lost and still be accepted
  std::size_t users_least = 8; ///< judged; fewer say nothing, and the gate refuses
};

/// What a round gave. `now` is to be served if `is_accepted`.
struct continued_encoder {
  trained_encoder now;
  epoch_report before; ///< the parent on the round's held-out events
  epoch_report after;  ///< the continued one on the same, which neither had learnt
  bool is_accepted = false;
};

/// Goes on from `parent` with what stands in `corpus`, whose vocabulary begins with the parent's
/// (history_buffer) and whose items' own vectors have the size the parent takes. New items begin
/// with an id part of zero. Each user's newest events are held out to stop by and for the gate: a
/// continued encoder that is worse on them than its parent is not accepted. As in train_encoder,
/// they are learnt too in the end. `stop` is asked after each batch. Errors: as make_trainer;
/// invalid_argument (the vocabularies do not fit); unavailable when stopped.
[[nodiscard]] result<continued_encoder> continue_training(const trained_encoder& parent,
                                                          const sequence_corpus& corpus,
                                                          const std::filesystem::path& module,
                                                          const continued_plan& plan,
                                                          const std::function<bool()>& stop);

} // namespace troupe::model
