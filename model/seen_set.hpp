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
/// leave in blocks.
class seen_set {
public:
  /// Adds a key; false if it was there. `bound` is the number of keys to keep at most.
  bool insert(item_key key, std::size_t bound);

  [[nodiscard]] bool contains(item_key key) const noexcept;
  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] std::vector<item_key> keys() const; ///< oldest block first
  [[nodiscard]] std::size_t heap_bytes() const noexcept;

  [[nodiscard]] static seen_set from_keys(std::span<const item_key> keys);

private:
  using run = std::vector<item_key>;             // sorted
  std::vector<std::shared_ptr<const run>> runs_; // oldest first
  std::vector<item_key> tail_;                   // in order of arrival
};

} // namespace troupe::model
