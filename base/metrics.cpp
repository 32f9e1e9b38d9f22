#include "base/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace troupe {

struct metrics::impl {
  prometheus::Registry registry;
};

metrics::metrics() : impl_(std::make_unique<impl>()) {}

metrics::~metrics() = default;

counter metrics::make_counter(const std::string& name, const std::string& help,
                              const metric_labels& labels) {
  auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(impl_->registry);
  counter out;
  out.series_ = &family.Add(labels);
  return out;
}

gauge metrics::make_gauge(const std::string& name, const std::string& help,
                          const metric_labels& labels) {
  auto& family = prometheus::BuildGauge().Name(name).Help(help).Register(impl_->registry);
  gauge out;
  out.series_ = &family.Add(labels);
  return out;
}

histogram metrics::make_histogram(const std::string& name, const std::string& help,
                                  const std::vector<double>& upper_bounds,
                                  const metric_labels& labels) {
  auto& family = prometheus::BuildHistogram().Name(name).Help(help).Register(impl_->registry);
  histogram out;
  out.series_ = &family.Add(labels, upper_bounds);
  return out;
}

std::string metrics::expose() const {
  return prometheus::TextSerializer{}.Serialize(impl_->registry.Collect());
}

const std::vector<double>& metrics::latency_buckets() {
  static const std::vector<double> bounds{0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002,
                                          0.005,   0.01,   0.02,   0.05,   0.1,   0.25,
                                          0.5,     1,      2.5,    5,      10};
  return bounds;
}

void counter::add(double by) noexcept {
  if (series_ != nullptr)
    static_cast<prometheus::Counter*>(series_)->Increment(by);
}

void gauge::set(double to) noexcept {
  if (series_ != nullptr)
    static_cast<prometheus::Gauge*>(series_)->Set(to);
}

void gauge::add(double by) noexcept {
  if (series_ != nullptr)
    static_cast<prometheus::Gauge*>(series_)->Increment(by);
}

void histogram::observe(double value) noexcept {
  if (series_ != nullptr)
    static_cast<prometheus::Histogram*>(series_)->Observe(value);
}

} // namespace troupe
