#pragma once

#include "base/error.hpp"
#include "model/sequence_trainer.hpp"
#include "model/tensors.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::model {

/// A training run between two epochs.
struct training_checkpoint {
  std::uint64_t fingerprint = 0; ///< training_fingerprint of what it is a run of
  trainer_state trainer;
  epoch_report best; ///< epoch 0: none yet
  tensor_map best_weights;
  std::size_t since_best = 0;
  bool settled = false;   ///< the best epoch is found; what is left is to refit
  tensor_map refitted;    ///< the weights after the last refit, if there was one
  std::size_t refits = 0; ///< done
};

/// Tells data and options apart: what goes on from another run's state would be neither.
[[nodiscard]] std::uint64_t training_fingerprint(const sequence_data& data,
                                                 const training_options& options);

/// One file in the safetensors format: tensors `trainer.*`, `best.*` and `refitted.*`, and as the
/// entry `training` of the metadata a JSON object with the numbers.
[[nodiscard]] std::string write_checkpoint(const training_checkpoint& from);

/// Errors: corrupt_data, unsupported_format, too_large, as read_safetensors; corrupt_data for
/// numbers that are missing.
[[nodiscard]] result<training_checkpoint> read_checkpoint(std::string_view bytes);

} // namespace troupe::model
