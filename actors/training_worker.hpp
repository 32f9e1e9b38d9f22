#pragma once

#include "actors/interfaces.hpp"
#include "actors/training_pace.hpp"
#include "base/clock.hpp"
#include "model/sequences.hpp"
#include "storage/checkpoint_file.hpp"
#include "storage/interfaces.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace troupe::actors {

/// Runs rounds of training on a thread of its own, which has the lowest priority and at most its
/// share of a processor: for reading the log and the items, for fitting the weight in the blend,
/// and for the training itself. LibTorch is loaded as soon as it runs, before there are users who
/// would wait for it. A first training, which takes longest, is kept after each epoch: a node that
/// is started anew goes on with it.
///
/// Bounds: one round at a time, of at most `events_max` events. Blocking: yes; detached. A round
/// that is under way when the pace stops ends with errc::unavailable.
class training_worker_state {
public:
  using handle = training_worker_actor;
  static constexpr const char* name = "training-worker";

  struct options {
    std::size_t events_max = 500'000; ///< of the log's end, for a round
    std::filesystem::path module;     ///< training_module_path
    std::filesystem::path first_run;  ///< directory: a first training is kept there; empty: nowhere
    model::corpus_options corpus;
    config::blend_settings blend;
    bool at_idle_priority = true; ///< as trainer_state's
  };

  /// `store` and `time` outlive the actor.
  training_worker_state(handle::pointer, storage::store& store, const clock& time,
                        std::shared_ptr<const model::fold_rules> rules,
                        std::shared_ptr<training_pace> pace, options opts);

  [[nodiscard]] handle::behavior_type make_behavior();

private:
  [[nodiscard]] result<round_result> run(const run_round& what) const;
  [[nodiscard]] result<round_result> first(const run_round& what, std::vector<item> items) const;
  /// Goes on with what was kept. Errors: as train_first, and those of what is damaged.
  [[nodiscard]] result<round_result> resume_first(std::span<const item> items) const;
  /// `resume`: training_checkpoints::resume.
  [[nodiscard]] result<round_result> train_first(std::uint64_t upto, std::span<const item> items,
                                                 std::string resume) const;
  [[nodiscard]] result<round_result> next(const run_round& what, std::vector<item> items) const;
  /// The weight that would have served best what the parent has not learnt.
  [[nodiscard]] result<double> fit_weight(const run_round& what, std::span<const item> items) const;
  [[nodiscard]] result<std::vector<item>> read_items() const;
  /// The last events_max ones up to this arrival, in order.
  [[nodiscard]] result<void> each_event(std::uint64_t upto,
                                        const std::function<void(stored_event&&)>& take) const;

  storage::store& store_;
  const clock& time_;
  std::shared_ptr<const model::fold_rules> rules_;
  std::shared_ptr<training_pace> pace_;
  options options_;
  std::optional<storage::checkpoint_file> first_run_;
};

} // namespace troupe::actors
