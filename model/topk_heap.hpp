#pragma once

#include "model/topk.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

/// The k best rows of one query while a kernel runs over the items.
namespace troupe::model::scan {

/// A better row comes first: larger score, then smaller index.
inline bool is_better(const scored_row& left, const scored_row& right) noexcept {
  return left.score != right.score ? left.score > right.score : left.row < right.row;
}

/// A binary heap with the worst kept row on top.
class row_heap {
public:
  row_heap(std::size_t query, std::size_t bound, const top_k_options& options)
      : query_(query), bound_(bound), options_(&options) {
    kept_.reserve(bound);
  }

  /// What a score must exceed to enter. Rows come in rising order, so an equal score is a
  /// larger row and loses.
  [[nodiscard]] float threshold() const noexcept { return threshold_; }

  /// Takes in the scores of `count` rows from `first` on.
  void offer(std::uint32_t first, const float* scores, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const scored_row one{scores[i], first + static_cast<std::uint32_t>(i)};
      // Written so that not-a-number does not enter.
      if (!(one.score > threshold_) || !std::isfinite(one.score))
        continue;
      if (options_->accept && !options_->accept(query_, one.row))
        continue;
      enter(one);
    }
  }

  /// The kept rows, best first.
  [[nodiscard]] std::vector<scored_row> take_sorted() && {
    std::sort_heap(kept_.begin(), kept_.end(), is_better);
    return std::move(kept_);
  }

private:
  void enter(const scored_row& one) {
    if (kept_.size() == bound_) {
      std::pop_heap(kept_.begin(), kept_.end(), is_better);
      kept_.back() = one;
    } else {
      kept_.push_back(one);
    }
    std::push_heap(kept_.begin(), kept_.end(), is_better);
    if (kept_.size() == bound_)
      threshold_ = kept_.front().score;
  }

  std::size_t query_;
  std::size_t bound_;
  const top_k_options* options_;
  std::vector<scored_row> kept_;
  float threshold_ = -std::numeric_limits<float>::infinity();
};

} // namespace troupe::model::scan
