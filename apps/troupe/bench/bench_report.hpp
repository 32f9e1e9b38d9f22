#pragma once

#include "apps/troupe/bench/experiments.hpp"

#include <optional>
#include <string>

namespace troupe::apps {

/// All that one run of `troupe bench` found out.
struct bench_report {
  load_plan plan;
  std::optional<measured_load> steady;
  std::optional<saturation_search> saturation;
  std::optional<overload_trial> overload;
  std::optional<measured_load> echo; ///< the yardstick, in the same run
  std::optional<sync_times> sync_before;
  std::optional<sync_times> sync_after;
  sequence_faults faults;
  double generator_lag_max_ms = 0;
};

/// The report for people.
[[nodiscard]] std::string table_of(const bench_report& what);

/// The report for programs: rates per second, times in milliseconds, sizes in bytes.
[[nodiscard]] std::string json_of(const bench_report& what);

} // namespace troupe::apps
