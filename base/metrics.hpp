#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// Labels of one series: closed sets only, never an id.
using metric_labels = std::map<std::string, std::string>;

/// A number that only grows. Cheap to copy; refers to a series of the registry.
/// Thread safety: any thread.
class counter {
public:
  counter() = default; ///< counts nothing
  void add(double by = 1) noexcept;

private:
  friend class metrics;
  void* series_ = nullptr;
};

/// A number that goes up and down. Same lifetime and threading as `counter`.
class gauge {
public:
  gauge() = default;
  void set(double to) noexcept;
  void add(double by) noexcept;

private:
  friend class metrics;
  void* series_ = nullptr;
};

/// A distribution in cumulative buckets. Same lifetime and threading as `counter`.
class histogram {
public:
  histogram() = default;
  void observe(double value) noexcept;

private:
  friend class metrics;
  void* series_ = nullptr;
};

/// The one registry of the process, on prometheus-cpp. Components take a `metrics&` and keep
/// the series they registered; the registry outlives them. Asking twice for the same name and
/// labels gives the same series.
/// Thread safety: any thread.
class metrics {
public:
  metrics();
  ~metrics();
  metrics(const metrics&) = delete;
  metrics& operator=(const metrics&) = delete;

  /// Names are `troupe_<folder>_<thing>_<unit>[_total]` in base units.
  [[nodiscard]] counter make_counter(const std::string& name, const std::string& help,
                                     const metric_labels& labels = {});
  [[nodiscard]] gauge make_gauge(const std::string& name, const std::string& help,
                                 const metric_labels& labels = {});
  [[nodiscard]] histogram make_histogram(const std::string& name, const std::string& help,
                                         const std::vector<double>& upper_bounds,
                                         const metric_labels& labels = {});

  /// The text exposition format of Prometheus, version 0.0.4.
  [[nodiscard]] std::string expose() const;

  /// Upper bounds from 50 us to 10 s, for latencies in seconds.
  [[nodiscard]] static const std::vector<double>& latency_buckets();

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace troupe
