#pragma once

#include "base/error.hpp"
#include "model/encoder.hpp"
#include "model/tensors.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

/// Training of the sequence encoder. What is here knows nothing of LibTorch: the trainer itself
/// is in a module of its own (model/training), which a process loads when it trains and not
/// when it only serves, for LibTorch takes 60 MB and half a second.
namespace troupe::model {

/// One event of one user, as numbers.
struct sequence_step {
  std::uint32_t item = 0; ///< row of the item table
  std::uint16_t kind = 0; ///< 0: of no kind that is told apart
  std::int64_t millis = 0;
};

/// What an encoder learns from: users' histories, and the labels of the items.
struct sequence_data {
  std::size_t items = 0; ///< rows of the item table
  std::size_t kinds = 1;
  std::size_t labels = 0;                   ///< rows of the label table
  std::vector<sequence_step> steps;         ///< user after user, each in the order of time
  std::vector<std::size_t> ends;            ///< where each user's steps end
  std::vector<std::uint32_t> item_labels;   ///< item after item
  std::vector<std::size_t> item_label_ends; ///< one an item; empty if there are no labels
};

/// How to train. Zeros are chosen from the data.
struct training_options {
  std::uint64_t seed = 1;
  std::size_t dimensions = 64;
  std::size_t blocks = 2;
  double dropout = 0.3;
  double learning_rate = 2e-3;
  double weight_decay = 0.01;
  std::size_t batch_steps = 4096; ///< steps of histories in a batch, padding included
  std::size_t length_max = 200;   ///< longer histories are cut, anew in each epoch
  /// Items a target is told from: 0 for all of the catalogue up to `full_softmax_items_max`
  /// items, and `sampled_default` that a batch shares beyond.
  std::size_t negatives = 0;
  /// Share of the steps that are trained as if no time passed until the query; the others know
  /// it. A pushed slate knows of none, one that is asked for later does.
  double now_share = 0.5;
  unsigned threads = 1;

  static constexpr std::size_t full_softmax_items_max = 20'000;
  static constexpr std::size_t sampled_default = 1024;
};

/// How many other items a target is told from in each batch; 0: from all of them.
[[nodiscard]] inline std::size_t negatives_for(const sequence_data& data,
                                               const training_options& options) noexcept {
  if (options.negatives == 0 && data.items <= training_options::full_softmax_items_max)
    return 0;
  return std::min(data.items,
                  options.negatives > 0 ? options.negatives : training_options::sampled_default);
}

/// What one pass over the data gave.
struct epoch_report {
  std::size_t epoch = 0; ///< from 1
  std::size_t steps = 0; ///< targets that were learnt from
  double loss = 0;       ///< mean cross entropy, in nats
  double recall = 0;     ///< Recall@10 of the held-out events, on all items but those seen
  double ndcg = 0;       ///< NDCG@10 of the same
};

/// One training run. Thread safety: none; it uses `threads` threads of its own while a member
/// runs.
class sequence_trainer {
public:
  virtual ~sequence_trainer() = default;

  /// One pass over all histories but each user's last event, and then the judgement on those.
  /// `stop` is asked after each batch; if it says so, the pass ends early and is not judged.
  virtual epoch_report run_epoch(const std::function<bool()>& stop) = 0;

  /// From now on `factor` times what the options say.
  virtual void scale_learning_rate(double factor) = 0;

  [[nodiscard]] virtual encoder_shape shape() const = 0;

  /// The tensors of recurrent_encoder and the items': `item.id` [items, d], `item.bias` [items],
  /// `label` [labels, d]. An item's vector is its id's row and the sum of its labels' rows
  /// divided by the square root of their number.
  [[nodiscard]] virtual tensor_map weights() const = 0;

  /// What whole-sequence evaluation gives as a query after the last step of these, for the
  /// comparison with recurrent_encoder.
  [[nodiscard]] virtual std::vector<float> query_after(const std::vector<sequence_step>& history,
                                                       std::uint32_t gap) = 0;
};

/// What program and module must agree on; the number is raised with each change of what stands in
/// this file.
inline constexpr const char* training_interface = TROUPE_VERSION "/1";

/// The signature of `troupe_make_sequence_trainer`, the module's one function;
/// `troupe_training_version` beside it is a string. The options and the data were checked by the
/// caller (`check_training`); the data must outlive the trainer.
using make_sequence_trainer = sequence_trainer*(const sequence_data&, const training_options&);

} // namespace troupe::model
