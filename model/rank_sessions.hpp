#pragma once

#include "base/clock.hpp"
#include "model/ranker.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

namespace troupe::model {

/// VMIS-kNN, nearest neighbours among sessions (Kersbergen, Sprangers and Schelter, "Serenade",
/// SIGMOD 2022; after the VS-kNN of Ludewig and Jannach, UMUAI 2018). The last items of the
/// running session ask: each finds the most recent sessions that have it, these get the
/// position's weight (1 for the newest item, falling in equal steps), and the `neighbours` with
/// the most give each of their items their own weight times 1 - 0.1 n, n being the place of the
/// newest shared item counted from the end, from 1, times log(sessions / sessions of the item).
///
/// A session ends with another session_id, or after `idle`; a new user begins one. Sessions grow
/// while they run and are found from their first event, so nothing waits for a nightly build.
class session_ranker final : public ranker {
public:
  struct options {
    std::size_t query_items = 9;          ///< beyond it the weight 1 - 0.1 n is 0
    std::size_t sessions_per_item = 1000; ///< most recent ones an item finds, and in all
    std::size_t neighbours = 200;
    std::chrono::hours idle{24};
  };

  [[nodiscard]] static std::vector<std::string> all_names();

  session_ranker();
  explicit session_ranker(const options& how);

  [[nodiscard]] std::span<const std::string> names() const override { return names_; }

  void enter(item_number number, const item_ptr& record) override;
  void learn(const lesson& what) override;
  void rank(const ranking_query& query, std::span<ranked_items> to) override;

  /// Scores by item number; good until the next call of any function.
  [[nodiscard]] std::span<const float> score(user_number user, std::span<const past_event> history);

private:
  using session_number = std::uint32_t;

  struct session {
    user_number user = 0;
    const event* last = nullptr;
    std::vector<item_number> items; ///< distinct, in order
  };

  /// A session met by a query.
  struct neighbour {
    session_number session = 0;
    float similarity = 0;
    std::uint32_t newest_shared = 0; ///< steps back of it in the query, from 1
  };

  [[nodiscard]] bool is_same(const event& before, const event& after) const;
  [[nodiscard]] std::vector<item_number> running_items(std::span<const past_event> history) const;
  void find_neighbours(user_number user, std::span<const item_number> newest_first);

  options options_;
  std::vector<std::string> names_;
  std::vector<session> sessions_;
  std::vector<session_number> running_;                 ///< by user; none yet: no_session
  std::vector<std::deque<session_number>> sessions_of_; ///< by item, newest last
  std::vector<std::uint32_t> sessions_with_;            ///< by item, of all times
  std::vector<neighbour> found_;
  std::vector<std::uint32_t> place_; ///< by session: 1 + place in found_, 0 between queries
  std::vector<float> scores_;
};

} // namespace troupe::model
