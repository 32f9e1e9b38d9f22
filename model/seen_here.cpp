#include "model/seen_here.hpp"

#include <algorithm>
#include <bit>

namespace troupe::model {

void seen_here::start(const seen_set& all, std::uint32_t index, std::uint32_t slices) {
  all_ = &all;
  has_zero_ = false;
  const auto keys = all.size();
  if (keys > laid_out_max)
    return;
  // Twice the share that is expected here, so that at most about half is taken.
  const auto places = std::bit_ceil(2 * keys / slices + 16);
  table_.resize(std::max(table_.size(), places));
  std::fill_n(table_.begin(), places, 0);
  mask_ = places - 1;
  bool fits = true;
  for (const auto key : all.keys())
    if (fits && shard_of(key, slices) == index)
      fits = insert(static_cast<std::uint64_t>(key));
  if (fits)
    all_ = nullptr;
}

bool seen_here::insert(std::uint64_t key) noexcept {
  if (key == 0) {
    has_zero_ = true;
    return true;
  }
  for (std::size_t step = 0; step <= std::min(steps_max, mask_); ++step) {
    auto& place = table_[(key + step) & mask_];
    if (place == 0 || place == key) {
      place = key;
      return true;
    }
  }
  return false;
}

bool seen_here::contains(item_key key) const noexcept {
  if (all_ != nullptr)
    return all_->contains(key);
  const auto wanted = static_cast<std::uint64_t>(key);
  if (wanted == 0)
    return has_zero_;
  for (std::size_t step = 0; step <= std::min(steps_max, mask_); ++step) {
    const auto there = table_[(wanted + step) & mask_];
    if (there == wanted || there == 0)
      return there == wanted;
  }
  return false;
}

} // namespace troupe::model
