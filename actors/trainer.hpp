#pragma once

#include "actors/interfaces.hpp"
#include "actors/model_slot.hpp"
#include "actors/training_pace.hpp"
#include "base/metrics.hpp"
#include "model/history_buffer.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

namespace troupe::actors {

struct trainer_probe {
  gauge buffered;    ///< events that can be learnt from
  gauge under_way;   ///< rounds: 0 or 1
  counter rounds;    ///< that ended with a judgement
  counter accepted;  ///< published
  counter refused;   ///< by the gate
  counter failed;    ///< that ended with an error
  gauge before;      ///< NDCG@10 of the parent on the last round's held-out events
  gauge after;       ///< and of what was trained on
  histogram seconds; ///< of a round

  [[nodiscard]] static trainer_probe make(metrics& where);
};

/// Follows the event log, and every `interval` has a round of training run on what came in since
/// and as much of what was before; what the gate accepts is published and activated. Goes on from
/// the version that is active; without one it trains a first model when the log has
/// `first_events`. Where there are versions and none is active, somebody chose that, and it waits.
///
/// Bounds: the buffer's, one round at a time; while it takes the log in, its share of a processor.
/// Blocking: reads of the log, a page at a time; detached.
class trainer_state {
public:
  using handle = trainer_actor::extend<caf::reacts_to<training_round>>;
  static constexpr const char* name = "trainer";

  struct options {
    std::chrono::seconds interval{600};
    std::size_t events_max = 500'000; ///< of the buffer at the start, and of a round
    std::size_t users_max = 100'000;
    std::size_t first_events = 5'000;
    std::size_t users_least = 8; ///< with new events, for a round
    double cpu_share = 0.1;
    std::filesystem::path root; ///< of the snapshots
    bool at_idle_priority =
        true; ///< the thread is the actor's own, and runs when no other wants to
  };

  /// `store` and `time` outlive the actor.
  trainer_state(handle::pointer self, storage::store& store, const clock& time,
                std::shared_ptr<const model::fold_rules> rules,
                std::shared_ptr<const model_slot> slot, model_registry_actor registry,
                training_worker_actor worker, trainer_probe probe, options opts);

  [[nodiscard]] handle::behavior_type make_behavior();

private:
  void step();
  void plan_next();
  void rest(); ///< and then another step
  [[nodiscard]] result<void> follow_parent();
  /// Takes a page of what came in since into the buffer. True: there is more.
  [[nodiscard]] result<bool> read_on();
  /// None: too little is new.
  [[nodiscard]] result<std::optional<run_round>> make_round();
  [[nodiscard]] result<std::optional<run_round>> make_first_round();
  void take(const round_result& what);

  handle::pointer self_;
  storage::store& store_;
  const clock& time_;
  std::shared_ptr<const model::fold_rules> rules_;
  std::shared_ptr<const model_slot> slot_;
  model_registry_actor registry_;
  training_worker_actor worker_;
  trainer_probe probe_;
  options options_;
  processor_share share_;
  std::uint64_t position_ = 0; ///< last arrival read
  std::uint64_t target_ = 0;   ///< last arrival to be read before a round
  std::uint64_t learnt_ = 0;   ///< last arrival that the parent has learnt, or a round was held for
  std::uint64_t rounds_ = 0;
  std::uint64_t version_ = 0; ///< of the parent; 0: none
  double weight_ = 0;         ///< of the parent in the blend
  bool has_thread_ = false;   ///< that runs when nothing else wants to
  std::shared_ptr<const model::trained_encoder> parent_;
  std::unique_ptr<model::history_buffer> buffer_;
};

} // namespace troupe::actors
