#pragma once

#include "model/query_items.hpp"
#include "model/ranker.hpp"

#include <boost/unordered/unordered_flat_set.hpp>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace troupe::model {

/// Item-based nearest neighbours with cosine similarity (Sarwar, Karypis, Konstan and Riedl,
/// WWW 2001), all neighbours, on who had what: an item's score is the sum over the items of the
/// history of w_j c_ij / sqrt(n_i n_j), with c_ij the users of both and n_i those of one. Once
/// with the whole history, once with w_j falling by `decay` with every step back.
///
/// No similarity is stored: the sum is taken through the users, whose part in it is the sum of
/// w_j / sqrt(n_j) over the items shared with the history. So an event costs nothing, and a
/// query at most twice as many steps as there are distinct pairs of user and item.
class neighbour_ranker final : public ranker {
public:
  static constexpr float decay = 0.8F;

  [[nodiscard]] static std::vector<std::string> all_names();

  /// REQUIRES: wanted are some of all_names().
  explicit neighbour_ranker(std::span<const std::string> wanted);

  [[nodiscard]] std::span<const std::string> names() const override { return names_; }

  void enter(item_number number, const item_ptr& record) override;
  void learn(const lesson& what) override;
  void rank(const ranking_query& query, std::span<ranked_items> to) override;

  /// Scores by item number; good until the next call of any function.
  [[nodiscard]] std::span<const float> score(std::span<const weighted_item> past);

private:
  std::vector<std::string> names_;
  std::vector<float> decays_; ///< by name
  std::vector<std::vector<user_number>> users_of_;
  std::vector<std::vector<item_number>> items_of_;
  boost::unordered_flat_set<std::uint64_t> pairs_; ///< user and item, each pair counts once
  std::vector<float> scores_;
  std::vector<float> shared_; ///< by user, all 0 but while scoring
  std::vector<user_number> touched_;
};

} // namespace troupe::model
