#pragma once

#include "model/seen_set.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace troupe::model {

/// What a user has seen, for the hundreds of questions of one query: the set's tables as they
/// are, and its tail, which would be scanned each time, in a small table of its own. Laying that
/// out costs the same for every user. Kept from query to query.
class seen_here {
public:
  /// `all` must outlive the questions.
  void start(const seen_set& all) noexcept;

  [[nodiscard]] bool contains(item_key key) const noexcept {
    return all_->is_in_tables(key) || is_in_tail(key);
  }

  /// To be called some time before `contains`, when many keys are to be asked for.
  void prefetch(item_key key) const noexcept { all_->prefetch(key); }

private:
  /// Places of the tail; at most a quarter is taken.
  static constexpr std::size_t places = 4 * seen_set::tail_keys_max;

  /// Fibonacci hashing; keys chosen to meet cost at most the tail's length.
  [[nodiscard]] static std::size_t place_of(item_key key) noexcept {
    static_assert(std::has_single_bit(places));
    return (static_cast<std::uint64_t>(key) * 0x9e3779b97f4a7c15U)
           >> (64 - std::bit_width(places - 1));
  }

  [[nodiscard]] bool is_in_tail(item_key key) const noexcept {
    for (auto at = place_of(key); table_[at] != 0; at = (at + 1) % places)
      if (all_->tail()[table_[at] - 1U] == key)
        return true;
    return false;
  }

  const seen_set* all_ = nullptr;
  std::array<std::uint8_t, places> table_{}; // one more than the number in the tail; 0: free
};

} // namespace troupe::model
