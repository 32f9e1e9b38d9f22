#pragma once

#include "base/error.hpp"
#include "model/tensors.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

/// The recurrent sequence encoder as it serves: a user's state, which one event moves forward,
/// and the query it gives, to be multiplied with the items' vectors.
///
/// Stacked linear recurrent units (Orvieto et al., "Resurrecting recurrent neural networks for
/// long sequences", ICML 2023; for recommendation: Yue et al., "Linear recurrent units for
/// sequential recommendation", WSDM 2024), each followed by a gated feed-forward block (Shazeer,
/// "GLU variants improve transformer", 2020), with the time between events as an input. Trained
/// by model/training over whole sequences; this is the same function step by step, without
/// LibTorch.
namespace troupe::model {

/// How an encoder takes in a history.
enum class encoder_architecture : std::uint8_t {
  recurrent,   ///< recurrent_encoder: a state, one step an event
  transformer, ///< transformer_encoder: the newest events, all anew
};

/// "recurrent" or "transformer".
[[nodiscard]] constexpr const char* name_of(encoder_architecture which) noexcept {
  return which == encoder_architecture::recurrent ? "recurrent" : "transformer";
}

/// Sizes of an encoder; every one at least 1, but for those of the other architecture, which are 0.
struct encoder_shape {
  std::size_t dimensions = 64; ///< of item vectors, queries and between the blocks
  std::size_t blocks = 2;
  std::size_t states = 64;  ///< recurrent: complex numbers in a block's state
  std::size_t hidden = 128; ///< of the feed-forward blocks
  std::size_t kinds = 1;    ///< of events told apart; 0 stands for all unknown ones
  encoder_architecture architecture = encoder_architecture::recurrent;
  std::size_t heads = 0;  ///< transformer: of the attention
  std::size_t window = 0; ///< transformer: newest events that are looked at

  /// Recurrent: numbers in a user's state, every block's and what came out of the last one.
  [[nodiscard]] constexpr std::size_t state_size() const noexcept {
    return blocks * 2 * states + dimensions;
  }

  static constexpr std::size_t dimensions_max = 1024;
  static constexpr std::size_t blocks_max = 16;
  static constexpr std::size_t kinds_max = 257;
  static constexpr std::size_t window_max = 10'000;

  friend bool operator==(const encoder_shape&, const encoder_shape&) = default;
};

/// Times between events are told apart by powers of two of seconds.
inline constexpr std::size_t gap_buckets = 32;

/// 0 for a negative gap, which means that there was no event before; 1 for less than a second;
/// 1 + floor(log2(1 + seconds)) in general, at most gap_buckets - 1.
[[nodiscard]] constexpr std::uint32_t gap_bucket(std::int64_t millis) noexcept {
  if (millis < 0)
    return 0;
  const auto seconds = static_cast<std::uint64_t>(millis) / 1000;
  const auto bucket = static_cast<std::uint32_t>(std::bit_width(seconds + 1));
  return std::min(bucket, static_cast<std::uint32_t>(gap_buckets - 1));
}

/// How far one position turns pair `i` of a head's `pairs` (Su et al., "RoFormer", 2021).
[[nodiscard]] inline float rotary_turn(std::size_t i, std::size_t pairs) noexcept {
  return std::pow(10'000.0F, -static_cast<float>(i) / static_cast<float>(pairs));
}

/// What one event tells the encoder.
struct encoder_event {
  std::span<const float> item; ///< the item's vector; empty if it has none
  std::uint32_t kind = 0;      ///< unknown ones count as 0
  std::uint32_t gap = 0;       ///< gap_bucket of the time since the event before
};

/// Names and shapes of the trained tensors, as a snapshot keeps them; `d`, `s`, `h` and `k`
/// are dimensions, states, hidden and kinds:
///
///     kind [k, d]   gap [gap_buckets, d]   query_gap [gap_buckets, d]
///     block.<i>.norm.weight [d]   .norm.bias [d]
///     block.<i>.in.weight [2s, d]          real parts first, then imaginary ones
///     block.<i>.nu [s]   .theta [s]        lambda = exp(-exp(nu) + i theta)
///     block.<i>.out.weight [d, 2s]   .out.bias [d]   .skip [d]
///     block.<i>.ff_norm.weight [d]   .ff_norm.bias [d]
///     block.<i>.gate.weight [h, d]   .gate.bias [h]   .up.weight [h, d]   .up.bias [h]
///     block.<i>.down.weight [d, h]   .down.bias [d]
///     norm.weight [d]   norm.bias [d]
///
/// Immutable; all members may be called from any thread.
class recurrent_encoder {
public:
  /// Errors: invalid_argument, naming the size or the tensor that is missing, has another shape
  /// or holds what is not finite. Other tensors (the items') are passed over.
  [[nodiscard]] static result<std::shared_ptr<const recurrent_encoder>>
  make(const encoder_shape& shape, const tensor_map& weights);

  ~recurrent_encoder();
  recurrent_encoder(const recurrent_encoder&) = delete;
  recurrent_encoder& operator=(const recurrent_encoder&) = delete;

  [[nodiscard]] const encoder_shape& shape() const noexcept;

  /// Moves states forward by one event each, all in one pass over the weights. A state is the
  /// same bit for bit whatever the number of states in the call. A fresh state is all zeros.
  /// REQUIRES: states.size() == events.size(); every state has state_size() values; every item
  /// has `dimensions` values or none.
  void step(std::span<const std::span<float>> states, std::span<const encoder_event> events) const;

  /// Moves one state forward by several events in their order: a whole history, several times
  /// cheaper an event than `step` one by one, and the same bit for bit.
  /// REQUIRES: state.size() == state_size(); events as for `step`.
  void encode(std::span<const encoder_event> events, std::span<float> state) const;

  /// The query of a state when `gap` (a gap_bucket) has passed since the last event.
  /// REQUIRES: state.size() == state_size(); query.size() == dimensions.
  void query(std::span<const float> state, std::uint32_t gap, std::span<float> query) const;

private:
  struct weights;
  explicit recurrent_encoder(std::unique_ptr<const weights> trained);

  std::unique_ptr<const weights> weights_;
};

} // namespace troupe::model
