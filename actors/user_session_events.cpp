#include "actors/profile_record.hpp"
#include "actors/user_session.hpp"

#include <algorithm>
#include <utility>

namespace troupe::actors {

bool user_session_state::answer_duplicate(event_key key, event_reply& reply) {
  std::optional<std::uint64_t> seq;
  if (flights_)
    for (auto& one : *flights_) {
      if (one.key != key)
        continue;
      if (!one.answered) {
        // The first copy still waits for the log: this one gets the same answer.
        if (one.replies.size() > context_->users.waiting_max) {
          context_->probe.refused_user.add();
          reply(failure{errc::overloaded, "too many copies of this event wait for the log"});
        } else {
          context_->probe.duplicates.add();
          one.replies.push_back(std::move(reply));
        }
        return true;
      }
      seq = one.what.seq;
    }
  if (!seq)
    seq = profile_.find_event(key);
  if (!seq)
    return false;
  context_->probe.duplicates.add();
  reply(ingest_ack{*seq, true});
  return true;
}

std::optional<shown_item> user_session_state::shown_in(const event& what) const {
  if (!context_->blend.learn || what.slate.empty() || what.type != impression_type || !desk_)
    return std::nullopt;
  const auto* shown = desk_->find_shown(slate_id{what.slate});
  return shown == nullptr ? std::nullopt : shown->find(what.item);
}

void user_session_state::take_in(event what, event_reply reply) {
  context_->probe.events.add();
  flight taken;
  taken.key = key_of(what.id);
  taken.what.shown = shown_in(what);
  taken.what.what = std::move(what);
  taken.what.seq = ++last_seq_;
  taken.what.received = context_->time->now();
  taken.due = now() + context_->traits_deadline();
  taken.replies.push_back(std::move(reply));
  append(taken, lesson_of(taken.what));
  ask_traits(taken);
  if (!flights_)
    flights_ = std::make_unique<std::vector<flight>>();
  flights_->push_back(std::move(taken));
}

std::shared_ptr<model::observation> user_session_state::lesson_of(const stored_event& what) {
  // What stands near an event are the user's events before it, also those that still wait for
  // their traits: `ahead_` has them folded without.
  const auto waits = [](const flight& one) { return !one.folded; };
  const bool behind = flights_ && std::any_of(flights_->begin(), flights_->end(), waits);
  if (!behind) {
    ahead_.reset();
  } else if (!ahead_) {
    ahead_ = std::make_unique<model::profile>(profile_);
    for (const auto& one : *flights_)
      if (waits(one))
        model::apply(*ahead_, one.what, {}, *context_->rules);
  }
  auto lesson = model::observe(behind ? *ahead_ : profile_, what.what, *context_->rules);
  if (behind)
    model::apply(*ahead_, what, {}, *context_->rules);
  return lesson ? std::make_shared<model::observation>(std::move(*lesson)) : nullptr;
}

void user_session_state::append(const flight& what, std::shared_ptr<model::observation> teaches) {
  auto judged =
      context_->blend.learn ? model::make_blend_lesson(what.what, *context_->rules) : std::nullopt;
  self_->request(context_->log, no_timer, append_event{what.what, std::move(teaches), judged})
      .then(
          [this, seq = what.what.seq](const appended&) {
            on_appended(seq);
            move_on();
          },
          [this, seq = what.what.seq](const caf::error& why) {
            on_append_failed(seq, to_failure(why));
            move_on();
          });
}

void user_session_state::ask_traits(const flight& what) {
  const auto item = key_of(what.what.what.item);
  const auto by = context_->serving().encoder;
  const auto version = by ? by->version() : 0;
  const auto settle = [this, seq = what.what.seq, key = what.key,
                       version](model::item_traits traits, std::vector<float> vector) {
    auto* one = find_flight(seq);
    if (one == nullptr || one->key != key || one->traits_here)
      return; // too late: folded without
    one->traits = std::move(traits);
    one->vector = std::move(vector);
    one->vector_version = version;
    one->traits_here = true;
    move_on();
  };
  // Past the queries that wait there: without the traits no event is folded, and a slate can be
  // late but an event not half known.
  self_
      ->request<caf::message_priority::high>(context_->shard_of_item(item), no_timer,
                                             read_traits{{item}, version})
      .then(
          [settle](traits_list& found) {
            settle(std::move(found.traits.front()),
                   found.vectors.empty() ? std::vector<float>{} : std::move(found.vectors.front()));
          },
          [settle](const caf::error&) { settle({}, {}); });
}

user_session_state::flight* user_session_state::find_flight(std::uint64_t seq) noexcept {
  if (!flights_ || flights_->empty() || seq < flights_->front().what.seq)
    return nullptr;
  const auto index = static_cast<std::size_t>(seq - flights_->front().what.seq);
  return index < flights_->size() ? &(*flights_)[index] : nullptr;
}

void user_session_state::on_appended(std::uint64_t seq) {
  auto* one = find_flight(seq);
  if (one == nullptr)
    return;
  one->answered = true;
  acked_seq_ = seq;
  bool duplicate = false;
  for (auto& reply : std::exchange(one->replies, {})) {
    reply(ingest_ack{seq, duplicate});
    duplicate = true;
  }
}

void user_session_state::on_append_failed(std::uint64_t seq, const failure& why) {
  if (phase_ == phase::awake)
    phase_ = phase::recovering;
  if (auto* one = find_flight(seq)) {
    one->answered = true;
    for (auto& reply : std::exchange(one->replies, {}))
      reply(why);
  }
}

void user_session_state::fold_ready() {
  if (!flights_)
    return;
  bool moved = false;
  for (auto& one : *flights_) {
    if (one.folded)
      continue;
    if (!one.traits_here)
      break;
    model::apply(profile_, one.what, one.traits, *context_->rules);
    one.folded = true;
    note_event(one);
    const auto meaning = context_->rules->meaning_of(one.what.what);
    moved =
        moved || meaning.affinity != 0 || meaning.sequence != 0 || meaning.history || meaning.seen;
  }
  // An event that means nothing to the profile (an impression) changes no slate.
  if (moved && desk_)
    for (auto& feed : desk_->feeds)
      feed.dirty = true;
}

void user_session_state::drop_settled() {
  if (!flights_)
    return;
  const auto first_open = std::find_if(flights_->begin(), flights_->end(), [](const flight& one) {
    return !(one.folded && one.answered);
  });
  flights_->erase(flights_->begin(), first_open);
  if (flights_->empty()) {
    flights_.reset();
    ahead_.reset();
  }
}

bool user_session_state::is_quiet() const noexcept {
  return !flights_ || std::all_of(flights_->begin(), flights_->end(), [](const flight& one) {
    return one.answered;
  });
}

void user_session_state::save_if_due() {
  // Only what the log has may go into a snapshot.
  if (saving_ || user_.empty() || acked_seq_ < profile_.seq()
      || profile_.seq() - saved_seq_ < context_->users.snapshot_events)
    return;
  saving_ = true;
  const auto seq = profile_.seq();
  self_
      ->request(context_->log, no_timer, save_profile{to_record(user_, profile_, *context_->rules)})
      .then(
          [this, seq](const done&) {
            saving_ = false;
            saved_seq_ = std::max(saved_seq_, seq);
            move_on();
          },
          [this](const caf::error&) {
            // Tried again after as many events more; until then the log is replayed.
            saving_ = false;
            saved_seq_ = profile_.seq();
            move_on();
          });
}

} // namespace troupe::actors
