#pragma once

#include "base/ids.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace troupe::model {

/// The items a user has seen: a set that is cheap to copy, so that a session can hand it to
/// every shard with each query. Sorted immutable runs are shared between copies; new keys go
/// to a short tail, and runs merge as in a log-structured tree (O'Neil et al., The Log-
/// Structured Merge-Tree, 1996), so that an insert costs O(log n) amortised and a copy at most
/// a few dozen bytes more than the tail. When it holds more than its bound, the oldest keys
/// leave in blocks of at most an eighth of the bound. How keys are spread over runs follows
/// from their number and the bound alone, so `from_keys(keys(), bound)` behaves as the
/// original does.
class seen_set {
public:
  /// Adds a key; false if it was there. `bound` is the number of keys to keep at most.
  bool insert(item_key key, std::size_t bound);

  [[nodiscard]] bool contains(item_key key) const noexcept;
  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] std::vector<item_key> keys() const; ///< oldest block first
  [[nodiscard]] std::size_t heap_bytes() const noexcept;

  /// The set these keys, as `keys` gave them, came from.
  [[nodiscard]] static seen_set from_keys(std::span<const item_key> keys,
                                          std::size_t bound = bound_default);

  /// Keys written so far by inserts and merges; grows by O(log n) per insert on average.
  [[nodiscard]] std::uint64_t work() const noexcept { return work_; }

  static constexpr std::size_t bound_default = 20000;

private:
  using run = std::vector<item_key>;             // sorted
  std::vector<std::shared_ptr<const run>> runs_; // oldest first
  std::vector<item_key> tail_;                   // in order of arrival
  std::uint64_t work_ = 0;

  void flush_tail(std::size_t block);
};

} // namespace troupe::model
