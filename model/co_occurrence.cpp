#include "model/co_occurrence.hpp"

#include <algorithm>
#include <cmath>

namespace troupe::model {

namespace {

constexpr double ms_per_day = 86'400'000.0;

/// Between raw counts (0), which the most popular past item would decide alone, and shares
/// (1), which trust items seen twice as much as items seen a thousand times. Chosen on
/// ml-latest-small and checked on ml-100k, prequentially.
constexpr float normalisation = 0.7F;

/// Evidence a row needs before its counts are taken at their word. In pairs at distance 1.
constexpr float damping = 10.0F;

} // namespace

co_occurrence::co_occurrence(const config::signals_settings& signals)
    : bound_(static_cast<std::uint32_t>(
        std::min(signals.neighbours_max, std::size_t{neighbour_list::bound_max}))),
      half_life_ms_(std::max(0.0, signals.neighbour_half_life_days) * ms_per_day) {}

float co_occurrence::begin(timestamp when) noexcept {
  if (half_life_ms_ <= 0)
    return 1.0F;
  const auto half_lives =
      static_cast<double>(std::max<std::int64_t>(to_millis(when), 0)) / half_life_ms_;
  const auto period = std::min(std::floor(half_lives / period_half_lives), 4e9);
  period_ = std::max(period_, static_cast<std::uint32_t>(period));
  return static_cast<float>(std::exp2(half_lives - period_ * period_half_lives));
}

void co_occurrence::count(std::uint32_t row, std::uint32_t target, float weight) {
  auto& at = rows_[row];
  bring_up(at);
  const auto size = at.list.size();
  const auto bytes = at.list.heap_bytes();
  at.list.add(target, weight, bound_);
  entries_ += std::size_t{at.list.size()} - size;
  list_bytes_ += at.list.heap_bytes() - bytes;
}

void co_occurrence::count_total(std::uint32_t row, float weight) {
  auto& at = rows_[row];
  bring_up(at);
  at.total += weight;
}

float co_occurrence::scale_of(std::uint32_t row) const noexcept {
  const auto& at = rows_[row];
  if (half_life_ms_ <= 0)
    return std::pow(at.total + damping, -normalisation);
  // The damping stands for pairs of now, so it is raised to the counts' time.
  const auto behind = static_cast<double>(period_ - at.period) * period_half_lives;
  const auto aged = static_cast<float>(std::exp2(-behind));
  return aged * std::pow(at.total * aged + damping, -normalisation);
}

std::size_t co_occurrence::heap_bytes() const noexcept {
  return rows_.capacity() * sizeof(row_state) + list_bytes_;
}

void co_occurrence::bring_up(row_state& row) noexcept {
  if (row.period == period_)
    return;
  const auto behind = static_cast<double>(period_ - row.period) * period_half_lives;
  const auto factor = static_cast<float>(std::exp2(-behind));
  row.list.scale(factor);
  row.total *= factor;
  row.period = period_;
}

void co_occurrence::encode(byte_writer& to) const {
  to.put(period_);
  for (const auto& row : rows_) {
    to.put(row.total);
    to.put(row.period);
    to.put(row.list.size());
    for (const auto& one : row.list.entries()) {
      to.put(one.target);
      to.put(one.count);
    }
  }
}

bool co_occurrence::decode(byte_reader& from, std::size_t row_count, std::size_t target_count) {
  const auto is_count = [](float value) { return std::isfinite(value) && value >= 0; };
  period_ = from.get<std::uint32_t>();
  rows_.resize(row_count);
  for (auto& row : rows_) {
    row.total = from.get<float>();
    row.period = from.get<std::uint32_t>();
    const auto size = from.get<std::uint32_t>();
    if (from.failed() || !is_count(row.total) || row.period > period_
        || !from.can_hold(size, sizeof(neighbour_list::entry)))
      return false;
    row.list.reserve(std::min(size, bound_));
    for (std::uint32_t i = 0; i < size; ++i) {
      const auto target = from.get<std::uint32_t>();
      const auto count = from.get<float>();
      if (target >= target_count || !is_count(count) || row.list.count_of(target) > 0)
        return false;
      row.list.add(target, count, bound_);
    }
    entries_ += row.list.size();
    list_bytes_ += row.list.heap_bytes();
  }
  return !from.failed();
}

} // namespace troupe::model
