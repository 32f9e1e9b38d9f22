#pragma once

#include "model/seen_set.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace troupe::model {

/// What a user has seen, for the thousands of questions of one query to a slice, by the slice's
/// own numbers of items. Kept from query to query.
///
/// A table of the set is asked by hashing at first. When it was asked as often as it has keys,
/// the slice makes a bit of each (to rent until buying would have cost the same is at most twice
/// as dear as to have known; Karlin et al., Algorithmica 1988) and keeps them with the table.
/// Once all tables have theirs, a query puts them together: a question is then a load, however
/// much the user has seen.
class seen_here {
public:
  /// `all` must outlive the questions. `reader`: of the slice, for its life; `keys`: of the items
  /// it has numbered so far, by number, and `number_of(key)` the other way, or a higher number if
  /// it has none.
  template <class NumberOf>
  void start(const seen_set& all, std::uint64_t reader, std::span<const item_key> keys,
             NumberOf number_of) {
    all_ = &all;
    parts_.clear();
    is_laid_out_ = keys.size() <= laid_out_max && !all.has_dropped();
    for (const auto& table : all.tables()) {
      auto& bits = table->bits().of(reader);
      if (is_laid_out_ && bits.covered < keys.size() && is_worth_it(*table, bits, keys.size()))
        bring_up(*table, bits, keys, number_of);
      parts_.push_back({table.get(), &bits});
      is_laid_out_ = is_laid_out_ && bits.covered == keys.size();
    }
    if (is_laid_out_)
      lay_out(keys.size(), number_of);
    else
      lay_out_tail(all);
  }

  /// Whether `has` may be asked; else only `contains`.
  [[nodiscard]] bool is_laid_out() const noexcept { return is_laid_out_; }

  /// REQUIRES: is_laid_out(); number < numbers.
  [[nodiscard]] bool has(std::uint32_t number) const noexcept {
    return (words_[number / 64] >> (number % 64) & 1U) != 0;
  }

  [[nodiscard]] bool contains(std::uint32_t number, item_key key) const noexcept {
    return is_laid_out_ ? has(number) : is_in_tables(key) || is_in_tail(key);
  }

  /// To be called some time before `contains`, when many keys are to be asked for.
  void prefetch(item_key key) const noexcept {
    for (const auto& one : parts_)
      one.table->prefetch(key);
  }

private:
  struct part {
    const key_table* table;
    key_bits* bits;
  };

  /// Beyond so many numbers, clearing the bits of all would cost more than the questions.
  static constexpr std::uint32_t laid_out_max = std::uint32_t{1} << 18;

  /// Places of the tail; at most a quarter is taken.
  static constexpr std::size_t places = 4 * seen_set::tail_keys_max;

  /// Bits for all numbers are to be no larger than the table's own 13 bytes or more a key.
  static constexpr std::size_t bits_per_key_max = 100;

  [[nodiscard]] static bool is_worth_it(const key_table& table, const key_bits& bits,
                                        std::size_t numbers) noexcept {
    return bits.asked >= table.size() && numbers / bits_per_key_max <= table.size();
  }

  /// Makes a bit of each key, or those that items numbered since then lack.
  template <class NumberOf>
  void bring_up(const key_table& table, key_bits& bits, std::span<const item_key> keys,
                NumberOf number_of) {
    found_.clear();
    if (keys.size() - bits.covered < table.size()) {
      for (auto number = bits.covered; number < keys.size(); ++number)
        if (table.find(keys[number]) != nullptr)
          found_.push_back(number);
    } else {
      table.for_each([&](const key_table::entry& one) {
        if (const auto number = number_of(one.key); number < keys.size())
          found_.push_back(number);
      });
    }
    table.bits().put(bits, found_, static_cast<std::uint32_t>(keys.size()));
  }

  template <class NumberOf>
  void lay_out(std::size_t numbers, NumberOf number_of) {
    words_.assign(numbers / 64 + 1, 0);
    for (const auto& one : parts_)
      for (std::size_t i = 0; i < one.bits->words.size(); ++i)
        words_[i] |= one.bits->words[i];
    for (const auto key : all_->tail())
      if (const auto number = number_of(key); number < numbers)
        words_[number / 64] |= std::uint64_t{1} << (number % 64);
  }

  void lay_out_tail(const seen_set& all) noexcept;

  [[nodiscard]] bool is_in_tables(item_key key) const noexcept {
    for (const auto& one : parts_) {
      ++one.bits->asked;
      if (all_->is_in(*one.table, key))
        return true;
    }
    return false;
  }

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
  std::vector<part> parts_;                  // the set's tables, oldest first
  bool is_laid_out_ = false;                 // in words_
  std::vector<std::uint64_t> words_;         // a bit for each of the slice's numbers
  std::vector<std::uint32_t> found_;         // working memory of make_bits
  std::array<std::uint8_t, places> table_{}; // one more than the number in the tail; 0: free
};

} // namespace troupe::model
