#pragma once

#include "model/ranker.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace troupe::model {

/// From where to where a figure may lie, with 95 % confidence.
struct interval {
  double low = 0;
  double high = 0;
};

/// Averages over all targets. A target is one item, so recall is the hit rate.
struct model_quality {
  static constexpr std::array<std::size_t, 3> cutoffs{5, 10, 20};
  static constexpr std::size_t middle = 1;       ///< of cutoffs: the one with intervals
  static constexpr std::uint64_t cold_below = 5; ///< events; an item with fewer is cold

  std::string name; ///< "blend", a signal's name, or a yardstick: "popularity_all_time" ...
  std::array<double, cutoffs.size()> recall{};
  std::array<double, cutoffs.size()> ndcg{};
  interval recall_interval;   ///< of recall[middle], users drawn anew
  interval ndcg_interval;     ///< of ndcg[middle], with the same draws
  double mrr = 0;             ///< within the first 20
  double coverage = 0;        ///< share of the catalogue that stood in a top 10
  double gini = 0;            ///< of the items' places in top 10s; 0: all alike, to 1: one has all
  double mean_popularity = 0; ///< events so far of the items in the top 10s, on average
  double cold_share = 0;      ///< of the places in top 10s: to items with few events when shown
  std::vector<double> recall_curve; ///< moving average of recall[middle], see evaluation
};

/// Running sums over the targets of one ranking.
class quality_tally {
public:
  /// Counts one target of a user; `target` is no_item if the catalogue has not met it.
  /// `events_of` are the events so far by item number.
  void judge(user_number user, std::span<const item_number> shown, item_number target,
             std::span<const std::uint64_t> events_of);

  /// Everything but the intervals and the curve. `items` is the size of the catalogue.
  [[nodiscard]] model_quality summary(std::string name, std::size_t items) const;

  /// By user number, as far as users were judged: sums of hits and of gains at the middle cutoff.
  [[nodiscard]] std::span<const double> hits_of() const noexcept { return hits_of_; }

  [[nodiscard]] std::span<const double> gains_of() const noexcept { return gains_of_; }

  /// Averages of hits at the middle cutoff over the `window` targets up to each of `until`.
  [[nodiscard]] std::vector<double> moving_recall(std::span<const std::size_t> until,
                                                  std::size_t window) const;

private:
  static constexpr std::size_t exposure_depth = 10;

  std::size_t targets_ = 0;
  std::array<double, model_quality::cutoffs.size()> hits_{};
  std::array<double, model_quality::cutoffs.size()> gains_{};
  double reciprocal_ranks_ = 0;
  double popularity_ = 0;
  std::uint64_t shown_ = 0;
  std::uint64_t cold_ = 0;
  std::vector<std::uint64_t> exposure_; ///< by item number
  std::vector<double> hits_of_;         ///< by user number
  std::vector<double> gains_of_;
  std::vector<std::uint8_t> is_hit_; ///< by target
};

/// The Gini coefficient of counts of which `size - counts.size()` more are 0: the area between
/// the line of equality and the Lorenz curve, doubled. 0 for no counts or none above 0.
[[nodiscard]] double gini_of(std::vector<std::uint64_t> counts, std::size_t size);

/// Intervals of means by the percentile bootstrap (Efron, 1979), with users as the unit, for
/// one user's targets depend on each other: as many users as there are are drawn with
/// replacement, `resamples` times, the same ones for each of `sums`. `targets` and each of
/// `sums` are by user (missing ones at the end are 0); a mean is the drawn users' sum by their
/// targets. The same seed gives the same intervals on every machine.
[[nodiscard]] std::vector<interval> bootstrap(std::span<const std::uint32_t> targets,
                                              std::span<const std::span<const double>> sums,
                                              std::uint64_t seed, std::size_t resamples = 1000);

} // namespace troupe::model
