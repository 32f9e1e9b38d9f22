#pragma once

#include "apps/troupe/bench/event_source.hpp"
#include "apps/troupe/bench/load.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <random>

namespace troupe::apps {

/// Keeps the schedule of an open loop on a set of connections: a message is sent when it is
/// due, to a user drawn by Zipf's law, whatever the answers do. Single-threaded.
class load_driver {
public:
  /// `plan` and `time` outlive it. REQUIRES: plan.connections > 0.
  load_driver(const load_plan& plan, std::unique_ptr<load_lines> lines, const clock& time);

  [[nodiscard]] result<void> connect() { return lines_->connect(); }

  /// One stretch at a steady rate: what is due in `warmup` is sent and not counted, what is due
  /// in `measured` is. `settle`: waits up to `drain` for answers and counts the rest as lost;
  /// without it the next stretch follows at once, and answers still count for this one.
  struct stretch {
    double rate = 0; ///< messages per second
    std::chrono::milliseconds warmup{0};
    std::chrono::milliseconds measured{0};
    bool settle = true;
    std::chrono::milliseconds drain{3000};
  };

  std::shared_ptr<load_phase> run(const stretch& what);

  [[nodiscard]] const sequence_faults& faults() const noexcept { return lines_->faults(); }

  /// How late the generator itself was at worst: it shares the machine with the server, and
  /// what it sends late is charged to the server all the same.
  [[nodiscard]] std::chrono::nanoseconds lag_max() const noexcept { return lag_max_; }

private:
  using time_point = load_lines::time_point;

  [[nodiscard]] time_point after(time_point due, double rate);
  void settle(std::chrono::milliseconds drain);

  const load_plan& plan_;
  std::unique_ptr<load_lines> lines_;
  const clock& time_;
  std::mt19937_64 random_;
  std::discrete_distribution<std::size_t> user_;
  std::chrono::nanoseconds lag_max_{0};
};

} // namespace troupe::apps
