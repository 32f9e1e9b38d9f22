#include "model/take_best.hpp"

#include <algorithm>

namespace troupe::model {

void take_best(std::span<const float> scores, std::span<const std::uint8_t> barred, std::size_t k,
               ranked_items& to) {
  to.clear();
  if (k == 0)
    return;
  // Lists are short and few items enter, so keeping them in order costs less than a heap.
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const auto score = scores[i];
    const bool enters = score > 0 && (to.size() < k || score > scores[to.back()]);
    if (!enters || barred[i] != 0)
      continue;
    if (to.size() == k)
      to.pop_back();
    const auto at = std::upper_bound(to.begin(), to.end(), score, [scores](float mine, auto other) {
      return mine > scores[other];
    });
    to.insert(at, static_cast<item_number>(i));
  }
}

} // namespace troupe::model
