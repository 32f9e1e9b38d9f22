#include "actors/user_directory.hpp"

#include "actors/user_session.hpp"
#include "base/log.hpp"

#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <caf/system_messages.hpp>

#include <string>
#include <utility>

namespace troupe::actors {

user_directory_probe user_directory_probe::make(metrics& where) {
  const std::string stem = "troupe_actors_user_directory_";
  const auto refused = [&](const char* bound) {
    return where.make_counter(stem + "refused_total", "Messages refused at a bound.",
                              {{"bound", bound}});
  };
  user_directory_probe probe;
  probe.live = where.make_gauge(stem + "live_sessions", "Live user sessions.");
  probe.subscribed =
      where.make_gauge(stem + "subscribed_sessions", "Live user sessions with connections.");
  probe.leaving =
      where.make_gauge(stem + "leaving_sessions", "User sessions on their way to sleep.");
  probe.anonymous =
      where.make_gauge(stem + "anonymous_requests", "Anonymous requests being answered.");
  probe.waiting =
      where.make_gauge(stem + "waiting_messages", "Messages held for users going to sleep.");
  probe.activations = where.make_counter(stem + "activations_total", "Users woken.");
  probe.passivations = where.make_counter(stem + "passivations_total", "Users put to sleep.");
  probe.crashes = where.make_counter(stem + "crashes_total", "Sessions that died.");
  probe.evictions = where.make_counter(stem + "evictions_total",
                                       "Sessions put to sleep because there were too many.");
  probe.erasures = where.make_counter(stem + "erasures_total", "Users erased.");
  probe.refused_waiting = refused("waiting");
  probe.refused_full = refused("sessions");
  probe.refused_anonymous = refused("anonymous");
  return probe;
}

// -- the order of use ------------------------------------------------------------------------

void user_directory_state::use_list::push_newest(entry& one) noexcept {
  one.older = newest;
  one.newer = nullptr;
  (newest != nullptr ? newest->newer : oldest) = &one;
  newest = &one;
}

void user_directory_state::use_list::remove(entry& one) noexcept {
  (one.older != nullptr ? one.older->newer : oldest) = one.newer;
  (one.newer != nullptr ? one.newer->older : newest) = one.older;
  one.older = one.newer = nullptr;
}

user_directory_state::use_list& user_directory_state::list_of(const entry& one) noexcept {
  return one.watched() ? watched_ : idle_;
}

// -- life ------------------------------------------------------------------------------------

user_directory_state::user_directory_state(handle::pointer self,
                                           std::shared_ptr<const session_context> context,
                                           user_directory_probe probe, options opts)
    : self_(self), context_(std::move(context)), probe_(probe), options_(opts) {}

user_directory_state::~user_directory_state() {
  const failure gone{errc::unavailable, "the node is shutting down"};
  for (auto& [user, one] : table_) {
    if (one.session)
      caf::anon_send_exit(one.session, caf::exit_reason::user_shutdown);
    refuse_waiting(one, gone);
  }
  for (auto& promise : drained_)
    promise.deliver(to_error(gone));
}

user_directory_state::handle::behavior_type user_directory_state::make_behavior() {
  self_->set_down_handler([this](caf::down_msg& what) { on_down(what); });
  self_->delayed_send(self_, context_->users.sweep_interval, sweep_sessions{});
  return {
      [this](ingest& what) { return route<ingest_ack>(what); },
      [this](record_impression& what) { return route<ingest_ack>(what); },
      [this](recommend& what) { return route<slate_ptr>(what); },
      [this](recommend_anonymous& what) { return serve_anonymous(what); },
      [this](subscribe& what) { return route<slate_ptr>(what); },
      [this](unsubscribe& what) -> caf::result<done> {
        if (find(what.user) == nullptr)
          return done{}; // asleep: nothing is subscribed
        return route<done>(what);
      },
      [this](read_profile& what) { return route<profile_view>(what); },
      [this](read_events& what) {
        // The log answers this alone; the user need not wake.
        return caf::result<event_page>{
            self_->delegate(context_->reader_of(what.user), std::move(what))};
      },
      [this](put_user& what) { return route<done>(what); },
      [this](erase_user& what) { return erase(what); },
      [this](const items_changed& what) { fan_out(what); },
      [this](const read_directory_stats&) {
        std::size_t subscribed = 0;
        for (auto* one = watched_.oldest; one != nullptr; one = one->newer)
          ++subscribed;
        return directory_stats{live_, subscribed, activations_, passivations_};
      },
      [this](const drain&) { return begin_drain(); },
      [this](const session_report& what) { on_report(what); },
      [this](const remind_at& what) { keep_reminder(what); },
      [this](const check_deadlines&) { remind(); },
      [this](const sweep_sessions&) {
        sweep();
        self_->delayed_send(self_, context_->users.sweep_interval, sweep_sessions{});
      },
  };
}

// -- routing ---------------------------------------------------------------------------------

user_directory_state::entry* user_directory_state::find(const user_id& user) {
  const auto found = table_.find(user);
  return found == table_.end() ? nullptr : &found->second;
}

namespace {

const user_id& user_of(const ingest& what) {
  return what.what.user;
}

template <class Message>
const user_id& user_of(const Message& what) {
  return what.user;
}

const failure shutting_down{errc::unavailable, "the node is shutting down"};

} // namespace

template <class Reply, class Message>
caf::result<Reply> user_directory_state::route(Message& what) {
  if (draining_)
    return to_error(shutting_down);
  auto* one = find(user_of(what));
  if (one == nullptr) {
    make_room();
    // Full of sessions with subscribers, or of ones that are still writing their snapshots.
    if (live_ >= options_.sessions_max + options_.leaving_max) {
      probe_.refused_full.add();
      return to_error({errc::overloaded, "too many users are awake"});
    }
    one = &activate(user_of(what));
  } else if (one->leaving) {
    return wait<Reply>(*one, what);
  } else {
    touch(*one);
  }
  expect<Message>(*one);
  return self_->delegate(one->session, std::move(what));
}

template <class Message>
void user_directory_state::expect(entry& whom) {
  if constexpr (std::is_same_v<Message, subscribe>) {
    watch(whom, whom.subscribers, whom.subscribing + 1);
  } else if constexpr (std::is_same_v<Message, erase_user>) {
    // The session ends when it has erased itself: until then it is as good as leaving.
    list_of(whom).remove(whom);
    whom.leaving = true;
    count_leaving(1);
    probe_.erasures.add();
  }
}

template <class Reply, class Message>
caf::result<Reply> user_directory_state::wait(entry& whom, Message& what) {
  if (!whom.waiting)
    whom.waiting = std::make_unique<std::deque<waiting_message>>();
  if (whom.waiting->size() >= context_->users.waiting_max) {
    probe_.refused_waiting.add();
    return to_error({errc::overloaded, "too many messages wait for this user"});
  }
  auto answer = self_->template make_response_promise<Reply>();
  probe_.waiting.add(1);
  whom.waiting->push_back(
      [this, &whom, answer, message = std::move(what)](const failure* refusal) mutable {
        if (refusal != nullptr)
          return void(answer.deliver(to_error(*refusal)));
        expect<Message>(whom);
        answer.delegate(whom.session, std::move(message));
      });
  return answer;
}

void user_directory_state::refuse_waiting(entry& one, const failure& why) {
  if (const auto waiting = std::exchange(one.waiting, nullptr)) {
    probe_.waiting.add(-static_cast<double>(waiting->size()));
    for (auto& message : *waiting)
      message(&why);
  }
}

void user_directory_state::count_leaving(int by) {
  leaving_ = by > 0 ? leaving_ + 1 : leaving_ - 1;
  probe_.leaving.add(by);
}

void user_directory_state::count_anonymous(int by) {
  anonymous_ = by > 0 ? anonymous_ + 1 : anonymous_ - 1;
  probe_.anonymous.add(by);
}

caf::result<slate_ptr> user_directory_state::serve_anonymous(recommend_anonymous& what) {
  if (draining_)
    return to_error(shutting_down);
  if (anonymous_ >= options_.anonymous_max) {
    probe_.refused_anonymous.add();
    return to_error({errc::overloaded, "too many anonymous requests"});
  }
  const auto transient =
      spawn_state<user_session_state>(self_->system(), user_id{}, context_, session_host_actor{});
  self_->monitor(transient);
  by_actor_.emplace(transient.id(), nullptr);
  count_anonymous(1);
  return self_->delegate(user_session_actor{transient}, std::move(what));
}

caf::result<done> user_directory_state::erase(erase_user& what) {
  if (find(what.user) != nullptr)
    return route<done>(what);
  if (draining_)
    return to_error(shutting_down);
  return erase_asleep(what);
}

caf::result<done> user_directory_state::erase_asleep(erase_user& what) {
  auto answer = self_->make_response_promise<done>();
  const auto [place, added] = table_.try_emplace(what.user);
  auto& one = place->second;
  one.user = &place->first;
  one.leaving = true;
  count_leaving(1);
  probe_.erasures.add();
  const auto settled = [this, &one] {
    count_leaving(-1);
    settle(one);
  };
  self_->request(context_->log, no_timer, erase_stored_user{what.user})
      .then(
          [answer, settled](const done&) mutable {
            answer.deliver(done{});
            settled();
          },
          [answer, settled](caf::error& why) mutable {
            answer.deliver(std::move(why));
            settled();
          });
  return answer;
}

void user_directory_state::fan_out(const items_changed& what) {
  for (auto* one = watched_.oldest; one != nullptr; one = one->newer)
    self_->send(one->session, what);
}

// -- waking and putting to sleep -------------------------------------------------------------

user_directory_state::entry& user_directory_state::activate(const user_id& user) {
  const auto [place, added] = table_.try_emplace(user);
  auto& one = place->second;
  one.user = &place->first;
  spawn_session(one);
  return one;
}

void user_directory_state::spawn_session(entry& one) {
  one.session = spawn_state<user_session_state>(self_->system(), *one.user, context_,
                                                session_host_actor{handle{self_}});
  self_->monitor(one.session);
  by_actor_.emplace(one.session.id(), &one);
  one.used = now();
  idle_.push_newest(one);
  ++live_;
  ++activations_;
  probe_.live.add(1);
  probe_.activations.add();
}

void user_directory_state::touch(entry& one) {
  one.used = now();
  auto& list = list_of(one);
  list.remove(one);
  list.push_newest(one);
}

void user_directory_state::watch(entry& one, std::uint32_t subscribers, std::uint32_t subscribing) {
  const bool was = one.watched();
  const bool listed = one.session && !one.leaving;
  if (listed)
    list_of(one).remove(one);
  one.subscribers = subscribers;
  one.subscribing = subscribing;
  if (listed)
    list_of(one).push_newest(one);
  if (was != one.watched())
    probe_.subscribed.add(was ? -1 : 1);
}

void user_directory_state::on_report(const session_report& what) {
  auto* one = find(what.user);
  if (one == nullptr || !one->session)
    return;
  const auto handled = std::min(what.handled, one->subscribing);
  watch(*one, static_cast<std::uint32_t>(what.subscribers), one->subscribing - handled);
}

void user_directory_state::keep_reminder(const remind_at& what) {
  auto due = what.due;
  if (const auto past = due.time_since_epoch() % reminder_step; past.count() > 0)
    due += reminder_step - past;
  reminders_[due].push_back(what.whom);
  arm_reminders();
}

void user_directory_state::remind() {
  reminder_due_ = time_point::max();
  const auto time = now();
  while (!reminders_.empty() && reminders_.begin()->first <= time) {
    for (const auto& whom : reminders_.begin()->second)
      self_->send(whom, check_deadlines{});
    reminders_.erase(reminders_.begin());
  }
  arm_reminders();
}

void user_directory_state::arm_reminders() {
  if (reminders_.empty() || reminders_.begin()->first >= reminder_due_)
    return;
  reminder_due_ = reminders_.begin()->first;
  self_->scheduled_send(self_, reminder_due_, check_deadlines{});
}

void user_directory_state::put_to_sleep(entry& one) {
  list_of(one).remove(one);
  one.leaving = true;
  count_leaving(1);
  self_->send<caf::message_priority::high>(one.session, passivate{});
}

void user_directory_state::make_room() {
  if (live_ - std::min(live_, leaving_) < options_.sessions_max || leaving_ >= options_.leaving_max)
    return;
  auto* oldest = idle_.oldest != nullptr ? idle_.oldest : watched_.oldest;
  if (oldest == nullptr)
    return;
  probe_.evictions.add();
  put_to_sleep(*oldest);
}

void user_directory_state::sweep() {
  const auto limit = now() - context_->users.idle_timeout;
  while (idle_.oldest != nullptr && idle_.oldest->used <= limit && leaving_ < options_.leaving_max)
    put_to_sleep(*idle_.oldest);
}

void user_directory_state::on_down(const caf::down_msg& what) {
  const auto found = by_actor_.find(what.source.id());
  if (found == by_actor_.end())
    return;
  auto* one = found->second;
  by_actor_.erase(found);
  if (one == nullptr) {
    count_anonymous(-1);
    return continue_drain();
  }
  --live_;
  probe_.live.add(-1);
  if (what.reason) {
    probe_.crashes.add();
    TROUPE_LOG(error, "session.died", "user={} reason=\"{}\"", log_hash(one->user->value),
               to_failure(what.reason).context);
  } else {
    ++passivations_;
    probe_.passivations.add();
  }
  if (one->leaving)
    count_leaving(-1);
  else
    list_of(*one).remove(*one);
  if (one->watched())
    probe_.subscribed.add(-1);
  one->subscribers = one->subscribing = 0;
  one->session = nullptr;
  settle(*one);
}

void user_directory_state::settle(entry& one) {
  if (draining_)
    refuse_waiting(one, shutting_down);
  if (const auto waiting = std::exchange(one.waiting, nullptr)) {
    one.leaving = false;
    spawn_session(one);
    // An erasure among them makes the session leave again: what is behind it waits once more.
    while (!waiting->empty() && !one.leaving) {
      auto next = std::move(waiting->front());
      waiting->pop_front();
      probe_.waiting.add(-1);
      next(nullptr);
    }
    if (!waiting->empty())
      one.waiting = std::make_unique<std::deque<waiting_message>>(std::move(*waiting));
  } else {
    table_.erase(table_.find(*one.user));
  }
  continue_drain();
}

// -- the end ---------------------------------------------------------------------------------

caf::result<done> user_directory_state::begin_drain() {
  draining_ = true;
  auto answer = self_->make_response_promise<done>();
  drained_.push_back(answer);
  for (auto& [user, one] : table_)
    refuse_waiting(one, shutting_down);
  continue_drain();
  return answer;
}

void user_directory_state::continue_drain() {
  if (!draining_)
    return;
  for (auto* list : {&idle_, &watched_})
    while (list->oldest != nullptr && leaving_ < options_.leaving_max)
      put_to_sleep(*list->oldest);
  if (!table_.empty() || anonymous_ > 0)
    return;
  for (auto& promise : std::exchange(drained_, {}))
    promise.deliver(done{});
}

} // namespace troupe::actors
