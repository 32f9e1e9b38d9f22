#include "model/neighbour_list.hpp"

#include <algorithm>
#include <bit>
#include <utility>
#include <vector>

namespace troupe::model {

namespace {

constexpr std::uint32_t array_max = 8;

/// Fibonacci hashing: the targets are small consecutive numbers.
std::uint32_t slot_of(std::uint32_t target, std::uint32_t capacity) noexcept {
  return (target * 0x9e3779b1U) >> (32 - std::countr_zero(capacity));
}

bool is_full(std::uint32_t size, std::uint32_t capacity) noexcept {
  return capacity <= array_max ? size == capacity : size * 4 >= capacity * 3;
}

std::uint32_t capacity_for(std::uint32_t targets) noexcept {
  std::uint32_t capacity = 2;
  while (capacity < targets || (targets > array_max && is_full(targets - 1, capacity)))
    capacity *= 2;
  return capacity;
}

} // namespace

void neighbour_list::add(std::uint32_t target, float weight, std::uint32_t bound) {
  if (auto* there = find(target)) {
    there->count += weight;
    return;
  }
  if (bound == 0)
    return;
  if (size_ >= bound)
    keep_strongest(std::min(bound - 1, bound - bound / 4));
  if (is_full(size_, capacity_))
    rebuild(std::max(2U, capacity_ * 2));
  insert({target, weight});
}

float neighbour_list::count_of(std::uint32_t target) const noexcept {
  const auto* there = find(target);
  return there != nullptr ? there->count : 0.0F;
}

void neighbour_list::scale(float factor) noexcept {
  for (std::uint32_t i = 0; i < capacity_; ++i)
    slots_[i].count *= factor;
}

void neighbour_list::reserve(std::uint32_t targets) {
  if (const auto wanted = capacity_for(targets); wanted > capacity_)
    rebuild(wanted);
}

neighbour_list::entry* neighbour_list::find(std::uint32_t target) const noexcept {
  if (capacity_ <= array_max) {
    for (std::uint32_t i = 0; i < size_; ++i)
      if (slots_[i].target == target)
        return &slots_[i];
    return nullptr;
  }
  for (auto i = slot_of(target, capacity_);; i = (i + 1) & (capacity_ - 1)) {
    if (slots_[i].target == target)
      return &slots_[i];
    if (slots_[i].target == vacant)
      return nullptr;
  }
}

void neighbour_list::rebuild(std::uint32_t capacity) {
  const auto old = std::exchange(slots_, std::make_unique<entry[]>(capacity));
  const auto old_capacity = std::exchange(capacity_, capacity);
  size_ = 0;
  for (std::uint32_t i = 0; i < old_capacity; ++i)
    if (old[i].target != vacant)
      insert(old[i]);
}

void neighbour_list::insert(const entry& what) noexcept {
  auto at = size_;
  if (capacity_ > array_max) {
    at = slot_of(what.target, capacity_);
    while (slots_[at].target != vacant)
      at = (at + 1) & (capacity_ - 1);
  }
  slots_[at] = what;
  ++size_;
}

void neighbour_list::keep_strongest(std::uint32_t keep) {
  std::vector<entry> all;
  all.reserve(size_);
  for_each([&all](std::uint32_t target, float count) { all.push_back({target, count}); });
  std::nth_element(all.begin(), all.begin() + keep, all.end(), [](const entry& a, const entry& b) {
    return a.count != b.count ? a.count > b.count : a.target < b.target;
  });
  std::fill_n(slots_.get(), capacity_, entry{});
  size_ = 0;
  for (std::uint32_t i = 0; i < keep; ++i)
    insert(all[i]);
}

} // namespace troupe::model
