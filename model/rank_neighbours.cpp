#include "model/rank_neighbours.hpp"

#include "model/take_best.hpp"

#include <algorithm>
#include <cmath>

namespace troupe::model {

namespace {

constexpr const char* whole_name = "item_knn";
constexpr const char* decayed_name = "item_knn_decayed";

} // namespace

std::vector<std::string> neighbour_ranker::all_names() {
  return {whole_name, decayed_name};
}

neighbour_ranker::neighbour_ranker(std::span<const std::string> wanted)
    : names_(wanted.begin(), wanted.end()) {
  for (const auto& name : names_)
    decays_.push_back(name == decayed_name ? decay : 1.0F);
}

void neighbour_ranker::enter(item_number /*number*/, const item_ptr& /*record*/) {
  users_of_.emplace_back();
}

void neighbour_ranker::learn(const lesson& what) {
  if (what.now.weight <= 0)
    return;
  const auto pair = std::uint64_t{what.user} << 32 | what.now.item;
  if (!pairs_.insert(pair).second)
    return;
  if (what.user >= items_of_.size()) {
    items_of_.resize(what.user + std::size_t{1});
    shared_.resize(items_of_.size(), 0.0F);
  }
  items_of_[what.user].push_back(what.now.item);
  users_of_[what.now.item].push_back(what.user);
}

std::span<const float> neighbour_ranker::score(std::span<const weighted_item> past) {
  touched_.clear();
  for (const auto& one : past) {
    const auto& users = users_of_[one.item];
    const auto part = one.weight / std::sqrt(static_cast<float>(users.size()));
    for (const auto user : users) {
      if (shared_[user] == 0)
        touched_.push_back(user);
      shared_[user] += part;
    }
  }
  scores_.assign(users_of_.size(), 0.0F);
  for (const auto user : touched_) {
    for (const auto item : items_of_[user])
      scores_[item] += shared_[user];
    shared_[user] = 0;
  }
  for (std::size_t i = 0; i < scores_.size(); ++i)
    if (scores_[i] > 0)
      scores_[i] /= std::sqrt(static_cast<float>(users_of_[i].size()));
  return scores_;
}

void neighbour_ranker::rank(const ranking_query& query, std::span<ranked_items> to) {
  for (std::size_t c = 0; c < decays_.size(); ++c)
    take_best(score(query_items(query.history, decays_[c])), query.barred, query.k, to[c]);
}

} // namespace troupe::model
