#pragma once

#include "apps/troupe/bench/load.hpp"

#include <cstdint>
#include <random>
#include <string>

namespace troupe::apps {

/// Draws the events of a load: item by Zipf's law over the ranks, rating at random. The same
/// seed gives the same events.
class event_source {
public:
  /// REQUIRES: !plan.items.empty(). `plan` outlives it.
  explicit event_source(const load_plan& plan);

  /// The JSON object of the n-th event of a user; `user` is written if not empty.
  [[nodiscard]] std::string next(std::size_t line, std::uint64_t number, const std::string& user);

  [[nodiscard]] std::string event_id(std::size_t line, std::uint64_t number) const;
  [[nodiscard]] std::string user_id(std::size_t line) const;

  /// True with this probability.
  [[nodiscard]] bool chance(double share);

private:
  const load_plan& plan_;
  std::mt19937_64 random_;
  std::discrete_distribution<std::size_t> rank_;
};

/// Zipf's law over ranks 1 to `count`: the weight of rank r is r^-skew.
[[nodiscard]] std::discrete_distribution<std::size_t> zipf(std::size_t count, double skew);

} // namespace troupe::apps
