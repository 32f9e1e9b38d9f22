#include "apps/troupe/store_sampler.hpp"

#include <chrono>
#include <utility>

namespace troupe::apps {
namespace {

constexpr std::chrono::seconds interval{5};

} // namespace

store_sampler::store_sampler(const storage::store& of, metrics& to) : of_(of), to_(to) {
  sample();
  thread_ = std::jthread{[this](const std::stop_token& stop) { run(stop); }};
}

void store_sampler::sample() {
  for (const auto& each : of_.statistics()) {
    if (!each.monotonic) {
      levels_.try_emplace(each.name, to_.make_gauge(each.name, each.help))
          .first->second.set(each.value);
      continue;
    }
    auto& [total, last] =
        totals_.try_emplace(each.name, to_.make_counter(each.name, each.help), 0.0).first->second;
    if (each.value > last)
      total.add(each.value - std::exchange(last, each.value));
  }
}

void store_sampler::run(const std::stop_token& stop) {
  std::unique_lock lock{mutex_};
  while (!stop.stop_requested()) {
    wake_.wait_for(lock, stop, interval, [] { return false; });
    if (!stop.stop_requested())
      sample();
  }
}

} // namespace troupe::apps
