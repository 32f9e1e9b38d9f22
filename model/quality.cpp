#include "model/quality.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

namespace troupe::model {

void quality_tally::judge(user_number user, std::span<const item_number> shown, item_number target,
                          std::span<const std::uint64_t> events_of) {
  ++targets_;
  is_hit_.push_back(0);
  if (user >= hits_of_.size()) {
    hits_of_.resize(user + std::size_t{1});
    gains_of_.resize(hits_of_.size());
  }
  exposure_.resize(std::max(exposure_.size(), events_of.size()));
  for (const auto item : shown.first(std::min(exposure_depth, shown.size()))) {
    ++exposure_[item];
    ++shown_;
    popularity_ += static_cast<double>(events_of[item]);
    cold_ += events_of[item] < model_quality::cold_below ? 1U : 0U;
  }
  const auto at = std::find(shown.begin(), shown.end(), target);
  if (target == no_item || at == shown.end())
    return;
  const auto rank = static_cast<std::size_t>(at - shown.begin()) + 1;
  const auto gain = 1 / std::log2(static_cast<double>(rank) + 1);
  reciprocal_ranks_ += 1 / static_cast<double>(rank);
  for (std::size_t i = 0; i < model_quality::cutoffs.size(); ++i)
    if (rank <= model_quality::cutoffs[i]) {
      hits_[i] += 1;
      gains_[i] += gain;
    }
  if (rank <= model_quality::cutoffs[model_quality::middle]) {
    hits_of_[user] += 1;
    gains_of_[user] += gain;
    is_hit_.back() = 1;
  }
}

model_quality quality_tally::summary(std::string name, std::size_t items) const {
  model_quality made;
  made.name = std::move(name);
  const auto each = 1 / std::max(1.0, static_cast<double>(targets_));
  for (std::size_t i = 0; i < model_quality::cutoffs.size(); ++i) {
    made.recall[i] = hits_[i] * each;
    made.ndcg[i] = gains_[i] * each;
  }
  made.mrr = reciprocal_ranks_ * each;
  const auto covered = std::count_if(exposure_.begin(), exposure_.end(),
                                     [](std::uint64_t places) { return places > 0; });
  made.coverage = static_cast<double>(covered) / std::max(1.0, static_cast<double>(items));
  made.gini = gini_of(exposure_, items);
  const auto places = std::max(1.0, static_cast<double>(shown_));
  made.mean_popularity = popularity_ / places;
  made.cold_share = static_cast<double>(cold_) / places;
  return made;
}

std::vector<double> quality_tally::moving_recall(std::span<const std::size_t> until,
                                                 std::size_t window) const {
  std::vector<std::size_t> hits{0};
  for (const auto hit : is_hit_)
    hits.push_back(hits.back() + hit);
  std::vector<double> made;
  for (const auto wanted : until) {
    const auto end = std::min(wanted, is_hit_.size());
    const auto begin = end > window ? end - window : 0;
    made.push_back(static_cast<double>(hits[end] - hits[begin])
                   / std::max(1.0, static_cast<double>(end - begin)));
  }
  return made;
}

double gini_of(std::vector<std::uint64_t> counts, std::size_t size) {
  counts.resize(std::max(size, counts.size()));
  std::sort(counts.begin(), counts.end());
  const auto n = static_cast<double>(counts.size());
  double sum = 0;
  double weighted = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const auto count = static_cast<double>(counts[i]);
    sum += count;
    weighted += (2 * static_cast<double>(i + 1) - n - 1) * count;
  }
  return sum > 0 ? weighted / (n * sum) : 0;
}

std::vector<interval> bootstrap(std::span<const std::uint32_t> targets,
                                std::span<const std::span<const double>> sums, std::uint64_t seed,
                                std::size_t resamples) {
  std::vector<interval> made(sums.size());
  std::vector<std::size_t> users; // who has targets
  for (std::size_t user = 0; user < targets.size(); ++user)
    if (targets[user] > 0)
      users.push_back(user);
  if (users.empty() || resamples == 0)
    return made;
  std::mt19937_64 random{seed};
  std::vector<double> times(targets.size()); // a user was drawn
  std::vector<std::vector<double>> means(sums.size());
  for (std::size_t r = 0; r < resamples; ++r) {
    std::fill(times.begin(), times.end(), 0.0);
    double all = 0;
    for (std::size_t drawn = 0; drawn < users.size(); ++drawn) {
      // The standard leaves open how its distributions draw; this is the same everywhere, and
      // uneven by less than users / 2^32.
      const auto user = users[((random() >> 32) * users.size()) >> 32];
      times[user] += 1;
      all += targets[user];
    }
    for (std::size_t s = 0; s < sums.size(); ++s) {
      double sum = 0;
      for (std::size_t user = 0; user < std::min(times.size(), sums[s].size()); ++user)
        sum += times[user] * sums[s][user];
      means[s].push_back(sum / all);
    }
  }
  const auto percentile = [resamples](const std::vector<double>& sorted, double share) {
    const auto at = std::lround(share * static_cast<double>(resamples - 1));
    return sorted[static_cast<std::size_t>(at)];
  };
  for (std::size_t s = 0; s < sums.size(); ++s) {
    std::sort(means[s].begin(), means[s].end());
    made[s] = {percentile(means[s], 0.025), percentile(means[s], 0.975)};
  }
  return made;
}

} // namespace troupe::model
