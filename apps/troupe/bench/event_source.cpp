#include "apps/troupe/bench/event_source.hpp"

#include "gateway/json_writer.hpp"

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <vector>

namespace troupe::apps {

std::discrete_distribution<std::size_t> zipf(std::size_t count, double skew) {
  std::vector<double> weights(count);
  for (std::size_t i = 0; i < count; ++i)
    weights[i] = std::pow(static_cast<double>(i + 1), -skew);
  return {weights.begin(), weights.end()};
}

event_source::event_source(const load_plan& plan)
    : plan_(plan), random_(plan.seed), rank_(zipf(plan.items.size(), plan.item_skew)) {}

std::string event_source::event_id(std::size_t line, std::uint64_t number) const {
  return fmt::format("{}-{}-{}", plan_.run, line, number);
}

std::string event_source::user_id(std::size_t line) const {
  return fmt::format("bench-{}-{}", plan_.run, line);
}

std::string event_source::next(std::size_t line, std::uint64_t number, const std::string& user) {
  std::string out = R"({"event_id":")" + event_id(line, number) + R"(",)";
  if (!user.empty())
    out += R"("user_id":")" + user + R"(",)";
  out += R"("item_id":)";
  gateway::append_text(out, plan_.items[rank_(random_)]);
  // MovieLens' stars: 0.5 to 5 in halves.
  const auto stars = std::uniform_int_distribution<int>{1, 10}(random_);
  fmt::format_to(std::back_inserter(out), R"(,"type":"rating","value":{}}})",
                 static_cast<double>(stars) / 2);
  return out;
}

bool event_source::chance(double share) {
  return std::bernoulli_distribution{share}(random_);
}

} // namespace troupe::apps
