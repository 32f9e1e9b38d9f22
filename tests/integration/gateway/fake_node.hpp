#pragma once

#include "actors/interfaces.hpp"
#include "base/metrics.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace caf {
class actor_system;
}

namespace troupe::test {

/// How the fakes behave; the test turns the knobs from its own thread.
struct fake_control {
  std::atomic<bool> hang{false};        ///< answer nothing
  std::atomic<errc> refuse{errc::none}; ///< answer this error
  std::atomic<std::size_t> slate_items{5};
  std::atomic<std::size_t> title_bytes{10};
  std::atomic<std::size_t> subscribed{0}; ///< connections with a subscription now
  std::atomic<std::uint64_t> ingested{0};
  std::atomic<std::uint64_t> pushed{0};
};

/// A node of actors that keep what they are told in maps: a directory that pushes a slate after
/// every event, a catalogue, and one snapshot. `series` outlives them.
[[nodiscard]] actors::node_handles fake_node(caf::actor_system& system, const metrics& series,
                                             const std::shared_ptr<fake_control>& control);

} // namespace troupe::test
