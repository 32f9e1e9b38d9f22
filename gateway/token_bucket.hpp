#pragma once

#include <algorithm>
#include <chrono>

namespace troupe::gateway {

/// Lets through `rate` things a second on average and `burst` at once. Rate 0: no limit.
class token_bucket {
public:
  using time_point = std::chrono::steady_clock::time_point;

  token_bucket(double rate, double burst, time_point now) noexcept
      : rate_(rate), burst_(std::max(burst, 1.0)), level_(burst_), last_(now) {}

  /// Takes one. False: too fast.
  bool take(time_point now) noexcept {
    if (rate_ <= 0)
      return true;
    const double passed = std::chrono::duration<double>(now - last_).count();
    last_ = now;
    level_ = std::min(burst_, level_ + std::max(0.0, passed) * rate_);
    if (level_ < 1)
      return false;
    level_ -= 1;
    return true;
  }

private:
  double rate_;
  double burst_;
  double level_;
  time_point last_;
};

} // namespace troupe::gateway
