#include "actors/event_log_writer.hpp"

#include "actors/item_patch.hpp"
#include "base/log.hpp"

#include <chrono>
#include <cstdlib>
#include <utility>

namespace troupe::actors {

namespace {

/// Users remembered with a failed append. When so many more have failed, everything the oldest
/// one had on its way was answered long ago.
constexpr std::size_t broken_max = 65'536;

/// What one commit teaches.
struct batch_lessons {
  std::vector<model::observation> seen;
  std::vector<model::blend_lesson> judged;
  std::size_t events = 0; ///< that teach something
};

void end_process(const failure& why) {
  TROUPE_LOG(error, "event_log.failed", "error=\"{}\" action=abort", why.context);
  std::abort();
}

} // namespace

event_log_writer_probe event_log_writer_probe::make(metrics& where) {
  const std::string stem = "troupe_actors_event_log_writer_";
  event_log_writer_probe probe;
  probe.batch_events = where.make_histogram(stem + "batch_events", "Events that shared one commit.",
                                            {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024});
  probe.sync_seconds =
      where.make_histogram(stem + "sync_seconds", "One commit of the event log, fsync included.",
                           metrics::latency_buckets());
  probe.committed = where.make_counter(stem + "events_total", "Events committed.");
  probe.failed_commits =
      where.make_counter(stem + "failed_commits_total", "Batches the store refused.");
  probe.refused = where.make_counter(stem + "refused_total",
                                     "Events refused behind a failed one of the same user.");
  probe.saved_snapshots =
      where.make_counter(stem + "profile_snapshots_total", "Profile snapshots written.");
  return probe;
}

event_log_writer_state::event_log_writer_state(handle::pointer self, storage::store& into,
                                               const clock& time,
                                               std::vector<item_shard_actor> shards,
                                               blend_learner_actor blend,
                                               std::shared_ptr<write_credit> credit,
                                               event_log_writer_probe probe, options opts)
    : self_(self), into_(into), time_(time), shards_(std::move(shards)), blend_(std::move(blend)),
      credit_(std::move(credit)), probe_(probe), options_(std::move(opts)) {
  if (!options_.on_fatal)
    options_.on_fatal = end_process;
  if (auto last = into_.events().last_arrival())
    last_arrival_ = *last;
  else
    options_.on_fatal(last.error());
}

event_log_writer_state::handle::behavior_type event_log_writer_state::make_behavior() {
  return {
      [this](append_event& what) { return append(what); },
      [this](save_profile& what) { return keep_profile(what); },
      [this](const save_user& what) -> caf::result<done> {
        if (auto saved = into_.profiles().save_user(what.what, options_.how); !saved)
          return to_error(saved.error());
        return done{};
      },
      [this](write_items& what) { return write(what); },
      [this](const write_patch& what) { return patch(what); },
      [this](const erase_item& what) { return remove(what); },
      [this](const erase_stored_user& what) { return erase(what); },
      [this](const begin_teaching& what) { return begin(what); },
      [this](const drain&) -> caf::result<done> {
        flush();
        if (auto synced = into_.sync(); !synced)
          return to_error(synced.error());
        return done{};
      },
      [this](const flush_batch&) {
        flush_on_its_way_ = false;
        flush();
      },
  };
}

caf::result<appended> event_log_writer_state::append(append_event& what) {
  if (const auto broken = broken_.find(what.what.what.user); broken != broken_.end()) {
    if (broken->second != what.what.seq) {
      credit_->give_back(1);
      probe_.refused.add();
      return to_error({errc::unavailable, "an earlier event of this user could not be written"});
    }
    broken_.erase(broken);
  }
  auto promise = self_->make_response_promise<appended>();
  batch_.push_back(std::move(what.what));
  teaches_.push_back(std::move(what.teaches));
  judged_.push_back(what.judged);
  waiting_.push_back(promise);
  if (batch_.size() >= options_.batch_max)
    flush();
  else
    ask_flush();
  return promise;
}

caf::result<done> event_log_writer_state::keep_profile(save_profile& what) {
  auto promise = self_->make_response_promise<done>();
  profiles_.push_back(std::move(what.what));
  profiles_waiting_.push_back(promise);
  if (profiles_.size() >= options_.batch_max)
    commit_profiles();
  else
    ask_flush();
  return promise;
}

void event_log_writer_state::ask_flush() {
  if (flush_on_its_way_)
    return;
  flush_on_its_way_ = true;
  self_->send(self_, flush_batch{});
}

void event_log_writer_state::flush() {
  if (!batch_.empty())
    commit_events();
  if (!profiles_.empty())
    commit_profiles();
}

void event_log_writer_state::commit_events() {
  const auto begin = time_.steady();
  auto written = into_.events().append(batch_, options_.how);
  probe_.sync_seconds.observe(std::chrono::duration<double>(time_.steady() - begin).count());
  probe_.batch_events.observe(static_cast<double>(batch_.size()));
  auto unlearnt = batch_.size();
  if (written) {
    last_arrival_ = batch_.back().arrival;
    probe_.committed.add(static_cast<double>(batch_.size()));
    answer_all();
    unlearnt = teach();
  } else {
    probe_.failed_commits.add();
    const auto code = written.error().code;
    if (code != errc::out_of_space && code != errc::unavailable)
      options_.on_fatal(written.error());
    refuse_all(written.error());
  }
  credit_->give_back(unlearnt);
  batch_.clear();
  teaches_.clear();
  judged_.clear();
  waiting_.clear();
}

void event_log_writer_state::answer_all() {
  for (std::size_t i = 0; i < batch_.size(); ++i)
    waiting_[i].deliver(appended{batch_[i].arrival});
}

void event_log_writer_state::refuse_all(const failure& why) {
  TROUPE_LOG(warn, "event_log.append_refused", "events={} error=\"{}\"", batch_.size(),
             why.context);
  for (std::size_t i = 0; i < batch_.size(); ++i) {
    const auto& lost = batch_[i];
    // The first lost number of a user counts: the later ones of the batch came behind it.
    if (broken_.try_emplace(lost.what.user, lost.seq).second)
      broken_order_.push_back(lost.what.user);
    waiting_[i].deliver(to_error(why));
  }
  while (broken_order_.size() > broken_max) {
    broken_.erase(broken_order_.front());
    broken_order_.pop_front();
  }
}

std::size_t event_log_writer_state::teach() {
  if (!options_.teaching)
    return batch_.size();
  auto made = std::make_unique<batch_lessons>();
  made->seen.reserve(batch_.size());
  for (std::size_t i = 0; i < batch_.size(); ++i) {
    if (teaches_[i]) {
      teaches_[i]->arrival = batch_[i].arrival;
      made->seen.push_back(std::move(*teaches_[i]));
    }
    if (judged_[i] && blend_) {
      judged_[i]->arrival = batch_[i].arrival;
      made->judged.push_back(*judged_[i]);
    }
    made->events += teaches_[i] || (judged_[i] && blend_) ? 1U : 0U;
  }
  const auto unlearnt = batch_.size() - made->events;
  // The last one that lets go of the lessons gives their credit back.
  const std::shared_ptr<const batch_lessons> all{made.release(),
                                                 [credit = credit_](const batch_lessons* done) {
                                                   credit->give_back(done->events);
                                                   delete done;
                                                 }};
  if (!all->seen.empty())
    for (const auto& shard : shards_)
      self_->send(shard, learn{{all, &all->seen}});
  if (blend_)
    self_->send(blend_, learn_blend{{all, &all->judged}, last_arrival_});
  return unlearnt;
}

void event_log_writer_state::commit_profiles() {
  auto saved = into_.profiles().save(profiles_);
  if (saved)
    probe_.saved_snapshots.add(static_cast<double>(profiles_.size()));
  else
    TROUPE_LOG(warn, "profiles.save_failed", "profiles={} error=\"{}\"", profiles_.size(),
               saved.error().context);
  for (auto& promise : profiles_waiting_) {
    if (saved)
      promise.deliver(done{});
    else
      promise.deliver(to_error(saved.error()));
  }
  profiles_.clear();
  profiles_waiting_.clear();
}

caf::result<written_items> event_log_writer_state::write(write_items& what) {
  for (auto& record : what.items) {
    record.updated = what.now;
    if (record.created != timestamp{})
      continue;
    auto present = into_.items().get(record.id);
    if (!present)
      return to_error(present.error());
    record.created = *present ? (*present)->created : what.now;
  }
  if (auto put = into_.items().put(what.items, options_.how); !put)
    return to_error(put.error());
  written_items out;
  out.items.reserve(what.items.size());
  for (auto& record : what.items)
    out.items.push_back(std::make_shared<const item>(std::move(record)));
  return out;
}

caf::result<item_ptr> event_log_writer_state::patch(const write_patch& what) {
  auto present = into_.items().get(what.what.id);
  if (!present)
    return to_error(present.error());
  if (!*present)
    return to_error({errc::not_found, "no item has this id"});
  auto changed = apply_patch(std::move(**present), what.what, what.now);
  if (!changed)
    return to_error(changed.error());
  if (auto put = into_.items().put(std::span{&*changed, 1}, options_.how); !put)
    return to_error(put.error());
  return item_ptr{std::make_shared<const item>(std::move(*changed))};
}

caf::result<done> event_log_writer_state::remove(const erase_item& what) {
  auto erased = into_.items().erase(what.id, options_.how);
  if (!erased)
    return to_error(erased.error());
  if (!*erased)
    return to_error({errc::not_found, "no item has this id"});
  return done{};
}

caf::result<done> event_log_writer_state::erase(const erase_stored_user& what) {
  flush(); // what waits may be the user's own
  // The profile first: a kill in between must not leave one that is ahead of its log.
  if (auto erased = into_.profiles().erase(what.user); !erased)
    return to_error(erased.error());
  if (auto erased = into_.events().erase_user(what.user); !erased)
    return to_error(erased.error());
  broken_.erase(what.user);
  return done{};
}

teaching_begun event_log_writer_state::begin(const begin_teaching& what) {
  // What gathers but is not committed yet will be taught with its own commit.
  if (what.after == last_arrival_)
    options_.teaching = true;
  return {options_.teaching, last_arrival_};
}

} // namespace troupe::actors
