#pragma once

#include "base/item.hpp"
#include "model/companions.hpp"
#include "model/item_matrix.hpp"
#include "model/sequence_model.hpp"
#include "model/topk.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace troupe::model {

/// The vectors of one slice's items by one version of the model, by the slice's local numbers.
/// Rows are made some at a time, for a slice of many items has queries to answer meanwhile. The row
/// of an item that the version has not learnt has an estimate in it, made of the items it stood
/// near, which moves with each of its events; what a row is depends on the record and the
/// companions as they are, not on how they came to be.
class slice_vectors {
public:
  explicit slice_vectors(sequence_model_ptr of)
      : model_(std::move(of)), rows_(model_->row_size()) {}

  [[nodiscard]] const sequence_model& model() const noexcept { return *model_; }

  [[nodiscard]] const item_matrix& rows() const noexcept { return rows_; }

  /// Adds the row of the next local. `record` may be null.
  void append(item_key key, const item* record, std::span<const companion> near) {
    rows_.append(model_->row_of(key, record, near));
  }

  /// The record of a local came or changed. A row that is not there yet is made later.
  void replace(std::uint32_t local, item_key key, const item* record,
               std::span<const companion> near) {
    if (local < rows_.rows())
      rows_.replace(local, model_->row_of(key, record, near));
  }

  /// The companions of a local changed: nothing to a trained item.
  void move(std::uint32_t local, item_key key, const item* record,
            std::span<const companion> near) {
    if (!model_->is_trained(key))
      replace(local, key, record, near);
  }

  /// The item's vector as the encoder takes it, without the bias and without an estimate. A user's
  /// state is then a function of the history, the records and the version alone: it is the same
  /// however far the slice had learnt when each event went in, and a past slate's can be made
  /// again (model/explain.hpp). The encoder was trained on ids as they are, too, and not on
  /// guesses. REQUIRES: local < rows().rows().
  [[nodiscard]] std::vector<float> input(std::uint32_t local, item_key key, const item* record,
                                         std::span<const companion> near) const {
    const bool is_estimated = !near.empty() && !model_->is_trained(key);
    auto row = is_estimated ? model_->row_of(key, record) : rows_.row(local);
    row.pop_back();
    return row;
  }

private:
  sequence_model_ptr model_;
  item_matrix rows_;
};

/// What one query's user gets from the encoder among a slice's items: the best by inner product
/// with their scores relative to the best of them.
struct sequence_hits {
  const slice_vectors* of = nullptr; ///< null: the query has no sequence part
  std::vector<scored_row> best;      ///< best first, only what the user may be shown
  bool is_all = false;               ///< there is no further item that the user may be shown
};

} // namespace troupe::model
