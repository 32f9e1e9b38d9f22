#pragma once

#include "actors/interfaces.hpp"
#include "actors/model_slot.hpp"
#include "base/metrics.hpp"
#include "model/blend_learner.hpp"

#include <array>
#include <cstdint>
#include <memory>

namespace troupe::actors {

struct blend_learner_probe {
  std::array<gauge, signal_count> factors; ///< of the configured weights, by signal
  counter wanted;                          ///< impressions with an outcome
  counter unwanted;
  gauge open; ///< impressions without one yet

  [[nodiscard]] static blend_learner_probe make(metrics& where);
};

/// Learns the blend's weights from committed events in order of arrival; all thinking is
/// model::blend_learner's. Puts the weights into the slot whenever one has moved by
/// `step_least` of itself: slates from then on are made with them, and name how far they learnt.
///
/// Bounds: the log's writer gets no further ahead than its credit. Blocking: none; a lesson takes
/// about a microsecond.
class blend_learner_state {
public:
  using handle = blend_learner_actor;
  static constexpr const char* name = "blend-learner";
  static constexpr double step_least = 0.01;

  blend_learner_state(handle::pointer, std::shared_ptr<model::blend_learner> learner,
                      std::shared_ptr<model_slot> slot, blend_learner_probe probe = {});

  [[nodiscard]] handle::behavior_type make_behavior();

private:
  void learn(const learn_blend& what);
  void publish();
  void show();

  std::shared_ptr<model::blend_learner> learner_;
  std::shared_ptr<model_slot> slot_;
  blend_learner_probe probe_;
  signal_values published_; ///< factors
  std::uint64_t wanted_shown_;
  std::uint64_t unwanted_shown_;
};

} // namespace troupe::actors
