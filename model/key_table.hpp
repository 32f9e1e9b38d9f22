#pragma once

#include "base/ids.hpp"
#include "model/key_bits.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace troupe::model {

/// An immutable set of item keys, each with a small number, its block; for users with so many
/// seen items that a scan would cost. Open addressing with linear probing in one step of the
/// memory: a question costs one or two cache lines however many keys there are. Three fifths of
/// the places are taken.
class key_table {
public:
  struct entry {
    item_key key{};
    std::uint8_t block = 0;
  };

  /// REQUIRES: distinct keys.
  explicit key_table(std::span<const entry> entries);

  /// The block of a key; null: it is not there.
  [[nodiscard]] const std::uint8_t* find(item_key key) const noexcept {
    if (key == vacant_)
      return nullptr;
    const auto first = place_of(key);
    // Four places at a time and without a branch between them, for none could be foretold.
    for (auto at = first; at < first + steps_max; at += 4) {
      const auto* there = &keys_[at];
      const bool is_second = there[1] == key;
      const bool is_third = there[2] == key;
      const bool is_fourth = there[3] == key;
      if ((there[0] == key) | is_second | is_third | is_fourth)
        return &blocks_[at + (is_second ? 1 : 0) + (is_third ? 2 : 0) + (is_fourth ? 3 : 0)];
      if ((there[0] == vacant_) | (there[1] == vacant_) | (there[2] == vacant_)
          | (there[3] == vacant_))
        return nullptr;
    }
    return find_spilled(key);
  }

  /// Asks the memory for what `find` will look at.
  void prefetch(item_key key) const noexcept { __builtin_prefetch(&keys_[place_of(key)]); }

  /// Calls `visit(entry)` for each, in no particular order.
  template <class Visit>
  void for_each(Visit visit) const {
    for (std::size_t at = 0; at < keys_.size(); ++at)
      if (keys_[at] != vacant_)
        visit(entry{keys_[at], blocks_[at]});
    for (const auto& one : spilled_)
      visit(one);
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// What readers keep with the table.
  [[nodiscard]] key_bits_list& bits() const noexcept { return bits_; }

  [[nodiscard]] std::size_t heap_bytes() const noexcept;

private:
  /// Keys that would lie further from their place were chosen to: they go to `spilled_`.
  static constexpr std::size_t steps_max = 64;

  /// Fibonacci hashing, for keys that are no hashes; then the upper bits as a share of the places.
  [[nodiscard]] std::size_t place_of(item_key key) const noexcept {
    __extension__ using wide = unsigned __int128;
    const auto spread = static_cast<std::uint64_t>(key) * 0x9e3779b97f4a7c15U;
    return static_cast<std::size_t>((wide{spread} * places_) >> 64);
  }

  [[nodiscard]] const std::uint8_t* find_spilled(item_key key) const noexcept;

  item_key vacant_{}; // stands for a free place; no key
  std::size_t size_;
  std::size_t places_;
  std::vector<item_key> keys_; // `places_` and then steps_max more: no probe wraps around
  std::vector<std::uint8_t> blocks_;
  std::vector<entry> spilled_; // sorted by key
  mutable key_bits_list bits_; // made of the table, not part of it
};

} // namespace troupe::model
