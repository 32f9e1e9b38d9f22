#include "model/catalogue_slice.hpp"
#include "model/slice_state.hpp"

#include <algorithm>
#include <utility>

namespace troupe::model {

namespace {

/// Items a list may go through beside the counted ones when a filter refuses most.
constexpr std::size_t scan_budget = 20'000;

constexpr std::size_t content_budget = 4096; ///< items met through labels and words

/// The best `limit` by score, ties by item id.
std::vector<candidate> best_of(std::vector<candidate> all, std::size_t limit) {
  const auto keep = std::min(limit, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(keep), all.end(),
                    [](const candidate& a, const candidate& b) {
                      return a.score != b.score ? a.score > b.score : a.what->id < b.what->id;
                    });
  all.resize(keep);
  return all;
}

} // namespace

std::vector<candidate> catalogue_slice::similar(item_key of, const item_ptr& record,
                                                std::size_t limit, const filter* only) const {
  const auto& my = *state_;
  my.sums.start(my.locals.size());
  auto& sums = my.sums;
  if (const auto found = my.rows.find(of); found != my.rows.end()) {
    const auto scale = my.pairs.scale_of(found->second);
    sums.add(my.pairs.list(found->second).entries(), scale);
  }
  content_index::wish about;
  if (record)
    about = my.content.wish_for(*record);
  std::vector<std::uint32_t> worth(sums.touched().begin(), sums.touched().end());
  my.content.propose(about, content_budget,
                     [&worth](std::uint32_t local) { worth.push_back(local); });
  std::sort(worth.begin(), worth.end());
  worth.erase(std::unique(worth.begin(), worth.end()), worth.end());

  std::vector<candidate> all;
  for (const auto local : worth) {
    const auto& there = my.locals[local];
    if (!my.is_visible(local) || there.key == of
        || (only != nullptr && !only->matches(*there.record)))
      continue;
    candidate made;
    made.what = there.record;
    made.key = there.key;
    const auto together = static_cast<double>(sums.sum_of(local)) * my.blend.co_occurrence;
    const auto alike = static_cast<double>(my.content.match(about, local, true)) * my.blend.content;
    made.parts[static_cast<std::size_t>(signal::co_occurrence)] = static_cast<float>(together);
    made.parts[static_cast<std::size_t>(signal::content)] = static_cast<float>(alike);
    for (const auto part : made.parts)
      made.score += part;
    made.because = of;
    if (made.score > 0)
      all.push_back(std::move(made));
  }
  return best_of(std::move(all), limit);
}

std::vector<candidate> catalogue_slice::popular(std::size_t half_life, std::size_t limit,
                                                const filter* only) const {
  const auto& my = *state_;
  const auto h = std::min(half_life, my.popular.half_lives() - 1);
  std::vector<candidate> all;
  const auto take = [&](std::uint32_t local) {
    const auto& there = my.locals[local];
    if (!my.is_visible(local) || (only != nullptr && !only->matches(*there.record)))
      return;
    candidate made;
    made.what = there.record;
    made.key = there.key;
    made.score = static_cast<float>(my.popular.share(local, h));
    made.parts[static_cast<std::size_t>(signal::popularity)] = made.score;
    all.push_back(std::move(made));
  };
  for (const auto local : my.popular.top(h))
    take(local);
  if (all.size() < limit && my.popular.top(h).size() < my.locals.size()) {
    all.clear();
    const auto end = std::min(scan_budget, my.locals.size());
    for (std::uint32_t local = 0; local < end; ++local)
      take(local);
    for (const auto local : my.popular.top(h))
      if (local >= end)
        take(local);
  }
  return best_of(std::move(all), limit);
}

} // namespace troupe::model
