#pragma once

#include "base/error.hpp"
#include "model/encoder.hpp"
#include "model/tensors.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
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
  bool is_target = true; ///< whether it is to be predicted from those before it
};

/// How many of these are to be predicted.
[[nodiscard]] inline std::size_t count_targets(std::span<const sequence_step> steps) noexcept {
  return static_cast<std::size_t>(
      std::count_if(steps.begin(), steps.end(), [](const auto& one) { return one.is_target; }));
}

/// What an encoder learns from: users' histories, and the content of the items.
struct sequence_data {
  std::size_t items = 0; ///< rows of the item table
  std::size_t kinds = 1;
  std::size_t labels = 0;                   ///< rows of the label table
  std::vector<sequence_step> steps;         ///< user after user, each in the order of time
  std::vector<std::size_t> ends;            ///< where each user's steps end
  std::vector<std::uint32_t> item_labels;   ///< item after item
  std::vector<std::size_t> item_label_ends; ///< one an item; empty if there are no labels
  std::size_t content_size = 0; ///< values of the items' own vectors; 0: these are not learnt from
  std::vector<std::uint32_t> content_items; ///< rows of the items that have one, rising
  std::vector<float> contents;              ///< [content_items, content_size], each of unit length
};

/// How to train. Zeros are chosen from the data by the trainer.
struct training_options {
  std::uint64_t seed = 1;
  encoder_architecture architecture = encoder_architecture::recurrent;
  std::size_t dimensions = 64;
  std::size_t blocks = 2;
  std::size_t heads = 2; ///< of the transformer; a divisor of `dimensions` that leaves even parts
  double dropout = 0.25;
  double item_dropout = 0.1; ///< share of the events whose item is hidden from the encoder
  double learning_rate = 1e-3;
  double weight_decay = 0.01;
  /// Steps of histories in a batch, padding included; 0: such that a pass has enough batches.
  std::size_t batch_steps = 0;
  std::size_t length_max = 200; ///< longer histories are cut, anew in each epoch
  /// Newest events of each user that are judged by and not learnt from, in histories that are long
  /// enough (see held_out_steps).
  std::size_t held_out_max = 3;
  /// Items a target is told from: 0 for all of the catalogue up to `full_softmax_items_max`
  /// items, and `sampled_default` that a batch shares beyond.
  std::size_t negatives = 0;
  /// Share of the steps that are trained as if no time passed until the query; the others know
  /// it. A pushed slate knows of none, one that is asked for later does.
  double now_share = 0.5;
  unsigned threads = 1;
  std::size_t hidden = 0; ///< encoder_shape::hidden; 0: twice the dimensions
  std::size_t states = 0; ///< encoder_shape::states; 0: as many as dimensions
  /// Of a target, what the teacher's word has, once there is one (sequence_trainer::set_teacher);
  /// the rest has the item that came next. 0 to 1.
  double teacher_share = 0;

  static constexpr std::size_t full_softmax_items_max = 20'000;
  static constexpr std::size_t sampled_default = 1024;
};

/// The sizes of an encoder that is trained with these options, from `kinds` of events.
[[nodiscard]] inline encoder_shape trained_shape(const training_options& options,
                                                 std::size_t kinds) noexcept {
  const auto given = [](std::size_t size, std::size_t otherwise) {
    return size > 0 ? size : otherwise;
  };
  encoder_shape made;
  made.architecture = options.architecture;
  made.dimensions = options.dimensions;
  made.blocks = options.blocks;
  made.hidden = given(options.hidden, 2 * options.dimensions);
  made.kinds = kinds;
  const auto is_recurrent = options.architecture == encoder_architecture::recurrent;
  made.states = is_recurrent ? given(options.states, options.dimensions) : 0;
  made.heads = is_recurrent ? 0 : options.heads;
  made.window = is_recurrent ? 0 : options.length_max;
  return made;
}

/// How many other items a target is told from in each batch; 0: from all of them.
[[nodiscard]] inline std::size_t negatives_for(const sequence_data& data,
                                               const training_options& options) noexcept {
  if (options.negatives == 0 && data.items <= training_options::full_softmax_items_max)
    return 0;
  return std::min(data.items,
                  options.negatives > 0 ? options.negatives : training_options::sampled_default);
}

