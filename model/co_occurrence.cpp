#include "model/co_occurrence.hpp"

#include <algorithm>
#include <cmath>

namespace troupe::model {

namespace {

// The three were chosen on ml-latest-small and ml-100k, prequentially; ADR 0019 has the figures.

/// Between raw counts (0), which the most popular past item would decide alone, and shares
/// (1), which trust items seen twice as much as items seen a thousand times.
constexpr float normalisation = 0.6F;

/// Power of a target's events that its pairs are divided by, and events that all are given.
constexpr float commonness = 0.15F;
constexpr float events_given = 5.0F;

/// Half-lives grow with an item: at least this share of all its events.
constexpr double half_life_share = 0.25;

/// Units beyond this are brought down, for counts are float32.
constexpr float unit_max = 4.0e9F;

/// Evidence a row needs before its counts are taken at their word. In pairs at distance 1.
constexpr float damping = 10.0F;

float share_after(std::uint32_t events) noexcept {
  return std::pow(static_cast<float>(events) + events_given, -commonness);
}

} // namespace

co_occurrence::co_occurrence(const config::signals_settings& signals)
    : bound_(static_cast<std::uint32_t>(
        std::min(signals.neighbours_max, std::size_t{neighbour_list::bound_max}))),
      half_life_(std::max(0.0, signals.neighbour_half_life_events)) {}

void co_occurrence::add_row() {
  rows_.emplace_back();
  rows_.back().share = share_after(0);
}

void co_occurrence::happened(std::uint32_t row) {
  auto& at = rows_[row];
  ++at.events;
  at.share = share_after(at.events);
  if (half_life_ <= 0)
    return;
  at.unit *= static_cast<float>(
      std::exp2(1 / std::max(half_life_, static_cast<double>(at.events) * half_life_share)));
  if (at.unit < unit_max)
    return;
  at.list.scale(1 / at.unit);
  at.total /= at.unit;
  at.unit = 1;
}

void co_occurrence::count(std::uint32_t row, std::uint32_t target, std::uint32_t target_row,
                          float weight) {
  auto& at = rows_[row];
  const auto size = at.list.size();
  const auto bytes = at.list.heap_bytes();
  at.list.add(target, weight * at.unit * rows_[target_row].share, bound_);
  entries_ += std::size_t{at.list.size()} - size;
  list_bytes_ += at.list.heap_bytes() - bytes;
}

void co_occurrence::count_total(std::uint32_t row, float weight) {
  auto& at = rows_[row];
  at.total += weight * at.unit;
}

float co_occurrence::scale_of(std::uint32_t row) const noexcept {
  const auto& at = rows_[row];
  return std::pow(at.total / at.unit + damping, -normalisation) / at.unit;
}

std::size_t co_occurrence::heap_bytes() const noexcept {
  return rows_.capacity() * sizeof(row_state) + list_bytes_;
}

void co_occurrence::encode(byte_writer& to) const {
  for (const auto& row : rows_) {
    to.put(row.total);
    to.put(row.unit);
    to.put(row.events);
    to.put(row.list.size());
    for (const auto& one : row.list.entries()) {
      to.put(one.target);
      to.put(one.count);
    }
  }
}

bool co_occurrence::decode(byte_reader& from, std::size_t row_count, std::size_t target_count) {
  const auto is_count = [](float value) { return std::isfinite(value) && value >= 0; };
  rows_.resize(row_count);
  for (auto& row : rows_) {
    row.total = from.get<float>();
    row.unit = from.get<float>();
    row.events = from.get<std::uint32_t>();
    const auto size = from.get<std::uint32_t>();
    if (from.failed() || !is_count(row.total) || !(row.unit >= 1 && row.unit < unit_max)
        || !from.can_hold(size, sizeof(neighbour_list::entry)))
      return false;
    row.share = share_after(row.events);
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
