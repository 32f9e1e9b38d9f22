#pragma once

#include "model/ranker.hpp"

#include <span>
#include <vector>

namespace troupe::model {

/// An item of a user's past and how much it counts in a query.
struct weighted_item {
  item_number item = no_item;
  float weight = 1;
};

/// The distinct items of a history that left a trace, newest first, each with decay^n, n being
/// how many stand before it here; those with less than a millionth are left out. A decay of 1
/// is the whole history as a set.
[[nodiscard]] std::vector<weighted_item> query_items(std::span<const past_event> history,
                                                     float decay);

} // namespace troupe::model
