#pragma once

#include "model/sequence_trainer.hpp"

#include <torch/types.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace troupe::model::training {

/// Histories of about the same length, padded to the longest. Items are places in `rows`, or rows
/// of the item table if that is not defined.
struct batch {
  torch::Tensor items;            ///< [sequences, steps]; padding points behind the last one
  torch::Tensor kinds;            ///< the same shape
  torch::Tensor gaps;             ///< gap_bucket since the event before, the same shape
  torch::Tensor places;           ///< [targets]: the flat positions that have a target
  torch::Tensor targets;          ///< [targets]: the item that came next
  torch::Tensor query_gaps;       ///< [targets]: gap_bucket until then, or that of no time
  torch::Tensor rows;             ///< rows of the item table that the batch needs, rising
  torch::Tensor sample;           ///< [sample]: what each target is told from besides
  torch::Tensor sample_offsets;   ///< [sample]: added to their scores, for how they were drawn
  torch::Tensor columns;          ///< [targets]: where the target is in the sample; -1: nowhere
  std::vector<std::size_t> at;    ///< held_out only: each target's place in the data's steps
  std::vector<std::size_t> users; ///< held_out only: whose target it is
};

/// Cuts the histories into batches, by a seed.
class batch_maker {
public:
  batch_maker(const sequence_data& data, const training_options& options);

  /// Stretches of histories that go into one batch.
  struct plan {
    struct stretch {
      std::size_t begin = 0; ///< into data.steps
      std::size_t end = 0;   ///< of the inputs; the target of the last stands there
      bool from_start = false;
    };

    std::vector<stretch> stretches;
    std::size_t targets = 0;
  };

  /// All histories, cut and mixed for this epoch: without the held-out events, or to their ends.
  [[nodiscard]] std::vector<plan> epoch(std::size_t number, bool to_the_end);
  [[nodiscard]] batch make(const plan& of);

  /// The held-out events of users, evenly chosen such that there are at most `targets_max`, so many
  /// users to a batch that it is no larger than one to learn from; as if no time had passed until
  /// the query.
  [[nodiscard]] std::vector<batch> held_out(std::size_t targets_max) const;

  /// One history as a batch of one, without targets. REQUIRES: not empty.
  [[nodiscard]] batch whole(const std::vector<sequence_step>& history) const;

  /// Where the user's steps begin.
  [[nodiscard]] std::size_t begin_of(std::size_t user) const {
    return user == 0 ? 0 : data_.ends[user - 1];
  }

private:
  [[nodiscard]] std::size_t targets_within(std::size_t begin, std::size_t end) const;
  void draw_sample(batch& to, const std::vector<std::int64_t>& targets);

  const sequence_data& data_;
  training_options options_;
  std::size_t negatives_; // 0: no sample
  std::mt19937_64 random_;
  std::discrete_distribution<std::uint32_t> by_share_; // items, for the sample
  std::vector<double> log_expected_;                   // of an item, how often it is in a sample
  std::vector<std::int64_t> place_; // of an item in the rows of the batch that is being made
};

} // namespace troupe::model::training
