#pragma once

#include "base/error.hpp"
#include "base/item.hpp"
#include "model/companions.hpp"
#include "model/dense.hpp"
#include "model/encoder.hpp"
#include "model/sequence_trainer.hpp"
#include "model/sequences.hpp"
#include "model/tensors.hpp"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::model {

/// What training gave: all that a snapshot of the encoder holds.
struct trained_encoder {
  encoder_shape shape;
  tensor_map weights; ///< as sequence_trainer::weights
  sequence_vocabulary words;
  epoch_report judged; ///< the best epoch
  /// That epoch's weights, which know nothing of the held-out events, where `weights` learnt those
  /// too: for what is fitted on them afterwards. Empty: `weights` are these.
  tensor_map unaware = {};
};

/// When to stop.
struct training_plan {
  training_options options;
  std::size_t epochs_max = 100; ///< at least 1
  /// Epochs that may pass without an NDCG@10 of the held-out events that is better by more than
  /// `gain_least` of itself; at least 1.
  std::size_t patience = 5;
  double gain_least = 0.003;
  /// Passes over all events, the held-out ones too, that follow upon the best epoch: the newest
  /// events say most about what comes next. Nothing is left to judge these by but their loss.
  std::size_t refit_epochs = 2;
  double refit_rate = 0.5; ///< of the learning rate, where they begin; falls to nothing
  /// Whom the encoder learns from besides, as much as options.teacher_share says; null: nobody. It
  /// should know nothing of the held-out events.
  std::shared_ptr<const trained_encoder> teacher = nullptr;
};

/// How a run survives a kill.
struct training_checkpoints {
  /// Given the whole run after each epoch, as bytes; to be kept so that a kill leaves either these
  /// or the ones before. An error ends the training. May be empty.
  std::function<result<void>(const std::string& bytes)> keep;
  /// What `keep` was last given, to go on from; empty: from the beginning.
  std::string resume;
};

/// Trains until the held-out events are predicted no better for `patience` epochs, goes back to the
/// best epoch's weights and lets these learn the held-out events too, at a low rate. The same
/// corpus and options give the same weights bit for bit, resumed or not. `on_epoch` is told of each
/// epoch; `stop` is asked after each batch, and ends the training early, with the best so far.
/// Errors: as make_trainer; invalid_argument (the plan); unavailable if it was stopped before the
/// first judgement; internal if the loss is not a number any more; for `resume`, corrupt_data and
/// invalid_argument (another corpus or other options).
[[nodiscard]] result<trained_encoder>
train_encoder(const sequence_corpus& corpus, const std::filesystem::path& module,
              const training_plan& plan, const std::function<void(const epoch_report&)>& on_epoch,
              const std::function<bool()>& stop, const training_checkpoints& checkpoints = {});

/// A trainer of these data by the plan's options, with the plan's teacher. `data` must outlive it.
/// Errors: as make_trainer; invalid_argument (a teacher of other data).
[[nodiscard]] result<std::unique_ptr<sequence_trainer>>
make_planned_trainer(const std::filesystem::path& module, const sequence_data& data,
                     const training_plan& plan);

/// The same as train_encoder with a trainer of these data that may have learnt something already.
[[nodiscard]] result<trained_encoder>
run_training(const sequence_corpus& corpus, sequence_trainer& trainer, const training_plan& plan,
             const std::function<void(const epoch_report&)>& on_epoch,
             const std::function<bool()>& stop, const training_checkpoints& checkpoints = {});

/// The tensor that projects items' own vectors, [d, values of one], where these were learnt from.
inline constexpr const char* content_tensor = "content.weight";

/// How many values the encoder takes of items' own vectors; 0: none were learnt from.
[[nodiscard]] std::size_t content_size_of(const trained_encoder& from);

/// The items' part of a trained encoder, which must outlive it: what stands in the shards'
/// matrices.
class item_vectors {
public:
  /// Errors: invalid_argument, naming the tensor whose shape does not fit the vocabulary.
  [[nodiscard]] static result<item_vectors> make(const trained_encoder& from);

  [[nodiscard]] std::size_t dimensions() const noexcept { return dimensions_; }

  /// The row of the item's id, if it was trained, those of its labels, and the projection of its
  /// own vector, added up: an item that nobody has touched has a vector as soon as it has a record;
  /// `record` may be null. An own vector of another size than was trained on counts as none. Empty
  /// if nothing is known of the item.
  [[nodiscard]] std::vector<float> vector_of(item_key key, const item* record) const;

  /// What is added to the item's score whatever the query; 0 for items without an id.
  [[nodiscard]] float bias_of(item_key key) const noexcept;

  /// Whether the item has an id's row, and so needs no estimate.
  [[nodiscard]] bool is_trained(item_key key) const noexcept {
    return words_->find_item(key).has_value();
  }

  /// Adds what the row of an untrained item's id may be to its vector, of dimensions() values: the
  /// direction of its companions' ids together, their weighted mean length, shortened the fewer
  /// they are. Companions that were not trained themselves do not count; nothing is added if none
  /// was. One pass over the companions.
  void add_estimate(std::span<const companion> near, std::span<float> to) const;

private:
  void add_labels(const item& record, std::vector<float>& to) const;
  void add_content(const item& record, std::vector<float>& to) const;

  const sequence_vocabulary* words_ = nullptr;
  std::size_t dimensions_ = 0;
  std::span<const float> ids_;
  std::span<const float> biases_;
  std::span<const float> labels_;
  dense_layer content_; ///< no inputs: none were learnt from
};

} // namespace troupe::model
