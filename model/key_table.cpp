#include "model/key_table.hpp"

#include <algorithm>

namespace troupe::model {

namespace {

/// No hash is this one but by a chance of 2^-64 each.
constexpr auto usually_vacant = item_key{0x9d39247e33776d41U};

bool by_key(const key_table::entry& a, const key_table::entry& b) noexcept {
  return a.key < b.key;
}

} // namespace

key_table::key_table(std::span<const entry> entries)
    : vacant_(usually_vacant), size_(entries.size()),
      places_(entries.size() + (entries.size() * 2 + 2) / 3) {
  const auto is_taken = [&](item_key value) {
    return std::any_of(entries.begin(), entries.end(),
                       [value](const entry& one) { return one.key == value; });
  };
  while (is_taken(vacant_))
    vacant_ = item_key{static_cast<std::uint64_t>(vacant_) + 1};
  keys_.assign(places_ + steps_max, vacant_);
  blocks_.assign(keys_.size(), 0);
  for (const auto& one : entries) {
    const auto first = place_of(one.key);
    auto at = first;
    while (at < first + steps_max && keys_[at] != vacant_)
      ++at;
    if (at == first + steps_max) {
      spilled_.push_back(one);
      continue;
    }
    keys_[at] = one.key;
    blocks_[at] = one.block;
  }
  std::sort(spilled_.begin(), spilled_.end(), by_key);
}

const std::uint8_t* key_table::find_spilled(item_key key) const noexcept {
  const auto found = std::lower_bound(spilled_.begin(), spilled_.end(), entry{key, 0}, by_key);
  return found != spilled_.end() && found->key == key ? &found->block : nullptr;
}

std::size_t key_table::heap_bytes() const noexcept {
  return keys_.capacity() * sizeof(item_key) + blocks_.capacity()
         + spilled_.capacity() * sizeof(entry) + bits_.heap_bytes();
}

} // namespace troupe::model
