#pragma once

#include "actors/interfaces.hpp"
#include "base/metrics.hpp"

#include <chrono>
#include <functional>

namespace troupe::actors {

/// What the syncer shows of itself.
struct log_syncer_probe {
  histogram seconds; ///< one sync
  counter failed;

  [[nodiscard]] static log_syncer_probe make(metrics& where);
};

/// Bounds what a power loss takes with `storage.durability = "fast"`: asks the store to sync every
/// `interval`. What was acknowledged is durable after that and one sync at the latest; the
/// operating system alone would take half a minute. On a thread of its own, beside the log's
/// writer: appends go on during the sync and no event waits for it.
///
/// Failures: with a full disk, or a store that is busy with one, the next round tries again. Any
/// other may have dropped pages that were acknowledged, so the process ends as it does after a
/// failed append, and the restart reads what is really there.
/// Blocking: yes, detached.
class log_syncer_state {
public:
  using handle = caf::typed_actor<caf::reacts_to<sync_round>>;
  static constexpr const char* name = "log-syncer";

  struct options {
    std::chrono::milliseconds interval{1000};     ///< from the beginning of one to that of the next
    std::function<void(const failure&)> on_fatal; ///< does not return outside of tests
  };

  /// `into` and `time` outlive the actor.
  log_syncer_state(handle::pointer self, storage::store& into, const clock& time,
                   log_syncer_probe probe, options opts);

  [[nodiscard]] handle::behavior_type make_behavior();

private:
  void sync();

  handle::pointer self_;
  storage::store& into_;
  const clock& time_;
  log_syncer_probe probe_;
  options options_;
};

} // namespace troupe::actors
