#include "actors/model_registry.hpp"

#include <utility>

namespace troupe::actors {

model_registry_state::model_registry_state(handle::pointer, std::vector<snapshot_info> known)
    : known_(std::move(known)) {}

model_registry_actor::behavior_type model_registry_state::make_behavior() {
  return {[this](const read_snapshots&) { return snapshot_list{known_}; }};
}

} // namespace troupe::actors
