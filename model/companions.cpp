#include "model/companions.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace troupe::model {

companion_lists::companion_lists(const config::signals_settings& signals)
    : most_(std::min(signals.new_item_companions, most_max)) {}

bool companion_lists::learn(std::uint32_t local, item_key own, float weight,
                            std::span<const item_key> near) {
  std::array<companion, per_event> come;
  std::size_t count = 0;
  for (std::size_t i = 0; i < std::min({near.size(), per_event, most_}); ++i)
    if (near[i] != own)
      come[count++] = {near[i], weight / static_cast<float>(i + 1)};
  if (count == 0)
    return false;
  auto& into = lists_[local];
  const auto room = most_ - into.size;
  auto at = into.size < most_ ? std::size_t{into.size} : std::size_t{into.oldest};
  if (room > 0)
    resize(into, into.size + std::min(room, count));
  for (std::size_t i = 0; i < count; ++i) {
    at = at == most_ ? 0 : at;
    into.kept[at++] = come[i];
  }
  into.oldest = into.size < most_ ? std::uint16_t{0} : static_cast<std::uint16_t>(at % most_);
  return true;
}

void companion_lists::resize(list& what, std::size_t size) {
  auto kept = std::make_unique<companion[]>(size);
  std::copy_n(what.kept.get(), what.size, kept.get());
  kept_ += size - what.size;
  what.kept = std::move(kept);
  what.size = static_cast<std::uint16_t>(size);
}

void companion_lists::encode(byte_writer& to) const {
  for (const auto& one : lists_) {
    to.put(one.size);
    to.put(one.oldest);
    for (std::size_t i = 0; i < one.size; ++i) {
      to.put(one.kept[i].key());
      to.put(one.kept[i].weight());
    }
  }
}

bool companion_lists::decode(byte_reader& from, std::size_t count) {
  lists_.resize(count);
  for (auto& one : lists_) {
    const auto size = from.get<std::uint16_t>();
    const auto oldest = from.get<std::uint16_t>();
    const bool is_ring = size == most_ && oldest < size;
    if (from.failed() || size > most_ || (oldest != 0 && !is_ring)
        || !from.can_hold(size, sizeof(companion)))
      return false;
    if (size == 0)
      continue;
    resize(one, size);
    one.oldest = oldest;
    for (std::size_t i = 0; i < size; ++i) {
      const auto key = from.get<item_key>();
      const auto weight = from.get<float>();
      if (!std::isfinite(weight) || !(weight > 0))
        return false;
      one.kept[i] = {key, weight};
    }
  }
  return !from.failed();
}

} // namespace troupe::model
