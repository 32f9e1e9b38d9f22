#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace troupe::apps {

/// Counts of durations in buckets that are at most 1/128 of their value wide, from 1 ns to 18
/// minutes (longer ones count as that), in constant memory: the scheme of Gil Tene's
/// HdrHistogram with 128 sub-buckets to a power of two.
class latency_histogram {
public:
  using nanoseconds = std::chrono::nanoseconds;

  /// Negative durations count as zero.
  void record(nanoseconds value) noexcept;

  void add(const latency_histogram& other) noexcept;

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

  [[nodiscard]] nanoseconds max() const noexcept {
    return nanoseconds{static_cast<std::int64_t>(max_)};
  }

  [[nodiscard]] nanoseconds mean() const noexcept;

  /// The upper end of the bucket that holds this share of the counts: at most 1/128 above the
  /// exact quantile, never above `max`. Zero when nothing was counted. REQUIRES: 0 <= share <= 1.
  [[nodiscard]] nanoseconds quantile(double share) const noexcept;

private:
  static constexpr unsigned sub_bits = 7;
  static constexpr std::uint64_t subs = 1U << sub_bits;
  static constexpr std::uint64_t value_max = (std::uint64_t{1} << 40) - 1;

  static std::size_t index_of(std::uint64_t value) noexcept;
  static std::uint64_t upper_end(std::size_t index) noexcept;

  // Values below 2 * subs have a bucket each; every power of two above has `subs`.
  std::array<std::uint64_t, (40 - sub_bits + 1) * subs> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
  double sum_ = 0;
};

} // namespace troupe::apps
