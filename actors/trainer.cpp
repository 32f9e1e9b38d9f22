#include "actors/trainer.hpp"

#include "actors/model_files.hpp"
#include "base/log.hpp"
#include "model/blend_learner.hpp"

#include <fmt/format.h>

#include <map>
#include <string>
#include <utility>

namespace troupe::actors {

namespace {

constexpr std::size_t page_events = 100; // taken in between two rests
constexpr std::chrono::minutes publish_timeout{2};

/// The blend that was served when a snapshot was made, for whoever asks later.
void note_weights(const config::blend_settings& blend, std::map<std::string, double>& to) {
  const auto weights = model::weights_of(blend);
  for (std::size_t i = 0; i < signal_count; ++i)
    to[fmt::format("blend_{}", to_string(static_cast<signal>(i)))] = weights[i];
}

} // namespace

trainer_probe trainer_probe::make(metrics& where) {
  const std::string stem = "troupe_actors_trainer_";
  trainer_probe probe;
  probe.buffered = where.make_gauge(stem + "buffered_events", "Events that can be learnt from.");
  probe.under_way = where.make_gauge(stem + "rounds_under_way", "Rounds of training under way.");
  probe.rounds = where.make_counter(stem + "rounds_total", "Rounds of training that were judged.");
  probe.accepted =
      where.make_counter(stem + "accepted_total", "Rounds whose result was published.");
  probe.refused = where.make_counter(
      stem + "refused_total", "Rounds whose result was worse than its parent and thrown away.");
  probe.failed = where.make_counter(stem + "failed_total", "Rounds that ended with an error.");
  probe.before = where.make_gauge(stem + "parent_ndcg",
                                  "NDCG@10 of the parent on the last round's held-out events.");
  probe.after =
      where.make_gauge(stem + "round_ndcg", "NDCG@10 of the last round's result on the same.");
  probe.seconds = where.make_histogram(stem + "round_seconds", "One round of training.",
                                       {1, 3, 10, 30, 100, 300, 1000, 3000});
  return probe;
}

trainer_state::trainer_state(handle::pointer self, storage::store& store, const clock& time,
                             std::shared_ptr<const model::fold_rules> rules,
                             std::shared_ptr<const model_slot> slot, model_registry_actor registry,
                             training_worker_actor worker, trainer_probe probe, options opts)
    : self_(self), store_(store), time_(time), rules_(std::move(rules)), slot_(std::move(slot)),
      registry_(std::move(registry)), worker_(std::move(worker)), probe_(probe),
      options_(std::move(opts)), share_(options_.cpu_share) {}

trainer_state::handle::behavior_type trainer_state::make_behavior() {
  plan_next();
  return {
      [this](const forget_user& what) {
        if (buffer_)
          buffer_->erase(what.user);
        return done{};
      },
      [this](const training_round&) {
        if (options_.at_idle_priority && !std::exchange(has_thread_, true))
          run_when_idle();
        step();
      },
  };
}

void trainer_state::plan_next() {
  self_->delayed_send(self_, options_.interval, training_round{});
}

void trainer_state::step() {
  const auto fail = [this](const failure& why) {
    probe_.failed.add();
    TROUPE_LOG(warn, "trainer.round_failed", "error=\"{}\"", why.context);
    plan_next();
  };
  share_.restart();
  if (auto followed = follow_parent(); !followed)
    return fail(followed.error());
  const auto is_behind = read_on();
  if (!is_behind)
    return fail(is_behind.error());
  if (*is_behind)
    return rest();
  const auto round = parent_ ? make_round() : make_first_round();
  if (!round)
    return fail(round.error());
  if (!*round)
    return plan_next(); // too little is new
  probe_.under_way.set(1);
  self_->request(worker_, no_timer, **round)
      .then(
          [this](const round_result& what) {
            take(what);
            probe_.under_way.set(0);
            plan_next();
          },
          [this, fail](const caf::error& why) {
            probe_.under_way.set(0);
            fail(to_failure(why));
          });
}

void trainer_state::rest() {
  const auto due = std::chrono::ceil<std::chrono::milliseconds>(share_.due());
  self_->delayed_send(self_, due, training_round{});
}

result<void> trainer_state::follow_parent() {
  const auto active = slot_->load().encoder;
  if (!active) {
    parent_.reset();
    buffer_.reset();
    version_ = 0;
    return {};
  }
  if (active->version() == version_ && buffer_)
    return {};
  const auto directory =
      storage::snapshot_directory::open({.root = options_.root, .create = false, .limits = {}});
  if (!directory)
    return directory.error();
  const auto snapshot = directory->load(active->version());
  if (!snapshot)
    return snapshot.error();
  auto parent = to_encoder(*snapshot);
  if (!parent)
    return parent.error();
  const auto last = store_.events().last_arrival();
  if (!last)
    return last.error();
  parent_ = std::make_shared<const model::trained_encoder>(std::move(*parent));
  version_ = active->version();
  weight_ = active->weight();
  // Its rows are numbered anew, and what came in since it was trained is what is fresh.
  model::history_buffer::limits most;
  most.users_max = options_.users_max;
  buffer_ = std::make_unique<model::history_buffer>(rules_, parent_->words, most);
  position_ = *last > options_.events_max ? *last - options_.events_max : 0;
  learnt_ = snapshot->manifest.facts.event_position;
  return {};
}

result<bool> trainer_state::read_on() {
  if (!buffer_)
    return false;
  if (position_ >= target_) {
    const auto last = store_.events().last_arrival();
    if (!last)
      return last.error();
    target_ = *last; // what comes in while this is read waits for the round after
  }
  if (position_ >= target_)
    return false;
  const auto page = store_.events().read_arrivals(position_, page_events);
  if (!page)
    return page.error();
  for (const auto& one : *page)
    buffer_->add(one.what, one.arrival <= learnt_);
  position_ = page->empty() ? target_ : page->back().arrival; // the last ones may be erased
  probe_.buffered.set(static_cast<double>(buffer_->events()));
  return position_ < target_;
}

result<std::optional<run_round>> trainer_state::make_round() {
  if (buffer_->fresh_users() < options_.users_least)
    return std::nullopt;
  auto corpus = buffer_->take_round(options_.events_max, ++rounds_);
  if (!corpus)
    return std::nullopt; // those with new events have too few
  run_round made;
  made.parent = parent_;
  made.corpus = std::make_shared<model::sequence_corpus>(std::move(*corpus));
  made.learnt = learnt_;
  made.upto = position_;
  made.weight = weight_;
  return made;
}

result<std::optional<run_round>> trainer_state::make_first_round() {
  // Versions, and none of them active: somebody chose the signals alone.
  if (const auto directory = storage::snapshot_directory::open(
          {.root = options_.root, .create = false, .limits = {}})) {
    const auto versions = directory->list();
    if (!versions)
      return versions.error();
    if (!versions->empty())
      return std::nullopt;
  }
  const auto last = store_.events().last_arrival();
  if (!last)
    return last.error();
  if (*last < options_.first_events)
    return std::nullopt;
  run_round made;
  made.upto = *last;
  return made;
}

void trainer_state::take(const round_result& what) {
  probe_.rounds.add();
  probe_.before.set(what.before.ndcg);
  probe_.after.set(what.after.ndcg);
  probe_.seconds.observe(what.seconds);
  TROUPE_LOG(info, "trainer.round",
             "parent={} before={:.4f} after={:.4f} accepted={} weight={} seconds={:.1f}", version_,
             what.before.ndcg, what.after.ndcg, what.is_accepted, what.weight, what.seconds);
  learnt_ = what.upto;
  (what.is_accepted ? probe_.accepted : probe_.refused).add();
  if (!what.is_accepted && what.weight == weight_)
    return;
  auto files = to_files(*what.now, what.weight, version_, what.upto, time_.now());
  if (!files) {
    TROUPE_LOG(error, "trainer.not_published", "error=\"{}\"", files.error().context);
    return probe_.failed.add();
  }
  publish_snapshot ask;
  ask.only_after = version_;
  ask.facts = std::move(files->facts);
  if (const auto blend = slot_->load().blend)
    note_weights(blend->weights, ask.facts.metrics);
  ask.files = std::make_shared<const storage::snapshot_files>(std::move(files->files));
  self_->request(registry_, publish_timeout, std::move(ask))
      .then(
          [this, now = what.now, weight = what.weight](const snapshot_info& info) {
            // The buffer's rows are this version's: no need to begin it anew.
            version_ = info.version;
            weight_ = weight;
            parent_ = now;
          },
          [this](const caf::error& why) {
            probe_.failed.add();
            TROUPE_LOG(error, "trainer.not_published", "error=\"{}\"", to_failure(why).context);
          });
}

} // namespace troupe::actors
