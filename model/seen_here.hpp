#pragma once

#include "model/seen_set.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace troupe::model {

/// What a user has seen, laid out for one query: the keys a slice owns in an open-addressed
/// table. A query asks for hundreds of items, most of them seen by a user of long standing, and
/// the runs of a seen_set cost several cache misses each time. Kept from query to query.
class seen_here {
public:
  /// A larger set is asked itself: laying it out would cost more than its answers.
  static constexpr std::size_t laid_out_max = 8192;

  /// Lays out the keys of slice `index` of `slices`. `all` must outlive the questions.
  void start(const seen_set& all, std::uint32_t index, std::uint32_t slices);

  [[nodiscard]] bool contains(item_key key) const noexcept;

private:
  /// Keys that met more neighbours than that were chosen to: the set itself answers then.
  static constexpr std::size_t steps_max = 64;

  [[nodiscard]] bool insert(std::uint64_t key) noexcept;

  const seen_set* all_ = nullptr; // null: the table has all
  std::vector<std::uint64_t> table_;
  std::size_t mask_ = 0;
  bool has_zero_ = false; // the key that stands for a free place
};

} // namespace troupe::model
