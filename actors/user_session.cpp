#include "actors/user_session.hpp"

#include "actors/profile_record.hpp"
#include "base/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace troupe::actors {

user_session_state::user_session_state(handle::pointer self, user_id user,
                                       std::shared_ptr<const session_context> context,
                                       session_host_actor host)
    : self_(self), context_(std::move(context)), host_(std::move(host)), user_(std::move(user)) {}

user_session_state::~user_session_state() {
  // CAF 0.17 answers nobody for a promise that is dropped: who still waits hears it from here.
  const failure gone{errc::unavailable, "the user's session ended, try again"};
  refuse_waiting(gone);
  if (flights_)
    for (auto& one : *flights_)
      for (auto& reply : one.replies)
        reply(gone);
  if (erased_)
    erased_->deliver(to_error(gone));
  end_jobs(gone);
  end_feeds(errc::unavailable);
}

user_session_state::handle::behavior_type user_session_state::make_behavior() {
  using self = user_session_state;
  if (user_.empty())
    phase_ = phase::awake;
  else
    wake(false);
  // One set for all sessions; which of them has its turn, the handlers ask.
  constexpr auto me = &turn_of<self>::current;
  static const handle::behavior_type handlers{
      [](ingest& what) { return me().enter<ingest_ack>(what, &self::take); },
      [](record_impression& what) { return me().enter<ingest_ack>(what, &self::impress); },
      [](recommend& what) { return me().enter<slate_ptr>(what, &self::answer); },
      [](recommend_anonymous& what) {
        return me().enter<slate_ptr>(what, &self::answer_anonymous);
      },
      [](subscribe& what) { return me().enter<slate_ptr>(what, &self::add_subscriber); },
      [](unsubscribe& what) { return me().enter<done>(what, &self::remove_subscriber); },
      [](read_profile& what) { return me().enter<profile_view>(what, &self::show); },
      [](put_user& what) { return me().enter<done>(what, &self::put); },
      [](erase_user& what) { return me().enter<done>(what, &self::erase); },
      [](const items_changed& what) { me().on_items_changed(what); },
      [](const passivate&) { me().self_->send(me().self_, leave_now{}); },
      [](const check_deadlines&) { me().on_deadline(); },
      [](const leave_now&) {
        me().leave_asked_ = true;
        me().move_on();
      },
  };
  return handlers;
}

// -- doors -----------------------------------------------------------------------------------

template <class Reply, class Message>
caf::result<Reply>
user_session_state::enter(Message& what,
                          void (user_session_state::*handle_it)(Message&, promise<Reply>)) {
  auto answer = self_->template make_response_promise<Reply>();
  if (phase_ == phase::awake) {
    (this->*handle_it)(what, answer);
    move_on();
    return answer;
  }
  if (phase_ == phase::leaving || phase_ == phase::erasing) {
    answer.deliver(to_error({errc::unavailable, "the user's session is ending, try again"}));
    return answer;
  }
  if (!waiting_)
    waiting_ = std::make_unique<std::deque<waiting_message>>();
  if (waiting_->size() >= context_->users.waiting_max) {
    context_->probe.refused_waiting.add();
    answer.deliver(to_error({errc::overloaded, "too many messages wait for this user"}));
    return answer;
  }
  context_->probe.waiting.add(1);
  waiting_->push_back(
      [this, handle_it, message = std::move(what), answer](const failure* refusal) mutable {
        if (refusal != nullptr)
          answer.deliver(to_error(*refusal));
        else
          (this->*handle_it)(message, answer);
      });
  return answer;
}

void user_session_state::run_waiting() {
  while (waiting_ && !waiting_->empty() && phase_ == phase::awake) {
    auto next = std::move(waiting_->front());
    waiting_->pop_front();
    context_->probe.waiting.add(-1);
    next(nullptr);
  }
  if (waiting_ && waiting_->empty())
    waiting_.reset();
}

void user_session_state::refuse_waiting(const failure& why) {
  if (const auto waiting = std::exchange(waiting_, nullptr)) {
    context_->probe.waiting.add(-static_cast<double>(waiting->size()));
    for (auto& one : *waiting)
      one(&why);
  }
}

