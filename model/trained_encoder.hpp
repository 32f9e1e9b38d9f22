#pragma once

#include "base/error.hpp"
#include "base/item.hpp"
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
  epoch_report judged; ///< the epoch the weights are of
};

/// When to stop.
struct training_plan {
  training_options options;
  std::size_t epochs_max = 60;
  /// Epochs that may pass without a better NDCG@10 of the held-out events, as the mean of this
  /// epoch's and the two before: with a thousand users one epoch's alone is mostly noise, and the
  /// luckiest is not the best. After each `rate_patience` of them the learning rate is cut by
  /// `rate_cut`.
  std::size_t patience = 8;
  std::size_t rate_patience = 3;
  double rate_cut = 0.3;
};

/// Trains until the held-out events are predicted no better for `patience` epochs, and gives
/// the best epoch's weights. `on_epoch` is told of each; `stop` is asked after each batch, and
/// ends the training early, with the best so far.
/// Errors: as make_trainer; unavailable if it was stopped before the first judgement.
[[nodiscard]] result<trained_encoder>
train_encoder(const sequence_corpus& corpus, const std::filesystem::path& module,
              const training_plan& plan, const std::function<void(const epoch_report&)>& on_epoch,
              const std::function<bool()>& stop);

/// The items' part of a trained encoder, which must outlive it: what stands in the shards'
/// matrices.
class item_vectors {
public:
  /// Errors: invalid_argument, naming the tensor whose shape does not fit the vocabulary.
  [[nodiscard]] static result<item_vectors> make(const trained_encoder& from);

  [[nodiscard]] std::size_t dimensions() const noexcept { return dimensions_; }

  /// The row of the item's id, if it was trained, and of its labels, added up: an item that nobody
  /// has touched has a vector as soon as it has a record; `record` may be null. Empty if
  /// nothing is known of the item.
  [[nodiscard]] std::vector<float> vector_of(item_key key, const item* record) const;

  /// What is added to the item's score whatever the query; 0 for items without an id.
  [[nodiscard]] float bias_of(item_key key) const noexcept;

private:
  const sequence_vocabulary* words_ = nullptr;
  std::size_t dimensions_ = 0;
  std::span<const float> ids_;
  std::span<const float> biases_;
  std::span<const float> labels_;
};

} // namespace troupe::model
