#pragma once

#include "apps/troupe/bench/load_driver.hpp"
#include "apps/troupe/bench/process_stats.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::apps {

/// A stretch of load and what it cost the server.
struct measured_load {
  double rate = 0;
  double seconds = 0;
  std::shared_ptr<load_phase> phase;
  std::optional<double> cpu_seconds; ///< of the server, with the warm-up and the drain
  std::uint64_t messages = 0;        ///< what that processor time was spent on

  /// Messages per second of the server's processor time.
  [[nodiscard]] std::optional<double> per_cpu_second() const;
};

/// What the server can take, by the share of messages that come in time.
struct saturation_search {
  std::vector<measured_load> steps;
  double rate = 0; ///< the highest that passed; 0: none did
};

/// A server under more than it can take, and after it.
struct overload_trial {
  double saturation = 0;
  measured_load before; ///< at half of saturation
  measured_load during; ///< at `factor` times saturation
  measured_load after;  ///< at half again, from one second after the end of the overload
  std::vector<std::uint64_t> resident_bytes; ///< of the server, each second of `during`
};

/// Runs the experiments of `troupe bench` on one set of connections. Single-threaded.
class experiments {
public:
  /// `server_pid` 0: not known. `say` gets a line now and then. All outlive it.
  experiments(load_driver& driver, int server_pid, std::function<void(const std::string&)> say);

  /// One steady stretch.
  [[nodiscard]] measured_load steady(double rate, std::chrono::milliseconds warmup,
                                     std::chrono::milliseconds measured);

  /// The highest rate at which nothing is refused, withheld, lost or failed and the p99 of
  /// answers and of slates is at most 50 ms: doubled from `first` until it fails, then halved
  /// in between five times (to about 3 %).
  [[nodiscard]] saturation_search saturate(double first, std::chrono::milliseconds measured);

  /// `factor` times `saturation` for `length`; see overload_trial.
  [[nodiscard]] overload_trial overload(double saturation, double factor,
                                        std::chrono::milliseconds length);

  [[nodiscard]] static bool passes(const measured_load& what);

private:
  [[nodiscard]] std::optional<double> cpu() const;

  load_driver& driver_;
  int pid_;
  std::function<void(const std::string&)> say_;
};

} // namespace troupe::apps
