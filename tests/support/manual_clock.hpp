#pragma once

#include "base/clock.hpp"

#include <atomic>
#include <chrono>

namespace troupe::test {

/// A clock that stands still until the test moves it. Begins on 2026-01-01.
/// Thread safety: any thread.
class manual_clock final : public clock {
public:
  [[nodiscard]] timestamp now() const noexcept override { return from_millis(millis_); }

  [[nodiscard]] std::chrono::steady_clock::time_point steady() const noexcept override {
    return std::chrono::steady_clock::time_point{std::chrono::milliseconds{millis_}};
  }

  void advance(std::chrono::milliseconds by) noexcept { millis_ += by.count(); }

private:
  std::atomic<std::int64_t> millis_{1'767'225'600'000};
};

} // namespace troupe::test
