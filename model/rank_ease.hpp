#pragma once

#include "model/query_items.hpp"
#include "model/ranker.hpp"

#include <boost/unordered/unordered_flat_set.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace troupe::model {

/// EASE^R, the linear autoencoder in closed form (Steck, WWW 2019): with X the matrix of who had
/// what and P = (X'X + lambda I)^-1, item i scores the sum over the items j of the history of
/// -w_j P_ji / P_ii. Once with the whole history, once with w_j falling by `decay` with every
/// step back. Fitted as a whole by `prepare`, in time cubic and memory quadratic in the items
/// that have events: 20,000 of them take 1.6 GB and some 8e12 operations. What is learnt
/// afterwards does not change it.
class ease_ranker final : public ranker {
public:
  static constexpr float decay = 0.8F;
  static constexpr float lambda_default = 500;
  static constexpr std::size_t items_max = 20'000;

  [[nodiscard]] static std::vector<std::string> all_names();

  /// REQUIRES: wanted are some of all_names(); lambda > 0.
  explicit ease_ranker(std::span<const std::string> wanted, float lambda = lambda_default);

  [[nodiscard]] std::span<const std::string> names() const override { return names_; }

  void enter(item_number number, const item_ptr& record) override;
  void learn(const lesson& what) override;

  /// Errors: invalid_argument, with more than items_max items that have events, or events that
  /// leave nothing to invert.
  [[nodiscard]] result<void> prepare() override;
  void rank(const ranking_query& query, std::span<ranked_items> to) override;

  /// Scores by item number, 0 for items without events; good until the next call.
  [[nodiscard]] std::span<const float> score(std::span<const weighted_item> past);

private:
  static constexpr std::uint32_t no_row = 0xffffffffU;

  [[nodiscard]] std::size_t number_rows();
  void count_pairs(std::size_t rows);

  std::vector<std::string> names_;
  std::vector<float> decays_; ///< by name
  float lambda_;
  std::size_t items_ = 0; ///< in the catalogue
  std::vector<std::vector<item_number>> items_of_;
  boost::unordered_flat_set<std::uint64_t> pairs_; ///< user and item, each pair counts once
  std::vector<std::uint32_t> row_of_;              ///< by item number
  std::vector<item_number> item_of_;               ///< by row
  std::vector<float> inverse_;                     ///< P, by rows
  std::vector<float> sums_;                        ///< by row
  std::vector<float> scores_;
};

} // namespace troupe::model
