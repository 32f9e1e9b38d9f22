#pragma once

#include "base/error.hpp"
#include "base/item.hpp"
#include "model/companions.hpp"
#include "model/encoder.hpp"
#include "model/profile.hpp"
#include "model/trained_encoder.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace troupe::model {

/// A user as the encoder sees them: its state after their last event. Fresh: nothing happened.
struct sequence_state {
  std::vector<float> values; ///< state_size() of them; empty: fresh
  timestamp last{};          ///< time of the last event; none yet: timestamp{}
};

/// One event to move a state forward by.
struct sequence_event {
  std::vector<float> item; ///< its vector, without the bias; empty if it has none
  std::uint32_t kind = 0;  ///< sequence_model::kind_of
  timestamp time{};
};

/// One version of the trained model as it serves: the encoder, the items' vectors, the weight of
/// its score in the blend. One object for the whole process, which sessions, encoders and slices
/// hold as long as they use it (promise P5: a slate is computed with one of them).
/// Immutable; all members may be called from any thread.
class sequence_model {
public:
  /// `weight` is what a score counts in the blend: the best item's sequence part is as much.
  /// Kinds of events are found again by the rules' names, so rules may have changed since.
  /// Errors: invalid_argument, naming the tensor or the number that does not fit.
  [[nodiscard]] static result<std::shared_ptr<const sequence_model>>
  make(std::uint64_t version, trained_encoder from, double weight, const fold_rules& rules);

  sequence_model(const sequence_model&) = delete;
  sequence_model& operator=(const sequence_model&) = delete;

  [[nodiscard]] std::uint64_t version() const noexcept { return version_; }

  [[nodiscard]] const recurrent_encoder& encoder() const noexcept { return *encoder_; }

  [[nodiscard]] double weight() const noexcept { return weight_; }

  [[nodiscard]] std::size_t items() const noexcept { return trained_.words.items().size(); }

  /// Values in a row and in a query: the vector's dimensions and one for the item's bias.
  [[nodiscard]] std::size_t row_size() const noexcept { return vectors_.dimensions() + 1; }

  /// What stands for the item in a slice's matrix; all zeros if nothing is known of it. `record`
  /// may be null.
  [[nodiscard]] std::vector<float> row_of(item_key key, const item* record) const;

  /// The same with an estimate of the id's part, from what an item that was not trained stood near.
  /// Trained items, and those without a trained companion, get the row as it is.
  [[nodiscard]] std::vector<float> row_of(item_key key, const item* record,
                                          std::span<const companion> near) const;

  /// Whether the item's id was trained, so that its row needs no estimate.
  [[nodiscard]] bool is_trained(item_key key) const noexcept { return vectors_.is_trained(key); }

  /// The encoder's number for what an event was, by event_meaning::rule.
  [[nodiscard]] std::uint32_t kind_of(std::uint16_t rule) const noexcept {
    return rule < kinds_.size() ? kinds_[rule] : 0;
  }

  /// The query of a user at this moment: to be multiplied with rows.
  [[nodiscard]] std::vector<float> query(const sequence_state& of, timestamp now) const;

private:
  sequence_model(std::uint64_t version, trained_encoder from, double weight);

  std::uint64_t version_;
  double weight_;
  trained_encoder trained_;
  item_vectors vectors_; ///< views into trained_
  std::shared_ptr<const recurrent_encoder> encoder_;
  std::vector<std::uint32_t> kinds_; ///< by rule
};

using sequence_model_ptr = std::shared_ptr<const sequence_model>;

/// One event of a history that the encoder takes; the item's vector is with its slice.
struct sequence_entry {
  item_key item{};
  std::uint32_t kind = 0;
  timestamp time{};
};

/// What of a profile's history the encoder takes, oldest first: what it was trained on, events with
/// a weight in sequences.
[[nodiscard]] std::vector<sequence_entry>
sequence_history(const profile& who, const fold_rules& rules, const sequence_model& by);

/// The moment a query is asked for. An event that came in within the last minute has just
/// happened: the slate is pushed for it and no time has passed. Else the user comes back.
/// `received`: when the server took the last event; timestamp{}: not known.
[[nodiscard]] timestamp query_moment(const sequence_state& of, timestamp received,
                                     timestamp now) noexcept;

/// A state and what is to happen to it.
struct sequence_advance {
  sequence_state* state = nullptr;
  std::span<const sequence_event> events; ///< in the order they happened
};

/// Moves all states forward by their events: those with one event in one pass over the encoder's
/// weights, longer histories each by itself. The result does not depend on what else is moved in
/// the same call, nor on how a history is cut into calls.
void advance(const sequence_model& by, std::span<const sequence_advance> all);

} // namespace troupe::model
