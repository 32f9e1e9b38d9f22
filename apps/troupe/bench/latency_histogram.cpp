#include "apps/troupe/bench/latency_histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace troupe::apps {

std::size_t latency_histogram::index_of(std::uint64_t value) noexcept {
  if (value < 2 * subs)
    return value;
  const auto shift = static_cast<unsigned>(std::bit_width(value)) - sub_bits - 1;
  return (shift + 1) * subs + ((value >> shift) - subs);
}

std::uint64_t latency_histogram::upper_end(std::size_t index) noexcept {
  if (index < 2 * subs)
    return index;
  const auto shift = index / subs - 1;
  return ((index % subs + subs + 1) << shift) - 1;
}

void latency_histogram::record(nanoseconds value) noexcept {
  const auto count = static_cast<std::uint64_t>(std::max<std::int64_t>(value.count(), 0));
  const auto bounded = std::min(count, value_max);
  ++buckets_[index_of(bounded)];
  ++count_;
  max_ = std::max(max_, bounded);
  sum_ += static_cast<double>(bounded);
}

void latency_histogram::add(const latency_histogram& other) noexcept {
  for (std::size_t i = 0; i < buckets_.size(); ++i)
    buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
}

latency_histogram::nanoseconds latency_histogram::mean() const noexcept {
  if (count_ == 0)
    return nanoseconds{0};
  return nanoseconds{static_cast<std::int64_t>(sum_ / static_cast<double>(count_))};
}

latency_histogram::nanoseconds latency_histogram::quantile(double share) const noexcept {
  if (count_ == 0)
    return nanoseconds{0};
  const auto rank = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_))));
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    below += buckets_[i];
    if (below >= rank)
      return nanoseconds{static_cast<std::int64_t>(std::min(upper_end(i), max_))};
  }
  return max();
}

} // namespace troupe::apps
