#pragma once

#include "base/slate.hpp"
#include "config/settings.hpp"
#include "model/profile.hpp"
#include "model/query.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace troupe::model {

/// What a slate is held to after scoring.
struct compose_rules {
  std::size_t k = 20;
  double diversity = 0;         ///< lambda of maximal marginal relevance, 0 to 1
  std::size_t category_cap = 0; ///< 0: none
  std::vector<item_key> pin;    ///< in this order at the top
  bool with_reasons = true;
};

/// What an item's score by the encoder is worth beside the best one's, 0 to 1: how many times less
/// likely it is, softened (Hinton et al., 2015, call 1 / 0.7 a temperature), for the other signals
/// order what an encoder is too sure of (ADR 0020 has the trials).
[[nodiscard]] inline float sequence_ratio(float score, float top) noexcept {
  constexpr float sharpness = 0.7F;
  return std::exp(sharpness * std::min(0.0F, score - top));
}

/// Makes the sequence parts of all answers relative to the best item of them all: each shard gave
/// them relative to its own. To be called once, before compose.
void align_sequence_parts(std::span<candidate_list> answers);

/// Merges the shards' candidates into the items of a slate: by score with ties by item id,
/// pins first, caps per main category, then maximal marginal relevance (Carbonell and
/// Goldstein, SIGIR 1998) over categories and tags. Deterministic: the order in which shards
/// answered does not matter.
[[nodiscard]] std::vector<slate_item> compose(std::span<const candidate_list> answers,
                                              const profile& who, const compose_rules& rules);

} // namespace troupe::model
