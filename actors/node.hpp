#pragma once

#include "actors/interfaces.hpp"
#include "actors/learning_replay.hpp" // build_checkpoints, for the commands
#include "base/metrics.hpp"
#include "config/settings.hpp"

#include <memory>

namespace troupe::actors {

/// One node's actors, started and stopped as a whole. The only place that knows which actor
/// asks which.
/// Thread safety: start, stop and the destructor from one thread; the others from any.
class node {
public:
  /// Loads the catalogue into the shards, restores their checkpoints, teaches them the log's
  /// tail (a long one goes on in the background, see `ready`) and spawns the actors.
  /// `store`, `time` and `where` outlive the node.
  /// Errors: invalid_argument of the settings; what the store answers.
  [[nodiscard]] static result<std::unique_ptr<node>>
  start(const config::settings& settings, storage::store& store, const clock& time, metrics& where);

  /// Stops, if `stop` was not called.
  ~node();
  node(const node&) = delete;
  node& operator=(const node&) = delete;

  /// The doors, for the gateway. Give them all back before the node is destroyed.
  [[nodiscard]] const node_handles& handles() const noexcept;
  [[nodiscard]] caf::actor_system& system() noexcept;

  /// Whether the shards have learnt everything the log held at the start. The node serves before
  /// that, from what its checkpoints knew.
  [[nodiscard]] bool ready() const noexcept;

  /// Takes no more work, puts every session to sleep with its snapshot written, commits what
  /// waits, writes the shards' checkpoints, ends the actors; all within node.shutdown_timeout.
  /// Errors: timeout when it took longer (nothing acknowledged is lost by that), or what the
  /// store answered. Does nothing the second time.
  [[nodiscard]] result<void> stop();

private:
  struct parts;
  explicit node(std::unique_ptr<parts> all);
  std::unique_ptr<parts> all_;
};

} // namespace troupe::actors
