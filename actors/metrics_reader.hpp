#pragma once

#include "actors/interfaces.hpp"
#include "base/metrics.hpp"

namespace troupe::actors {

/// Writes the node's metrics out as text, which takes milliseconds; detached, so that a scrape does
/// not hold up what a gateway's thread does.
///
/// Bounds: a gateway's thread has at most `gateway.in_flight_max` requests on their way. Blocking:
/// no.
class metrics_reader_state {
public:
  using handle = metrics_reader_actor;
  static constexpr const char* name = "metrics-reader";

  /// `from` outlives the actor.
  metrics_reader_state(handle::pointer self, const metrics& from);

  [[nodiscard]] handle::behavior_type make_behavior();

private:
  const metrics& from_;
};

} // namespace troupe::actors
