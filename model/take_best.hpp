#pragma once

#include "model/ranker.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace troupe::model {

/// The k items with the highest scores above 0 that are not barred, best first, ties by number.
/// An item without any evidence for it (a score of 0) is not recommended: among these any order
/// would be as good. REQUIRES: both spans of the same size, by item_number.
void take_best(std::span<const float> scores, std::span<const std::uint8_t> barred, std::size_t k,
               ranked_items& to);

} // namespace troupe::model
