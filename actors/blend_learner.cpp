#include "actors/blend_learner.hpp"

#include <cmath>
#include <string>
#include <utility>

namespace troupe::actors {

blend_learner_probe blend_learner_probe::make(metrics& where) {
  const std::string stem = "troupe_actors_blend_learner_";
  blend_learner_probe probe;
  for (std::size_t i = 0; i < signal_count; ++i) {
    probe.factors[i] =
        where.make_gauge(stem + "factor_ratio", "A signal's weight as learnt, to the configured.",
                         {{"signal", std::string{to_string(static_cast<signal>(i))}}});
    probe.factors[i].set(1);
  }
  const auto outcome = [&](const char* which) {
    return where.make_counter(stem + "impressions_total", "Impressions whose outcome was learnt.",
                              {{"outcome", which}});
  };
  probe.wanted = outcome("wanted");
  probe.unwanted = outcome("unwanted");
  probe.open =
      where.make_gauge(stem + "impressions_open", "Impressions whose outcome is not known yet.");
  return probe;
}

blend_learner_state::blend_learner_state(handle::pointer /*self*/,
                                         std::shared_ptr<model::blend_learner> learner,
                                         std::shared_ptr<model_slot> slot,
                                         blend_learner_probe probe)
    : learner_(std::move(learner)), slot_(std::move(slot)), probe_(probe),
      wanted_shown_(learner_->wanted()), unwanted_shown_(learner_->unwanted()) {
  published_.fill(1);
  publish();
  show();
}

blend_learner_state::handle::behavior_type blend_learner_state::make_behavior() {
  return {
      [this](const learn_blend& what) { learn(what); },
      [this](const read_blend_stats&) {
        return blend_stats{learner_->learned_arrival(), learner_->wanted(), learner_->unwanted(),
                           learner_->open(), learner_->factors()};
      },
      [this](const make_checkpoint&) {
        return checkpoint_bytes{std::make_shared<const std::string>(learner_->checkpoint())};
      },
  };
}

void blend_learner_state::learn(const learn_blend& what) {
  for (const auto& lesson : *what.what)
    learner_->learn(lesson);
  publish(); // before `pass`: the arrival of a lesson, for whoever learns the log again
  learner_->pass(what.upto);
  show();
}

void blend_learner_state::publish() {
  const auto now = learner_->factors();
  bool has_moved = false;
  for (std::size_t i = 0; i < signal_count; ++i)
    has_moved = has_moved || std::abs(now[i] - published_[i]) > step_least * published_[i];
  if (!has_moved)
    return;
  published_ = now;
  slot_->store_blend(std::make_shared<const model::learnt_blend>(
      model::learnt_blend{learner_->blend(), learner_->changed_arrival()}));
}

void blend_learner_state::show() {
  for (std::size_t i = 0; i < signal_count; ++i)
    probe_.factors[i].set(published_[i]);
  probe_.wanted.add(static_cast<double>(learner_->wanted() - wanted_shown_));
  probe_.unwanted.add(static_cast<double>(learner_->unwanted() - unwanted_shown_));
  wanted_shown_ = learner_->wanted();
  unwanted_shown_ = learner_->unwanted();
  probe_.open.set(static_cast<double>(learner_->open()));
}

} // namespace troupe::actors
