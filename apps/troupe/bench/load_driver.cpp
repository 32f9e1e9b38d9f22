#include "apps/troupe/bench/load_driver.hpp"

#include <algorithm>
#include <utility>

namespace troupe::apps {

load_driver::load_driver(const load_plan& plan, std::unique_ptr<load_lines> lines,
                         const clock& time)
    : plan_(plan), lines_(std::move(lines)), time_(time), random_(plan.seed + 1),
      user_(zipf(plan.connections, plan.user_skew)) {}

load_driver::time_point load_driver::after(time_point due, double rate) {
  const double seconds =
      plan_.poisson ? std::exponential_distribution<double>{rate}(random_) : 1 / rate;
  return due
         + std::chrono::duration_cast<time_point::duration>(std::chrono::duration<double>{seconds});
}

std::shared_ptr<load_phase> load_driver::run(const stretch& what) {
  auto phase = std::make_shared<load_phase>();
  const auto begin = time_.steady();
  const auto counted_from = begin + what.warmup;
  const auto end = counted_from + what.measured;
  for (auto due = begin; due < end;) {
    lines_->step(due);
    const auto now = time_.steady();
    if (now < due)
      continue; // something happened on the network
    lag_max_ = std::max(lag_max_, std::chrono::nanoseconds{now - due});
    // All that is due goes out before the network is looked at again, but no more than a
    // hundred, so that a generator that is behind still reads answers.
    for (int burst = 0; burst < 100 && due <= now && due < end; ++burst) {
      const bool counted = due >= counted_from;
      if (counted)
        ++phase->due;
      lines_->fire(user_(random_), due, counted ? phase : nullptr);
      due = after(due, what.rate);
    }
  }
  if (what.settle)
    settle(what.drain);
  return phase;
}

void load_driver::settle(std::chrono::milliseconds drain) {
  const auto deadline = time_.steady() + drain;
  while (lines_->unanswered() > 0 && time_.steady() < deadline)
    lines_->step(deadline);
  // Slates of the last events are still on their way.
  const auto last = std::min(deadline, time_.steady() + std::chrono::milliseconds{100});
  while (time_.steady() < last)
    lines_->step(last);
  lines_->settle();
}

} // namespace troupe::apps
