#pragma once

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <ctime>
#include <fstream>
#include <functional>
#include <string>
#include <utility>
#include <vector>

/// Measures contestants in turns: every round runs each of them once, so that what else the
/// machine does falls on all alike, and ratios are taken within a round.
namespace troupe::bench {

/// CPU time of the calling thread, seconds.
inline double thread_cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

struct spread {
  double median = 0;
  double low = 0;
  double high = 0;
};

inline spread spread_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  const double median =
      values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
  return {median, values.front(), values.back()};
}

inline nlohmann::json to_json(const spread& what) {
  return {{"median", what.median}, {"low", what.low}, {"high", what.high}};
}

/// A line for each of the spreads in an object.
inline void print_spreads(const nlohmann::json& all) {
  for (const auto& [name, what] : all.items())
    fmt::print("  {:<52} {:9.3f} {:9.3f} {:9.3f}\n", name, what["median"].get<double>(),
               what["low"].get<double>(), what["high"].get<double>());
}

class rounds {
public:
  /// `work` does `units` units of work at each call; its cost is CPU seconds per unit.
  void add(std::string name, double units, std::function<void()> work) {
    contestants_.push_back({std::move(name), units, std::move(work), {}});
  }

  /// Once each to warm up, then `count` rounds.
  void run(std::size_t count) {
    for (std::size_t round = 0; round <= count; ++round)
      for (auto& each : contestants_) {
        const double before = thread_cpu_seconds();
        each.work();
        const double cost = (thread_cpu_seconds() - before) / each.units;
        if (round > 0)
          each.costs.push_back(cost);
      }
  }

  [[nodiscard]] bool has(const std::string& name) const { return find(name) != nullptr; }

  /// CPU seconds per unit.
  [[nodiscard]] spread cost(const std::string& name) const { return spread_of(find(name)->costs); }

  /// How many times dearer `name` is per unit than `than`, round by round.
  [[nodiscard]] spread ratio(const std::string& name, const std::string& than) const {
    std::vector<double> out = find(name)->costs;
    const auto& below = find(than)->costs;
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] /= below[i];
    return spread_of(std::move(out));
  }

  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& each : contestants_)
      out.push_back(each.name);
    return out;
  }

private:
  struct contestant {
    std::string name;
    double units;
    std::function<void()> work;
    std::vector<double> costs;
  };

  [[nodiscard]] const contestant* find(const std::string& name) const {
    for (const auto& each : contestants_)
      if (each.name == name)
        return &each;
    return nullptr;
  }

  std::vector<contestant> contestants_;
};

/// The processor's name as the kernel gives it.
inline std::string processor_name() {
  std::ifstream in{"/proc/cpuinfo"};
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("model name"))
      return line.substr(line.find(':') + 2);
  return "unknown";
}

} // namespace troupe::bench
