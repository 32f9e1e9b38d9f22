#pragma once

#include "base/error.hpp"
#include "model/encoder.hpp"
#include "model/tensors.hpp"

/// Magnitude pruning of whole units (Li et al., "Pruning filters for efficient ConvNets", ICLR
/// 2017): what is left is a smaller encoder, which every kernel runs faster. Single weights set to
/// zero (Han et al., 2015) would make none of them faster.
namespace troupe::model {

/// Shares of units that can be taken away: more than 0 and less than this.
inline constexpr double prune_share_end = 0.95;

/// The sizes that are left without `share` of each block's hidden units and, of a recurrent
/// encoder, states: rounded up to whole registers of the kernels (16 hidden units, 8 states), which
/// cost as much half full. May be the same sizes, in a small encoder.
/// REQUIRES: 0 <= share < 1.
[[nodiscard]] encoder_shape pruned_shape(const encoder_shape& from, double share) noexcept;

/// The weights of an encoder of `from` with only the units of largest magnitude that `to` has room
/// for, in their order; the other tensors as they are. The magnitude of a hidden unit is the
/// product of the lengths of its rows in `gate` and `up` (biases included) and of its column in
/// `down`; that of a state the product of the lengths of its rows in `in` and of its columns in
/// `out`, which for white noise is how far it moves the output whatever its memory, for `in` is
/// normalised by that. So a unit of magnitude 0 moves nothing.
/// Errors: invalid_argument (`to` has more units or differs in another size; a tensor that is
/// missing or has another shape, as recurrent_encoder::make).
[[nodiscard]] result<tensor_map> prune_weights(const encoder_shape& from, const encoder_shape& to,
                                               const tensor_map& weights);

} // namespace troupe::model