/// How many of a history's events are held out: one in eight, at least one, at most `most`; none of
/// a history of fewer than three, for there would be nothing left to learn.
[[nodiscard]] constexpr std::size_t held_out_steps(std::size_t length, std::size_t most) noexcept {
  return length < 3 ? 0 : std::clamp<std::size_t>(length / 8, 1, most);
}

/// What one pass over the data gave.
struct epoch_report {
  std::size_t epoch = 0;      ///< from 1
  std::size_t steps = 0;      ///< targets that were learnt from
  double loss = 0;            ///< mean cross entropy, in nats; in part the teacher's, if any
  double recall = 0;          ///< Recall@10 of the held-out events, on all items but those seen
  double ndcg = 0;            ///< NDCG@10 of the same
  std::size_t judged = 0;     ///< held-out events
  double held_out_loss = 0;   ///< their mean cross entropy, all items told apart
  bool refit = false;         ///< the held-out events were learnt too: nothing was judged
  std::size_t epochs_end = 0; ///< train_encoder: how many there will be at most; 0: not known
};

/// Everything a run goes on from, to the last bit: tensors and numbers by name.
struct trainer_state {
  tensor_map tensors;
  std::map<std::string, double> numbers;
};

/// One training run. Every number drawn in an epoch comes of the seed and the epoch's number, so
/// that a run that goes on from `state` does what it would have done.
/// Thread safety: none; it uses `threads` threads of its own while a member runs.
class sequence_trainer {
public:
  virtual ~sequence_trainer() = default;

  /// One pass over all histories but the held-out events, and then the judgement on those.
  /// `stop` is asked before each of LibTorch's operations, so it should be quick or wait on
  /// purpose; if it says so once, the pass ends after the batch and what was judged says nothing.
  virtual epoch_report run_epoch(const std::function<bool()>& stop) = 0;

  /// The same over all histories to their ends, at a learning rate that falls in a straight line
  /// from `from` to `to` times what the options say; nothing is judged.
  virtual epoch_report run_refit(double from, double to, const std::function<bool()>& stop) = 0;

  /// Judges what has been learnt so far; learns nothing. `stop` as for run_epoch.
  virtual epoch_report judge(const std::function<bool()>& stop) = 0;

  /// From now on `factor` times what the options say.
  virtual void scale_learning_rate(double factor) = 0;

  [[nodiscard]] virtual encoder_shape shape() const = 0;

  /// The tensors of recurrent_encoder or transformer_encoder and the items': `item.id` [items, d],
  /// `item.bias` [items], `label` [labels, d] if there are labels, `content.weight`
  /// [d, content_size] if vectors of the items' own are learnt from. An item's vector is its id's
  /// row, the sum of its labels' rows divided by the square root of their number, and
  /// `content.weight` times its own vector. Means over the latest steps (Polyak and Juditsky,
  /// 1992), which rank better than the last step's and hardly depend on when the training ends.
  [[nodiscard]] virtual tensor_map weights() const = 0;

  /// Goes on from these weights, as `weights` gives them.
  /// Errors: invalid_argument, naming the tensor that is missing or has another shape.
  virtual result<void> set_weights(const tensor_map& from) = 0;

  /// From now on, targets are in part what this trained encoder says of the same histories
  /// (Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network", 2015). Judgements
  /// take no heed of it, and `state` does not hold it: give it again after `restore`.
  /// Errors: invalid_argument, naming the tensor that is missing or has another shape.
  virtual result<void> set_teacher(const encoder_shape& shape, const tensor_map& weights) = 0;

  [[nodiscard]] virtual trainer_state state() const = 0;

  /// Goes on from what `state` of a trainer with the same data and options gave.
  /// Errors: invalid_argument, naming the tensor or number that does not fit.
  virtual result<void> restore(const trainer_state& from) = 0;

  /// What whole-sequence evaluation gives as a query after the last step of these, for the
  /// comparison with the encoders that serve.
  [[nodiscard]] virtual std::vector<float> query_after(const std::vector<sequence_step>& history,
                                                       std::uint32_t gap) = 0;
};

/// What program and module must agree on; the number is raised with each change of what stands in
/// this file.
inline constexpr const char* training_interface = TROUPE_VERSION "/7";

/// The signature of `troupe_make_sequence_trainer`, the module's one function;
/// `troupe_training_version` beside it is a string. The options and the data were checked by the
/// caller (`check_training`); the data must outlive the trainer.
using make_sequence_trainer = sequence_trainer*(const sequence_data&, const training_options&);

} // namespace troupe::model
