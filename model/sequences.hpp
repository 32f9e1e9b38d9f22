#pragma once

#include "base/error.hpp"
#include "base/event.hpp"
#include "base/ids.hpp"
#include "base/item.hpp"
#include "config/settings.hpp"
#include "model/profile.hpp"
#include "model/sequence_trainer.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::model {

/// The numbers that a trained encoder knows items, kinds of events and labels by. Kept with its
/// weights, for they mean nothing without it.
class sequence_vocabulary {
public:
  /// Kinds are told apart by the configuration's rules; numbers of rules as event_meaning has
  /// them, so 0 is an event that no rule names.
  explicit sequence_vocabulary(const fold_rules& rules);
  /// The kinds as they are; the first one is "".
  explicit sequence_vocabulary(std::vector<std::string> kinds);

  /// The item's row, a new one if it has none.
  std::uint32_t add_item(const item_id& id);
  /// The label's row, a new one if it has none.
  std::uint32_t add_label(std::string_view label);

  [[nodiscard]] std::optional<std::uint32_t> find_item(item_key key) const;
  [[nodiscard]] std::optional<std::uint32_t> find_label(std::string_view label) const;

  [[nodiscard]] const std::vector<item_id>& items() const noexcept { return items_; }

  [[nodiscard]] const std::vector<std::string>& kinds() const noexcept { return kinds_; }

  [[nodiscard]] const std::vector<std::string>& labels() const noexcept { return labels_; }

private:
  std::vector<item_id> items_;
  std::vector<std::string> kinds_;
  std::vector<std::string> labels_;
  boost::unordered_flat_map<item_key, std::uint32_t, std::hash<item_key>> item_rows_;
  boost::unordered_flat_map<std::uint64_t, std::uint32_t> label_rows_; ///< by stable_hash
};

/// The labels an item's vector is made of beside its id, at most `most`: what profiles take of
/// it, then the words of its title.
[[nodiscard]] std::vector<std::string> vector_labels(const item& what, std::size_t most);

/// The item's own vector as training and serving take it: of unit length, so that its scale does
/// not matter. Empty if it has none, or one of other than `size` values. REQUIRES: check_item.
[[nodiscard]] std::vector<float> content_vector(const item& what, std::size_t size);

/// The vocabulary as bytes, with version and checksum.
[[nodiscard]] std::string write_vocabulary(const sequence_vocabulary& from);

/// Errors: corrupt_data, unsupported_format.
[[nodiscard]] result<sequence_vocabulary> read_vocabulary(std::string_view bytes);

/// What is learnt from recorded events, with the words for its numbers.
struct sequence_corpus {
  sequence_vocabulary words;
  sequence_data data;
  std::size_t contents_left_out = 0; ///< records whose own vector is of another size than is learnt
};

/// What of a corpus is used.
struct corpus_options {
  std::size_t labels_max = 20'000;  ///< the most frequent ones
  std::size_t label_items_min = 2;  ///< a label of fewer items tells nothing
  std::size_t item_labels_max = 32; ///< of one item
  /// Whether an item that stands in its history already is something to predict.
  bool repeats = true;
  bool with_content = true; ///< labels and the items' own vectors
};

/// The defaults, for what slates are to show: where they leave out what a user has seen, no event
/// with such an item has to be foreseen, and nothing is judged by it.
[[nodiscard]] corpus_options corpus_options_for(const config::blend_settings& blend);

/// Histories by user, in the order of time, ties in the order given; events that the rules keep
/// out of histories, and those without a weight in sequences, are left out. Items that stand in no
/// history have no row: told from what was chosen, they would be learnt as nobody's choice, where
/// they may only be new. Of the items' own vectors those of the size that most of them have are
/// learnt from.
/// Errors: invalid_argument if fewer than two users have three events (or items, without repeats),
/// for there would be nothing to learn from and nothing to judge by.
[[nodiscard]] result<sequence_corpus> make_corpus(std::span<const stored_event> events,
                                                  std::span<const item> items,
                                                  const fold_rules& rules,
                                                  const corpus_options& options);

/// The size of the own vectors that most of the vocabulary's items have, the smallest of a tie; 0
/// if fewer than `share` (0 to 1) of the items have one of it.
[[nodiscard]] std::size_t usual_content_size(const sequence_vocabulary& words,
                                             std::span<const item> items, double share);

/// Gives the corpus's items the labels that its vocabulary knows already and their own vectors of
/// `content_size` values (0: none), from these records; those of other items are passed over. Sets
/// the numbers of rows.
void describe_items(sequence_corpus& to, std::span<const item> items, std::size_t content_size,
                    const corpus_options& options = {});

/// Makes no targets of steps whose item stands earlier in the same history.
void leave_out_repeats(sequence_data& in);

/// Checks options against their ranges, and the data.
/// Errors: invalid_argument, naming the option and what it takes.
[[nodiscard]] result<void> check_training(const sequence_data& data,
                                          const training_options& options);

} // namespace troupe::model
