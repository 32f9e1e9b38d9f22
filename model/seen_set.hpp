#pragma once

#include "base/ids.hpp"
#include "model/key_table.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace troupe::model {

/// The items a user has seen: a set that is cheap to copy, so that a session can hand it to
/// every shard with each query, and as cheap to ask with ten keys as with twenty thousand. New
/// keys go to a short tail; full tails move into immutable hash tables that copies share, each
/// up to eight times as large as the one after it (a log-structured merge tree, O'Neil et al.
/// 1996, with few levels), so that an insert costs O(log n) amortised, a question looks into
/// three tables at the default bound, and a copy costs those pointers and the tail.
///
/// When it holds more than its bound, the oldest keys leave in blocks of at most an eighth of
/// the bound: the tables know each key's block, so that leaving costs nothing, and what has left
/// is dropped when tables merge. How keys are spread over blocks follows from their number and
/// the bound alone, so `from_keys(keys(), bound)` behaves as the original does.
///
/// An owner that has some of the tail's keys anyway may keep them for it (`add_outside`): they
/// count, but take no memory here, and the set does not know them until they are brought in.
class seen_set {
public:
  /// Adds a key; false if it was there. `bound` is the number of keys to keep at most, and the
  /// same in all calls.
  bool insert(item_key key, std::size_t bound);

  [[nodiscard]] bool contains(item_key key) const noexcept;

  /// Whether the key is there and not in `tail`. Costs the same for every size of the set.
  [[nodiscard]] bool is_in_tables(item_key key) const noexcept {
    // The oldest table is the largest: what is there at all is most often there.
    for (const auto& one : tables_)
      if (is_in(*one, key))
        return true;
    return false;
  }

  /// Whether one of the tables has the key, and it has not left the set.
  [[nodiscard]] bool is_in(const key_table& table, item_key key) const noexcept {
    const auto* block = table.find(key);
    return block != nullptr && (!some_left_ || is_live(*block));
  }

  /// The one with the oldest keys first. None is empty.
  [[nodiscard]] std::span<const std::shared_ptr<const key_table>> tables() const noexcept {
    return tables_;
  }

  /// Whether the tables may hold keys that are no longer in the set.
  [[nodiscard]] bool has_dropped() const noexcept { return some_left_; }

  /// The newest keys, but for those outside; fewer than `tail_keys_max`.
  [[nodiscard]] std::span<const item_key> tail() const noexcept { return tail_; }

  [[nodiscard]] std::size_t size() const noexcept { return in_tables_ + tail_.size() + outside_; }

  /// Oldest block first, the tail last; by key in each. REQUIRES: outside() == 0.
  [[nodiscard]] std::vector<item_key> keys() const;
  [[nodiscard]] std::size_t heap_bytes() const noexcept;

  /// The set these keys, as `keys` gave them, came from. Of more than `bound` the newest stay.
  [[nodiscard]] static seen_set from_keys(std::span<const item_key> keys,
                                          std::size_t bound = bound_default);

  /// Keys written so far by inserts and merges; grows by O(log n) per insert on average.
  [[nodiscard]] std::uint64_t work() const noexcept { return work_; }

  // -- for an owner that keeps keys of the tail itself ---------------------------------------

  /// Keys of the tail that the owner keeps.
  [[nodiscard]] std::size_t outside() const noexcept { return outside_; }

  /// One more, not in the set yet. REQUIRES: `settle` before the next insert.
  void add_outside() noexcept { ++outside_; }

  /// One the owner keeps no longer.
  void bring_in(item_key key);

  /// Whether all keys that are outside have to be brought in before `settle`.
  [[nodiscard]] bool wants_all(std::size_t bound) const noexcept;

  /// What an insert ends with. REQUIRES: outside() == 0 if wants_all(bound).
  void settle(std::size_t bound);

  /// The owner keeps these keys of the tail from now on. REQUIRES: they are in it.
  void put_outside(std::span<const item_key> held);

  static constexpr std::size_t bound_default = 20000;
  static constexpr std::size_t tail_keys_max = 64;

private:
  /// Numbers go round after 256; there are at most 17 blocks at a time, and what has left is
  /// gone from the tables long before its number comes again.
  [[nodiscard]] bool is_live(std::uint8_t block) const noexcept {
    return static_cast<std::uint8_t>(block - oldest_block_) < 128;
  }

  void append(item_key key);
  void flush_tail(std::size_t bound);
  void drop_oldest(std::size_t bound) noexcept;

  std::vector<std::shared_ptr<const key_table>> tables_; // the one with the oldest keys first
  std::vector<item_key> tail_;
  std::uint64_t work_ = 0;
  std::uint32_t in_tables_ = 0;   // keys there that have not left
  std::uint16_t outside_ = 0;     // keys of the tail that the owner keeps
  std::uint8_t oldest_block_ = 0; // of those in the tables; numbers go round
  bool some_left_ = false;        // the tables may hold keys that are no longer there
};

} // namespace troupe::model
