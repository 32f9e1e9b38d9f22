#pragma once

#include "base/item.hpp"
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
/// Rows are made some at a time, for a slice of many items has queries to answer meanwhile.
class slice_vectors {
public:
  explicit slice_vectors(sequence_model_ptr of)
      : model_(std::move(of)), rows_(model_->row_size()) {}

  [[nodiscard]] const sequence_model& model() const noexcept { return *model_; }

  [[nodiscard]] const item_matrix& rows() const noexcept { return rows_; }

  /// Adds the row of the next local. `record` may be null.
  void append(item_key key, const item* record) { rows_.append(model_->row_of(key, record)); }

  /// The record of a local came or changed. A row that is not there yet is made later.
  void replace(std::uint32_t local, item_key key, const item* record) {
    if (local < rows_.rows())
      rows_.replace(local, model_->row_of(key, record));
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
