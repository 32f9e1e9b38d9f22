#include "model/neighbour_list.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace troupe::model {

namespace {

constexpr std::uint32_t scanned_max = 8;  // a list this short needs no table
constexpr std::uint16_t vacant = 0xffffU; // no place

/// Fibonacci hashing: the targets are small consecutive numbers.
std::uint32_t slot_of(std::uint32_t target, std::uint32_t places) noexcept {
  return (target * 0x9e3779b1U) >> (32 - std::countr_zero(places));
}

/// The table's size, a power of two of which three quarters at most are taken.
std::uint32_t places_for(std::uint32_t room) noexcept {
  return room <= scanned_max ? 0 : std::bit_ceil((room * 4 + 2) / 3);
}

/// The room a full list goes on with: all that the table of one more entry bears.
std::uint32_t next_room(std::uint32_t room, std::uint32_t bound) noexcept {
  const auto more = room < scanned_max ? std::max(2U, room * 2) : places_for(room + 1) / 4 * 3;
  return std::max(room + 1, std::min(more, bound));
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
  if (size_ == room_)
    grow(next_room(room_, bound));
  entries_[size_] = {target, weight};
  index(size_++);
}

float neighbour_list::count_of(std::uint32_t target) const noexcept {
  const auto* there = find(target);
  return there != nullptr ? there->count : 0.0F;
}

void neighbour_list::prefetch(std::uint32_t target) const noexcept {
  if (places_)
    __builtin_prefetch(&places_[slot_of(target, places())]);
  else
    __builtin_prefetch(entries_.get());
}

void neighbour_list::scale(float factor) noexcept {
  for (std::uint32_t i = 0; i < size_; ++i)
    entries_[i].count *= factor;
}

void neighbour_list::reserve(std::uint32_t targets) {
  if (targets > room_)
    grow(targets);
}

std::size_t neighbour_list::heap_bytes() const noexcept {
  return std::size_t{room_} * sizeof(entry) + std::size_t{places()} * sizeof(place);
}

neighbour_list::entry* neighbour_list::find(std::uint32_t target) const noexcept {
  if (!places_) {
    for (std::uint32_t i = 0; i < size_; ++i)
      if (entries_[i].target == target)
        return &entries_[i];
    return nullptr;
  }
  const auto mask = places() - 1;
  for (auto i = slot_of(target, mask + 1);; i = (i + 1) & mask) {
    if (places_[i] == vacant)
      return nullptr;
    if (entries_[places_[i]].target == target)
      return &entries_[places_[i]];
  }
}

std::uint32_t neighbour_list::places() const noexcept {
  return places_for(room_);
}

void neighbour_list::grow(std::uint32_t room) {
  const auto old = std::exchange(entries_, std::make_unique<entry[]>(room));
  std::copy_n(old.get(), size_, entries_.get());
  const auto places_before = places();
  room_ = room;
  if (places() == places_before)
    return;
  places_ = std::make_unique<place[]>(places());
  index_all();
}

void neighbour_list::index(std::uint32_t at) noexcept {
  if (!places_)
    return;
  const auto mask = places() - 1;
  auto i = slot_of(entries_[at].target, mask + 1);
  while (places_[i] != vacant)
    i = (i + 1) & mask;
  places_[i] = static_cast<place>(at);
}

void neighbour_list::index_all() noexcept {
  std::fill_n(places_.get(), places(), vacant);
  for (std::uint32_t i = 0; i < size_; ++i)
    index(i);
}

void neighbour_list::keep_strongest(std::uint32_t keep) {
  std::nth_element(entries_.get(), entries_.get() + keep, entries_.get() + size_,
                   [](const entry& a, const entry& b) {
                     return a.count != b.count ? a.count > b.count : a.target < b.target;
                   });
  size_ = keep;
  if (places_)
    index_all();
}

} // namespace troupe::model
