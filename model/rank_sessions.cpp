#include "model/rank_sessions.hpp"

#include "model/take_best.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace troupe::model {

namespace {

constexpr std::uint32_t no_session = std::numeric_limits<std::uint32_t>::max();

} // namespace

std::vector<std::string> session_ranker::all_names() {
  return {"vmis_knn"};
}

session_ranker::session_ranker() : session_ranker(options{}) {}

session_ranker::session_ranker(const options& how) : options_(how), names_(all_names()) {}

void session_ranker::enter(item_number /*number*/, const item_ptr& /*record*/) {
  sessions_of_.emplace_back();
  sessions_with_.push_back(0);
}

bool session_ranker::is_same(const event& before, const event& after) const {
  return before.session_id == after.session_id && after.time - before.time <= options_.idle;
}

void session_ranker::learn(const lesson& what) {
  if (what.now.weight <= 0)
    return;
  if (what.user >= running_.size())
    running_.resize(what.user + std::size_t{1}, no_session);
  auto& running = running_[what.user];
  if (running == no_session || !is_same(*sessions_[running].last, *what.now.what)) {
    running = static_cast<session_number>(sessions_.size());
    sessions_.push_back({what.user, nullptr, {}});
    place_.push_back(0);
  }
  auto& grown = sessions_[running];
  grown.last = what.now.what;
  const auto item = what.now.item;
  if (std::find(grown.items.begin(), grown.items.end(), item) != grown.items.end())
    return;
  grown.items.push_back(item);
  ++sessions_with_[item];
  auto& sessions = sessions_of_[item];
  sessions.push_back(running);
  if (sessions.size() > options_.sessions_per_item)
    sessions.pop_front();
}

std::vector<item_number> session_ranker::running_items(std::span<const past_event> history) const {
  std::vector<item_number> made;
  const event* after = nullptr;
  for (auto at = history.rbegin(); at != history.rend(); ++at) {
    if (at->weight <= 0)
      continue;
    if (after != nullptr && !is_same(*at->what, *after))
      break;
    after = at->what;
    if (std::find(made.begin(), made.end(), at->item) == made.end())
      made.push_back(at->item);
    if (made.size() == options_.query_items)
      break;
  }
  return made;
}

void session_ranker::find_neighbours(user_number user, std::span<const item_number> newest_first) {
  found_.clear();
  const auto own = user < running_.size() ? running_[user] : no_session;
  const auto count = static_cast<float>(newest_first.size());
  for (std::size_t back = 0; back < newest_first.size(); ++back) {
    const auto weight = (count - static_cast<float>(back)) / count;
    for (const auto other : sessions_of_[newest_first[back]]) {
      if (other == own)
        continue;
      auto& place = place_[other];
      if (place == 0) {
        found_.push_back({other, 0, static_cast<std::uint32_t>(back + 1)});
        place = static_cast<std::uint32_t>(found_.size());
      }
      found_[place - 1].similarity += weight;
    }
  }
  for (const auto& one : found_)
    place_[one.session] = 0;
  const auto is_newer = [this](const neighbour& a, const neighbour& b) {
    const auto a_time = sessions_[a.session].last->time;
    const auto b_time = sessions_[b.session].last->time;
    return a_time != b_time ? a_time > b_time : a.session > b.session;
  };
  const auto keep = [this](std::size_t bound, const auto& before) {
    if (found_.size() <= bound)
      return;
    std::nth_element(found_.begin(), found_.begin() + static_cast<std::ptrdiff_t>(bound),
                     found_.end(), before);
    found_.resize(bound);
  };
  keep(options_.sessions_per_item, is_newer);
  keep(options_.neighbours, [&is_newer](const neighbour& a, const neighbour& b) {
    return a.similarity != b.similarity ? a.similarity > b.similarity : is_newer(a, b);
  });
  // Sums of floats depend on their order; this one does not depend on the library's.
  std::sort(found_.begin(), found_.end(),
            [](const auto& a, const auto& b) { return a.session < b.session; });
}

std::span<const float> session_ranker::score(user_number user,
                                             std::span<const past_event> history) {
  constexpr float step = 0.1F;
  scores_.assign(sessions_of_.size(), 0.0F);
  find_neighbours(user, running_items(history));
  for (const auto& one : found_) {
    const auto part =
        one.similarity * std::max(0.0F, 1 - step * static_cast<float>(one.newest_shared));
    for (const auto item : sessions_[one.session].items)
      scores_[item] += part;
  }
  const auto all = static_cast<float>(sessions_.size());
  for (std::size_t i = 0; i < scores_.size(); ++i)
    if (scores_[i] > 0)
      scores_[i] *= std::log(all / static_cast<float>(sessions_with_[i]));
  return scores_;
}

void session_ranker::rank(const ranking_query& query, std::span<ranked_items> to) {
  take_best(score(query.user, query.history), query.barred, query.k, to[0]);
}

} // namespace troupe::model
