#pragma once

#include "base/event.hpp"

#include <string>
#include <vector>

namespace troupe::test {

/// Users who all walk the same way through a ring of items, each from elsewhere: eight events, a
/// minute apart.
struct walk_plan {
  int users = 60;
  int items = 12;
  int first = 0;  ///< number of the first user
  int apart = 1;  ///< items between two users' beginnings
  int stride = 1; ///< items from one event to the next
  std::string stem = "i";
};

inline std::vector<stored_event> walks(const walk_plan& plan) {
  std::vector<stored_event> made;
  for (int user = plan.first; user < plan.first + plan.users; ++user)
    for (int i = 0; i < 8; ++i) {
      const auto at = (user * plan.apart + i * plan.stride) % plan.items;
      stored_event one;
      one.what.user = user_id{"u" + std::to_string(user)};
      one.what.item = item_id{plan.stem + std::to_string(at)};
      one.what.type = "view";
      one.what.time = from_millis(1'000'000 + 60'000 * i);
      made.push_back(std::move(one));
    }
  return made;
}

} // namespace troupe::test