void user_session_state::take(ingest& what, promise<ingest_ack> answer) {
  event_reply reply = [answer](const result<ingest_ack>& outcome) mutable {
    if (outcome)
      answer.deliver(*outcome);
    else
      answer.deliver(to_error(outcome.error()));
  };
  if (answer_duplicate(key_of(what.what.id), reply))
    return;
  if (flights_ && flights_->size() >= context_->users.writes_pending_max) {
    context_->probe.refused_user.add();
    return reply(failure{errc::overloaded, "too many events of this user wait for the log"});
  }
  if (!context_->credit->try_take()) {
    context_->probe.refused_node.add();
    return reply(failure{errc::overloaded, "too many events wait for the log"});
  }
  take_in(std::move(what.what), std::move(reply));
}

namespace {

/// Events of one record_impression that are not answered yet.
struct impression_batch {
  caf::typed_response_promise<ingest_ack> answer;
  std::size_t open = 0;
  ingest_ack last{0, true};
  std::optional<failure> why;
};

} // namespace

void user_session_state::impress(record_impression& what, promise<ingest_ack> answer) {
  const auto* shown = desk_ ? desk_->find_shown(what.slate) : nullptr;
  if (shown == nullptr)
    return void(
        answer.deliver(to_error({errc::not_found, "slate: not one of this user's last slates"})));
  for (const auto position : what.positions)
    if (position >= shown->items.size())
      return void(answer.deliver(to_error(
          {errc::invalid_argument, fmt::format("positions: {} is not in the slate of {} items",
                                               position, shown->items.size())})));
  if (what.positions.empty())
    return void(answer.deliver(to_error({errc::invalid_argument, "positions: empty"})));
  // The batch counts as one: a slate's positions may exceed what is left of the user's bound.
  if (flights_ && flights_->size() >= context_->users.writes_pending_max) {
    context_->probe.refused_user.add();
    return void(answer.deliver(
        to_error({errc::overloaded, "too many events of this user wait for the log"})));
  }
  auto batch = std::make_shared<impression_batch>();
  batch->answer = answer;
  batch->open = what.positions.size();
  const event_reply reply = [batch](const result<ingest_ack>& outcome) {
    if (outcome) {
      batch->last.seq = std::max(batch->last.seq, outcome->seq);
      batch->last.duplicate = batch->last.duplicate && outcome->duplicate;
    } else if (!batch->why) {
      batch->why = outcome.error();
    }
    if (--batch->open > 0)
      return;
    if (batch->why)
      batch->answer.deliver(to_error(*batch->why));
    else
      batch->answer.deliver(batch->last);
  };
  const auto time = context_->time->now();
  for (const auto position : what.positions) {
    event seen;
    seen.id = event_id{fmt::format("{}#{}", what.slate.value, position)};
    seen.user = user_;
    seen.item = shown->items[position]->id;
    seen.type = impression_type;
    seen.time = time;
    seen.slate = what.slate.value;
    auto one = reply;
    if (answer_duplicate(key_of(seen.id), one))
      continue;
    if (context_->credit->try_take()) {
      take_in(std::move(seen), std::move(one));
    } else {
      context_->probe.refused_node.add();
      one(failure{errc::overloaded, "too many events wait for the log"});
    }
  }
}

void user_session_state::show(read_profile&, promise<profile_view> answer) {
  if (profile_.seq() == 0 && !registered_)
    return void(answer.deliver(to_error({errc::not_found, "no user has this id"})));
  profile_view view;
  view.user = user_;
  view.seq = profile_.seq();
  for (auto& [label, weight] : profile_.affinities(context_->time->now(), *context_->rules))
    view.affinities.emplace_back(std::move(label), weight);
  for (auto& [type, events] : profile_.counts())
    view.counts.emplace_back(std::move(type), events);
  view.history.reserve(profile_.history_size());
  for (std::size_t back = 0; back < profile_.history_size(); ++back) {
    const auto entry = profile_.history(back);
    stored_event shown;
    shown.what.user = user_;
    shown.what.item = item_id{entry.item};
    shown.what.type = std::string{entry.type};
    shown.what.value = entry.value;
    shown.what.time = entry.time;
    view.history.push_back(std::move(shown));
  }
  view.seen = profile_.seen().size();
  view.first_event = profile_.first_event();
  view.last_event = profile_.last_event();
  if (properties_)
    view.properties = *properties_;
  answer.deliver(std::move(view));
}

void user_session_state::put(put_user& what, promise<done> answer) {
  save_user saved{{user_, what.properties, context_->time->now()}};
  self_->request(context_->log, no_timer, std::move(saved))
      .then(
          [this, answer, properties = std::move(what.properties)](const done&) mutable {
            registered_ = true;
            properties_.reset();
            if (!properties.empty())
              properties_ =
                  std::make_unique<std::map<std::string, property_value>>(std::move(properties));
            answer.deliver(done{});
          },
          [answer](caf::error& why) mutable { answer.deliver(std::move(why)); });
}

