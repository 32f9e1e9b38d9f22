#pragma once

#include "base/metrics.hpp"

#include <atomic>
#include <cstddef>

namespace troupe::actors {

/// How many events of the whole node may wait, for the log and then for the shards to learn from
/// them: CAF mailboxes have no bound, so who sends takes a credit first. The log's writer gives it
/// back when it refuses the event or it teaches nothing, else the last shard does that has learnt.
/// The one thing sessions share; a number, no state.
/// Thread safety: all members from any thread.
class write_credit {
public:
  /// `level` shows what is out.
  explicit write_credit(std::size_t limit, gauge level = {}) noexcept
      : limit_(limit), level_(level) {}

  /// Takes one; false when all are out: refuse.
  [[nodiscard]] bool try_take() noexcept {
    auto out = out_.load(std::memory_order_relaxed);
    while (out < limit_)
      if (out_.compare_exchange_weak(out, out + 1, std::memory_order_relaxed)) {
        level_.add(1);
        return true;
      }
    return false;
  }

  void give_back(std::size_t count) noexcept {
    out_.fetch_sub(count, std::memory_order_relaxed);
    level_.add(-static_cast<double>(count));
  }

  [[nodiscard]] std::size_t out() const noexcept { return out_.load(std::memory_order_relaxed); }

private:
  const std::size_t limit_;
  gauge level_;
  std::atomic<std::size_t> out_{0};
};

} // namespace troupe::actors
