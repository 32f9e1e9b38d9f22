#pragma once

#include "model/topk.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>

/// The best rows of one query while a kernel runs over the items.
namespace troupe::model::scan {

/// Keeps the `bound` best of the rows offered to it. Rows above the threshold are collected in
/// a buffer of about twice the bound; when it is full, the better half stays and the threshold
/// rises to the worst of it. So a row that enters costs a store, and a selection of O(bound)
/// comes once for every `bound` of them: for hundreds of rows a few times cheaper than a heap.
class best_rows {
public:
  /// REQUIRES: bound >= 1.
  best_rows(std::size_t query, std::size_t bound, const top_k_options& options)
      : query_(query), bound_(bound), options_(&options) {
    kept_.reserve(2 * bound + 64);
  }

  /// What a score must exceed to enter. Rows come in rising order, so an equal score is a
  /// larger row and loses.
  [[nodiscard]] float threshold() const noexcept { return threshold_; }

  /// Takes in a row whose score exceeds the threshold.
  void offer(std::uint32_t row, float score) {
    // The threshold may have risen since the caller looked; infinity is no score.
    if (!(score > threshold_) || !std::isfinite(score))
      return;
    if (score > top_.score || !has_top_) // whoever may be an answer: none is better unseen
      top_ = {score, row};
    has_top_ = true;
    if (options_->accept && !options_->accept(query_, row))
      return;
    kept_.push_back(key_of(score, row));
    if (kept_.size() == kept_.capacity())
      cut();
  }

  /// The best of all rows, accepted or not; null if none had a score.
  [[nodiscard]] const scored_row* top() const noexcept { return has_top_ ? &top_ : nullptr; }

  /// The kept rows, best first.
  [[nodiscard]] std::vector<scored_row> take_sorted() && {
    if (kept_.size() > bound_)
      cut();
    std::sort(kept_.begin(), kept_.end(), std::greater<>{});
    std::vector<scored_row> out;
    out.reserve(kept_.size());
    for (const auto key : kept_)
      out.push_back({score_of(key), ~static_cast<std::uint32_t>(key)});
    return out;
  }

private:
  static constexpr std::uint32_t sign = 0x80000000U;

  /// One number that is larger for the larger score, then for the smaller row.
  static std::uint64_t key_of(float score, std::uint32_t row) noexcept {
    const auto bits = std::bit_cast<std::uint32_t>(score + 0.0F); // one zero, not two
    const auto ordered = (bits & sign) != 0 ? ~bits : bits | sign;
    return std::uint64_t{ordered} << 32 | static_cast<std::uint32_t>(~row);
  }

  static float score_of(std::uint64_t key) noexcept {
    const auto ordered = static_cast<std::uint32_t>(key >> 32);
    return std::bit_cast<float>((ordered & sign) != 0 ? ordered & ~sign : ~ordered);
  }

  void cut() {
    const auto last = kept_.begin() + static_cast<std::ptrdiff_t>(bound_ - 1);
    std::nth_element(kept_.begin(), last, kept_.end(), std::greater<>{});
    kept_.resize(bound_);
    threshold_ = score_of(kept_.back());
  }

  std::size_t query_;
  std::size_t bound_;
  const top_k_options* options_;
  std::vector<std::uint64_t> kept_; ///< key_of each
  float threshold_ = -std::numeric_limits<float>::infinity();
  scored_row top_;
  bool has_top_ = false;
};

} // namespace troupe::model::scan
