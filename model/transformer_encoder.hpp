#pragma once

#include "base/error.hpp"
#include "model/encoder.hpp"
#include "model/tensors.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace troupe::model {

/// The causal transformer as it serves: the newest events of a history to a query, all computed
/// anew, so an event costs more the longer the history is. The yardstick for the recurrent encoder,
/// and its teacher. Trained by model/training; this is the same function without LibTorch.
///
/// SASRec (Kang and McAuley, "Self-attentive sequential recommendation", ICDM 2018) with layers of
/// today: normalised before each half of a block, rotary positions (Su et al., "RoFormer", 2021),
/// gated feed-forward blocks (Shazeer, 2020), and the time between events as an input.
///
/// Tensors: `kind`, `gap`, `query_gap`, `norm.*` and each block's `norm.*`, `ff_norm.*`, `gate.*`,
/// `up.*`, `down.*` as recurrent_encoder has them, and
///
///     block.<i>.qkv.weight [3d, d]   .qkv.bias [3d]   queries, keys, values; head after head
///     block.<i>.out.weight [d, d]    .out.bias [d]
///
/// Of a head's values the first half and the second half are the pairs that positions turn.
/// Immutable; all members may be called from any thread.
class transformer_encoder {
public:
  /// Errors: invalid_argument, naming the size or the tensor that is missing, has another shape
  /// or holds what is not finite. Other tensors (the items') are passed over.
  [[nodiscard]] static result<std::shared_ptr<const transformer_encoder>>
  make(const encoder_shape& shape, const tensor_map& weights);

  ~transformer_encoder();
  transformer_encoder(const transformer_encoder&) = delete;
  transformer_encoder& operator=(const transformer_encoder&) = delete;

  [[nodiscard]] const encoder_shape& shape() const noexcept;

  /// What comes out of the last block after the newest event. Events before the newest
  /// `shape().window` are passed over. Cost: O(n^2 d + n d^2) of n events.
  /// REQUIRES: history is not empty; every item has `dimensions` values or none;
  /// last.size() == dimensions.
  void encode(std::span<const encoder_event> history, std::span<float> last) const;

  /// The query of what `encode` gave when `gap` (a gap_bucket) has passed since the last event.
  /// REQUIRES: last.size() == query.size() == dimensions.
  void query(std::span<const float> last, std::uint32_t gap, std::span<float> query) const;

private:
  struct weights;
  explicit transformer_encoder(std::unique_ptr<const weights> trained);

  std::unique_ptr<const weights> weights_;
};

} // namespace troupe::model
