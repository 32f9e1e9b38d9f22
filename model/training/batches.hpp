#pragma once

#include "model/sequence_trainer.hpp"

#include <torch/types.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace troupe::model::training {

/// Histories of about the same length, padded to the longest.
struct batch {
  torch::Tensor items;            ///< [sequences, steps]; padding points behind the last item
  torch::Tensor kinds;            ///< the same shape
  torch::Tensor gaps;             ///< gap_bucket since the event before, the same shape
  torch::Tensor places;           ///< [targets]: the flat positions that have a target
  torch::Tensor targets;          ///< [targets]: the item that came next
  torch::Tensor query_gaps;       ///< [targets]: gap_bucket until then, or that of no time
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

  /// All histories but each user's last event, cut and mixed for this epoch.
  [[nodiscard]] std::vector<plan> epoch(std::size_t number);
  [[nodiscard]] batch make(const plan& of);

  /// The last events of at most `users_max` users, evenly chosen, `rows` to a batch; as if no
  /// time had passed until the query.
  [[nodiscard]] std::vector<batch> held_out(std::size_t users_max, std::int64_t rows) const;

  /// One history as a batch of one, without targets. REQUIRES: not empty.
  [[nodiscard]] batch whole(const std::vector<sequence_step>& history) const;

  /// The items of a user's steps but the last.
  [[nodiscard]] std::vector<std::uint32_t> seen_before_last(std::size_t user) const;

private:
  [[nodiscard]] std::size_t begin_of(std::size_t user) const {
    return user == 0 ? 0 : data_.ends[user - 1];
  }

  const sequence_data& data_;
  training_options options_;
  std::mt19937_64 random_;
};

} // namespace troupe::model::training