void user_session_state::erase(erase_user&, promise<done> answer) {
  phase_ = phase::erasing;
  erased_ = std::make_unique<promise<done>>(std::move(answer));
  const failure erased{errc::not_found, "the user was erased"};
  end_jobs(erased);
  end_feeds(errc::not_found);
  refuse_waiting(erased);
}

// -- time and the end ------------------------------------------------------------------------

void user_session_state::move_on() {
  if (phase_ == phase::recovering && is_quiet())
    recover();
  if (phase_ == phase::erasing && is_quiet())
    return finish_erasure();
  if (phase_ != phase::awake)
    return;
  fold_ready();
  drop_settled();
  release_held();
  start_ready();
  save_if_due();
  arm_next();
  if (leave_asked_)
    leave();
}

void user_session_state::on_deadline() {
  timer_due_ = time_point::max();
  const auto time = now();
  if (tail_ && tail_->due <= time)
    on_gathered();
  if (flights_)
    for (auto& one : *flights_)
      if (!one.traits_here && one.due <= time) {
        context_->probe.traits_late.add();
        one.traits_here = true;
      }
  if (track_ && track_->at != sequence_track::stage::ready && track_->due <= time)
    track_->is_late = true;
  if (desk_)
    for (auto& job : desk_->jobs)
      if (job.at == slate_job::stage::scattered && job.due <= time)
        finish(job);
  move_on();
  arm_next();
}

void user_session_state::arm(time_point due) {
  if (due >= timer_due_)
    return;
  timer_due_ = due;
  if (host_)
    self_->send(host_, remind_at{due, handle{self_}});
  else
    self_->scheduled_send(self_, due, check_deadlines{});
}

void user_session_state::arm_next() {
  auto next = time_point::max();
  if (tail_)
    next = tail_->due;
  if (flights_)
    for (const auto& one : *flights_)
      if (!one.traits_here)
        next = std::min(next, one.due);
  if (track_ && track_->at != sequence_track::stage::ready && !track_->is_late)
    next = std::min(next, track_->due);
  if (desk_) {
    for (const auto& job : desk_->jobs)
      if (job.at == slate_job::stage::scattered)
        next = std::min(next, job.due);
    for (const auto& feed : desk_->feeds)
      if (feed.dirty && feed.computing == 0 && feed.not_before > now())
        next = std::min(next, feed.not_before);
  }
  if (next != time_point::max())
    arm(next);
}

void user_session_state::recover() {
  context_->probe.recoveries.add();
  TROUPE_LOG(warn, "session.recovering", "user={} acked={}", log_hash(user_.value), acked_seq_);
  flights_.reset();
  ahead_.reset();
  track_.reset();
  received_ = {};
  profile_ = model::profile{};
  restart_slates();
  phase_ = phase::waking;
  wake(false);
}

void user_session_state::finish_erasure() {
  phase_ = phase::leaving;
  flights_.reset();
  const auto end = [this] {
    std::exchange(erased_, nullptr)->deliver(done{});
    self_->quit();
  };
  self_->request(context_->log, no_timer, erase_stored_user{user_})
      .then(
          [this, end](const done&) {
            if (!context_->trainer)
              return end();
            self_->request(context_->trainer, no_timer, forget_user{user_})
                .then([end](const done&) { end(); },
                      [end](const caf::error&) { end(); }); // it is gone, and its buffer with it
          },
          [this](caf::error& why) {
            std::exchange(erased_, nullptr)->deliver(std::move(why));
            self_->quit();
          });
}

void user_session_state::leave() {
  end_feeds(errc::unavailable);
  const bool busy = flights_ || waiting_ || saving_ || (desk_ && !desk_->jobs.empty());
  if (busy || phase_ != phase::awake)
    return;
  phase_ = phase::leaving;
  if (user_.empty() || profile_.seq() == saved_seq_)
    return self_->quit();
  const auto quit = [this] { self_->quit(); };
  self_
      ->request(context_->log, no_timer, save_profile{to_record(user_, profile_, *context_->rules)})
      // A snapshot that cannot be written loses nothing: the log has it all.
      .then([quit](const done&) { quit(); }, [quit](const caf::error&) { quit(); });
}

} // namespace troupe::actors
