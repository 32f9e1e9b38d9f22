#pragma once

#include "actors/interfaces.hpp"
#include "actors/learning_replay.hpp"
#include "base/metrics.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

namespace troupe::actors {

struct checkpoint_probe {
  counter written;
  counter failed;
  gauge bytes;
  histogram seconds; ///< writing one to the store

  [[nodiscard]] static checkpoint_probe make(metrics& where);
};

/// Writes the checkpoints of the shards and of the blend every `interval`, once at least
/// `events_min` events were learnt since the last ones: making one stops its shard for some
/// milliseconds, and so many events are replayed in less than a second at the next start. Detached;
/// the only one who writes checkpoints while the node runs.
class checkpoint_keeper_state {
public:
  using handle = checkpoint_keeper_actor::extend<caf::reacts_to<checkpoint_round>>;
  static constexpr const char* name = "checkpoint-keeper";

  struct options {
    std::chrono::seconds interval{60};
    std::uint64_t events_min = 20'000;
    std::chrono::milliseconds answer_timeout{5000}; ///< of a shard
  };

  /// `into` and `time` outlive the actor. `learned`: what the checkpoints in the store hold, the
  /// blend's last. `blend`: none, nobody learns it.
  checkpoint_keeper_state(handle::pointer self, storage::store& into, const clock& time,
                          std::vector<item_shard_actor> shards, blend_learner_actor blend,
                          std::vector<std::uint64_t> learned, checkpoint_probe probe, options opts);

  [[nodiscard]] handle::behavior_type make_behavior();

private:
  struct round;

  void look(std::uint64_t events_min, const std::shared_ptr<round>& what);
  /// `place`: of the shard; behind the shards' the blend's.
  template <class Handle>
  void write(const Handle& whose, std::size_t place, std::uint64_t learned,
             const std::shared_ptr<round>& what);
  void settle(const std::shared_ptr<round>& what, std::optional<failure> why);

  handle::pointer self_;
  storage::store& into_;
  const clock& time_;
  std::vector<item_shard_actor> shards_;
  blend_learner_actor blend_;
  std::vector<std::uint64_t> written_; ///< learnt arrival in each stored checkpoint
  checkpoint_probe probe_;
  options options_;
};

/// Teaches the shards and the blend the tail of the log behind their checkpoints while the node
/// already serves; then lets the log's writer take over and ends. Detached.
class log_replayer_state {
public:
  using handle = caf::typed_actor<caf::reacts_to<replay_step>>;
  static constexpr const char* name = "log-replayer";

  /// `caught_up` is set when it is done.
  log_replayer_state(handle::pointer self, std::shared_ptr<learning_replay> replay,
                     std::vector<item_shard_actor> shards, blend_learner_actor blend,
                     event_log_writer_actor log, std::shared_ptr<std::atomic<bool>> caught_up);

  [[nodiscard]] handle::behavior_type make_behavior();

private:
  void step();
  void hand_over();

  handle::pointer self_;
  std::shared_ptr<learning_replay> replay_;
  std::vector<item_shard_actor> shards_;
  blend_learner_actor blend_; ///< none: nobody learns it
  event_log_writer_actor log_;
  std::shared_ptr<std::atomic<bool>> caught_up_;
};

} // namespace troupe::actors
