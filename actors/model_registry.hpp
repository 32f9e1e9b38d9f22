#pragma once

#include "actors/interfaces.hpp"

#include <vector>

namespace troupe::actors {

/// The snapshots this node knows. Until encoders are trained there is one: the signals'
/// configuration, version 1, active from the start.
class model_registry_state {
public:
  using handle = model_registry_actor;
  static constexpr const char* name = "model-registry";

  model_registry_state(handle::pointer self, std::vector<snapshot_info> known);

  [[nodiscard]] handle::behavior_type make_behavior();

private:
  std::vector<snapshot_info> known_;
};

} // namespace troupe::actors
