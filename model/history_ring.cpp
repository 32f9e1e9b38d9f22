#include "model/history_ring.hpp"

#include <algorithm>

namespace troupe::model {

namespace {

constexpr std::uint32_t offset_mask = (std::uint32_t{1} << 24) - 1;

/// Grows in steps of an eighth: a vector that doubles would leave half of a session unused.
void reserve_tightly(std::vector<char>& bytes, std::size_t more) {
  const auto needed = bytes.size() + more;
  if (needed > bytes.capacity())
    bytes.reserve(std::max(needed, bytes.capacity() + std::max<std::size_t>(32, bytes.size() / 8)));
}

} // namespace

std::size_t history_ring::push(const entry& what, std::size_t bound) {
  if (bound == 0)
    return 0;
  while (slots_.size() >= bound)
    pop();
  std::size_t moved = 0;
  slot made{};
  made.time = static_cast<std::uint64_t>(to_millis(what.time)) & millis_max;
  made.length = what.item.size() & 0x1ffU;
  made.has_value = what.value.has_value();
  made.traits_known = what.traits_known;
  made.weight = weight_index(what.sequence) & 0x1ffU;
  made.offset = place(what.item, moved) & offset_mask;
  made.type = what.type & 0x3fU;
  made.value = what.value.value_or(0.0F);
  return moved + slots_.push(made);
}

history_ring::entry history_ring::newest(std::size_t steps_back) const noexcept {
  const slot& from = slots_.newest(steps_back);
  entry made;
  const auto at = (from.offset - base_) & offset_mask;
  made.item = {arena_.data() + at, static_cast<std::size_t>(from.length)};
  made.type = static_cast<std::uint8_t>(from.type);
  if (from.has_value)
    made.value = from.value;
  made.time = from_millis(static_cast<std::int64_t>(from.time));
  made.sequence = weights_[from.weight];
  made.traits_known = from.traits_known;
  return made;
}

void history_ring::pop() {
  dead_ += static_cast<std::uint32_t>(slots_[0].length);
  slots_.pop();
}

std::uint32_t history_ring::place(std::string_view id, std::size_t& moved) {
  const auto live = arena_.size() - dead_;
  if (arena_.size() + id.size() > arena_.capacity() && dead_ > 64 + live / 8) {
    arena_.erase(arena_.begin(), arena_.begin() + dead_);
    base_ = (base_ + dead_) & offset_mask;
    dead_ = 0;
    moved += live / sizeof(slot);
  }
  reserve_tightly(arena_, id.size());
  const auto at = base_ + static_cast<std::uint32_t>(arena_.size());
  arena_.insert(arena_.end(), id.begin(), id.end());
  return at;
}

std::uint16_t history_ring::weight_index(float weight) {
  const auto found = std::find(weights_.begin(), weights_.end(), weight);
  const auto index = found - weights_.begin();
  if (found == weights_.end()) {
    if (weights_.size() == weights_max)
      return static_cast<std::uint16_t>(weights_max - 1);
    weights_.reserve(weights_.size() + 1);
    weights_.push_back(weight);
  }
  return static_cast<std::uint16_t>(index);
}

std::size_t history_ring::heap_bytes() const noexcept {
  return slots_.heap_bytes() + arena_.capacity() + weights_.capacity() * sizeof(float);
}

} // namespace troupe::model
