#include "model/query_items.hpp"

#include <boost/unordered/unordered_flat_set.hpp>

namespace troupe::model {

std::vector<weighted_item> query_items(std::span<const past_event> history, float decay) {
  constexpr float negligible = 1e-6F;
  std::vector<weighted_item> made;
  boost::unordered_flat_set<item_number> met;
  float weight = 1;
  for (auto at = history.rbegin(); at != history.rend() && weight >= negligible; ++at) {
    if (at->weight <= 0 || !met.insert(at->item).second)
      continue;
    made.push_back({at->item, weight});
    weight *= decay;
  }
  return made;
}

} // namespace troupe::model
