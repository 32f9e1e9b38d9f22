#include "actors/checkpoint_keeper.hpp"

#include "base/log.hpp"

#include <chrono>
#include <string>
#include <utility>

namespace troupe::actors {

checkpoint_probe checkpoint_probe::make(metrics& where) {
  const std::string stem = "troupe_actors_checkpoint_keeper_";
  checkpoint_probe probe;
  probe.written = where.make_counter(stem + "written_total", "Checkpoints written.");
  probe.failed = where.make_counter(stem + "failed_total", "Checkpoints that failed.");
  probe.bytes = where.make_gauge(stem + "last_bytes", "Size of the last checkpoint.");
  probe.seconds = where.make_histogram(stem + "write_seconds", "Writing one checkpoint.",
                                       metrics::latency_buckets());
  return probe;
}

struct checkpoint_keeper_state::round {
  std::optional<caf::typed_response_promise<done>> answer;
  std::optional<failure> why;
  std::size_t open = 0;
};

checkpoint_keeper_state::checkpoint_keeper_state(handle::pointer self, storage::store& into,
                                                 const clock& time,
                                                 std::vector<item_shard_actor> shards,
                                                 blend_learner_actor blend,
                                                 std::vector<std::uint64_t> learned,
                                                 checkpoint_probe probe, options opts)
    : self_(self), into_(into), time_(time), shards_(std::move(shards)), blend_(std::move(blend)),
      written_(std::move(learned)), probe_(probe), options_(opts) {
  written_.resize(shards_.size() + 1);
}

checkpoint_keeper_state::handle::behavior_type checkpoint_keeper_state::make_behavior() {
  self_->delayed_send(self_, options_.interval, checkpoint_round{});
  return {
      [this](const write_checkpoints&) -> caf::result<done> {
        auto what = std::make_shared<round>();
        const auto answer = self_->make_response_promise<done>();
        what->answer = answer;
        look(1, what);
        return answer;
      },
      [this](const checkpoint_round&) {
        look(options_.events_min, std::make_shared<round>());
        self_->delayed_send(self_, options_.interval, checkpoint_round{});
      },
  };
}

void checkpoint_keeper_state::look(std::uint64_t events_min, const std::shared_ptr<round>& what) {
  what->open = shards_.size() + (blend_ ? 1 : 0);
  const auto consider = [this, what, events_min](const auto& whose, std::size_t place,
                                                 std::uint64_t learned) {
    if (learned >= written_[place] + events_min)
      write(whose, place, learned, what);
    else
      settle(what, std::nullopt);
  };
  const auto fail = [this, what](const caf::error& why) { settle(what, to_failure(why)); };
  for (std::size_t shard = 0; shard < shards_.size(); ++shard)
    self_->request(shards_[shard], options_.answer_timeout, read_slice_stats{})
        .then(
            [this, shard, consider](const model::slice_stats& now) {
              consider(shards_[shard], shard, now.learned_arrival);
            },
            fail);
  if (blend_)
    self_->request(blend_, options_.answer_timeout, read_blend_stats{})
        .then(
            [this, consider](const blend_stats& now) {
              consider(blend_, shards_.size(), now.learned_arrival);
            },
            fail);
}

template <class Handle>
void checkpoint_keeper_state::write(const Handle& whose, std::size_t place, std::uint64_t learned,
                                    const std::shared_ptr<round>& what) {
  self_->request(whose, options_.answer_timeout, make_checkpoint{})
      .then(
          [this, place, learned, what](const checkpoint_bytes& made) {
            const auto begin = time_.steady();
            const auto key = place < shards_.size() ? checkpoint_name(place, shards_.size())
                                                    : std::string{blend_checkpoint_name};
            auto saved = into_.models().save(key, *made.bytes);
            probe_.seconds.observe(std::chrono::duration<double>(time_.steady() - begin).count());
            if (!saved)
              return settle(what, saved.error());
            // It may hold more by now; written again a little too early at worst.
            written_[place] = learned;
            probe_.written.add();
            probe_.bytes.set(static_cast<double>(made.bytes->size()));
            settle(what, std::nullopt);
          },
          [this, what](const caf::error& why) { settle(what, to_failure(why)); });
}

void checkpoint_keeper_state::settle(const std::shared_ptr<round>& what,
                                     std::optional<failure> why) {
  if (why) {
    probe_.failed.add();
    TROUPE_LOG(warn, "checkpoint.failed", "error=\"{}\"", why->context);
    what->why = std::move(why);
  }
  if (--what->open > 0 || !what->answer)
    return;
  if (what->why)
    what->answer->deliver(to_error(*what->why));
  else
    what->answer->deliver(done{});
}

// -- replay ----------------------------------------------------------------------------------

namespace {

constexpr std::size_t replay_page_events = 1000;
constexpr std::chrono::seconds replay_answer_timeout{30};

} // namespace

log_replayer_state::log_replayer_state(handle::pointer self,
                                       std::shared_ptr<learning_replay> replay,
                                       std::vector<item_shard_actor> shards,
                                       blend_learner_actor blend, event_log_writer_actor log,
                                       std::shared_ptr<std::atomic<bool>> caught_up)
    : self_(self), replay_(std::move(replay)), shards_(std::move(shards)), blend_(std::move(blend)),
      log_(std::move(log)), caught_up_(std::move(caught_up)) {}

log_replayer_state::handle::behavior_type log_replayer_state::make_behavior() {
  self_->send(self_, replay_step{});
  return {[this](const replay_step&) { step(); }};
}

void log_replayer_state::step() {
  auto lessons = replay_->next(replay_page_events);
  if (!lessons) {
    TROUPE_LOG(error, "replay.failed", "position={} error=\"{}\"", replay_->position(),
               lessons.error().context);
    return self_->quit();
  }
  const auto all = std::make_shared<const replayed_lessons>(std::move(*lessons));
  for (const auto& shard : shards_)
    self_->send(shard, learn{{all, &all->seen}});
  if (blend_)
    self_->send(blend_, learn_blend{{all, &all->judged}, replay_->position()});
  if (replay_->at_end())
    return hand_over();
  // The answer comes behind the lesson: so at most one page waits in a shard's mailbox.
  auto open = std::make_shared<std::size_t>(shards_.size() + (blend_ ? 1 : 0));
  const auto settled = [this, open] {
    if (--*open == 0)
      self_->send(self_, replay_step{});
  };
  for (const auto& shard : shards_)
    self_->request(shard, replay_answer_timeout, shard_find{})
        .then([settled](const item_ptr&) { settled(); },
              [settled](const caf::error&) { settled(); });
  if (blend_)
    self_->request(blend_, replay_answer_timeout, read_blend_stats{})
        .then([settled](const blend_stats&) { settled(); },
              [settled](const caf::error&) { settled(); });
}

void log_replayer_state::hand_over() {
  self_->request(log_, no_timer, begin_teaching{replay_->position()})
      .then(
          [this](const teaching_begun& answer) {
            if (!answer.begun)
              return self_->send(self_, replay_step{});
            TROUPE_LOG(info, "replay.done", "position={}", replay_->position());
            *caught_up_ = true;
            self_->quit();
          },
          [this](const caf::error&) { self_->quit(); });
}

} // namespace troupe::actors
