#pragma once

#include "actors/interfaces.hpp"
#include "base/metrics.hpp"

#include <caf/typed_response_promise.hpp>

#include <cstddef>
#include <deque>
#include <vector>

namespace troupe::actors {

/// What all encoders of a node show together.
struct encoder_probe {
  counter events;       ///< states were moved forward by
  histogram batch_size; ///< states moved together
  gauge waiting;        ///< requests

  [[nodiscard]] static encoder_probe make(metrics& where);
};

/// Moves users' states forward, all that waits in one pass over the encoder's weights. The first
/// request of a batch sends `run_batch` to the actor itself, which lands behind all that waits.
/// Long histories (a session that rebuilds its state) are cut into parts of `part_events`, so that
/// those who come with one event wait for a part and not for the whole.
///
/// Bounds: a session has at most one request on its way. Blocking: none; a part takes at most a
/// millisecond or so.
class encoder_state {
public:
  using handle = encoder_actor::extend<caf::reacts_to<run_batch>>;
  static constexpr const char* name = "encoder";

  static constexpr std::size_t part_events = 16;
  static constexpr std::size_t batch_max = 32;

  encoder_state(handle::pointer self, encoder_probe probe);
  ~encoder_state();
  encoder_state(const encoder_state&) = delete;
  encoder_state& operator=(const encoder_state&) = delete;

  [[nodiscard]] handle::behavior_type make_behavior();

private:
  struct job {
    encode what;
    std::size_t done = 0; ///< events
    caf::typed_response_promise<encoded> answer;
  };

  caf::result<encoded> take(encode& what);
  void run();

  handle::pointer self_;
  encoder_probe probe_;
  std::deque<job> waiting_;
};

} // namespace troupe::actors
