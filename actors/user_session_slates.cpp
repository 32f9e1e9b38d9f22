#include "actors/user_session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace troupe::actors {

slate_desk& user_session_state::desk() {
  if (!desk_)
    desk_ = std::make_unique<slate_desk>();
  return *desk_;
}

// -- requests --------------------------------------------------------------------------------

void user_session_state::answer(recommend& what, promise<slate_ptr> answer) {
  queue_job(what.how, std::move(answer));
}

void user_session_state::queue_job(const slate_request& how, promise<slate_ptr> answer) {
  auto plan = make_plan(how, context_->slates, context_->blend, context_->signals);
  if (!plan)
    return void(answer.deliver(to_error(plan.error())));
  if (desk().jobs.size() >= context_->users.waiting_max) {
    context_->probe.refused_waiting.add();
    return void(answer.deliver(
        to_error({errc::overloaded, "too many slates of this user are waited for"})));
  }
  slate_job job;
  job.token = ++desk_->numbers;
  job.plan = std::make_shared<const slate_plan>(std::move(*plan));
  job.answer = std::move(answer);
  job.need_seq = acked_seq_;
  desk_->jobs.push_back(std::move(job));
}

void user_session_state::answer_anonymous(recommend_anonymous& what, promise<slate_ptr> answer) {
  if (!user_.empty())
    return void(answer.deliver(
        to_error({errc::internal, "an anonymous request came to a user's session"})));
  if (what.history.size() > context_->users.history_max)
    return void(answer.deliver(to_error(
        {errc::invalid_argument, fmt::format("history: at most {} events, got {}",
                                             context_->users.history_max, what.history.size())})));
  // Folded like a log's tail; the slate is asked for when that is done.
  std::vector<stored_event> history;
  history.reserve(what.history.size());
  for (auto& one : what.history) {
    auto& numbered = history.emplace_back();
    numbered.what = std::move(one);
    numbered.seq = history.size();
  }
  leave_asked_ = true;
  phase_ = phase::waking;
  woken_ = now();
  if (!waiting_)
    waiting_ = std::make_unique<std::deque<waiting_message>>();
  context_->probe.waiting.add(1);
  waiting_->push_front([this, how = std::move(what.how), answer](const failure* refusal) mutable {
    if (refusal != nullptr)
      answer.deliver(to_error(*refusal));
    else
      queue_job(how, answer);
  });
  gather(std::move(history), false, {});
}

void user_session_state::add_subscriber(subscribe& what, promise<slate_ptr> answer) {
  const auto refuse = [&](const failure& why) {
    answer.deliver(to_error(why));
    report(1);
  };
  auto plan = make_plan(what.how, context_->slates, context_->blend, context_->signals);
  if (!plan)
    return refuse(plan.error());
  desk().take_off(what.connection, what.how.surface);
  if (desk_->subscribers() >= context_->users.subscribers_max) {
    context_->probe.refused_subscribers.add();
    return refuse({errc::overloaded, fmt::format("at most {} connections of one user",
                                                 context_->users.subscribers_max)});
  }
  auto& feed = desk_->feed_of(what.how, *plan);
  if (desk_->surfaces() > context_->users.surfaces_max) {
    context_->probe.refused_surfaces.add();
    std::erase_if(desk_->feeds, [](const slate_feed& one) { return one.subscribers.empty(); });
    return refuse({errc::overloaded,
                   fmt::format("at most {} surfaces of one user", context_->users.surfaces_max)});
  }
  feed.subscribers.push_back(
      {what.connection, what.sink, std::move(answer), acked_seq_, std::move(what.has)});
  feed.dirty = true;
  report(1);
}

void user_session_state::remove_subscriber(unsubscribe& what, promise<done> answer) {
  if (desk_)
    desk_->take_off(what.connection, what.surface);
  answer.deliver(done{});
  report(0);
}

void user_session_state::report(std::uint32_t handled) {
  if (host_)
    self_->send(host_, session_report{user_, desk_ ? desk_->subscribers() : 0, handled});
}

void user_session_state::on_items_changed(const items_changed& what) {
  if (!desk_)
    return;
  const auto changed = [&](item_key key) {
    return std::binary_search(what.keys->begin(), what.keys->end(), key);
  };
  for (auto& feed : desk_->feeds)
    // One that is being computed may have been answered before the change.
    if (feed.computing != 0 || feed.held
        || std::any_of(feed.current.begin(), feed.current.end(), changed))
      feed.dirty = true;
  bool refold = false;
  for (std::size_t back = 0; back < profile_.history_size() && !refold; ++back)
    if (const auto entry = profile_.history(back); !entry.traits_known)
      refold = changed(entry.key);
  // What the user did with an item that was unknown until now begins to count.
  if (refold && phase_ == phase::awake && !flights_ && !leave_asked_) {
    restart_slates();
    track_.reset();
    phase_ = phase::waking;
    refolded_ = true;
    wake(true);
    return;
  }
  move_on();
}

// -- computing -------------------------------------------------------------------------------

void user_session_state::start_ready() {
  if (!desk_)
    return;
  for (auto& feed : desk_->feeds) {
    if (!feed.dirty || feed.computing != 0 || feed.not_before > now())
      continue;
    std::uint64_t need = 0;
    for (const auto& one : feed.subscribers)
      if (one.first.pending())
        need = std::max(need, one.need_seq);
    if (profile_.seq() < need)
      continue;
    slate_job job;
    job.token = ++desk_->numbers;
    job.plan = feed.plan;
    job.feed = feed.number;
    feed.dirty = false;
    feed.computing = job.token;
    desk_->jobs.push_back(std::move(job));
  }
  const auto is_next = [this](const slate_job& job) {
    return job.at == slate_job::stage::queued && profile_.seq() >= job.need_seq;
  };
  if (std::none_of(desk_->jobs.begin(), desk_->jobs.end(), is_next))
    return;
  const auto [by, blend] = context_->serving();
  if (by && !catch_up(by))
    return; // goes on when the encoder has answered
  const auto time = context_->time->now();
  auto taste = model::make_taste(profile_, *context_->rules, time);
  const bool late = by && track_->is_late;
  if (by && !late)
    taste.sequence = sequence_query(*by, time);
  const auto who = std::make_shared<const model::taste>(std::move(taste));
  for (auto& job : desk_->jobs) {
    if (!is_next(job))
      continue;
    job.now = time;
    job.model_version = by ? by->version() : 0;
    job.blend = blend;
    job.without_encoder = late;
    if (late)
      context_->probe.encoder_late.add();
    scatter(job, who);
  }
}

void user_session_state::scatter(slate_job& job, std::shared_ptr<const model::taste> who) {
  const auto shards = context_->shards.size();
  job.at = slate_job::stage::scattered;
  job.profile_seq = profile_.seq();
  job.answers.assign(shards, std::nullopt);
  job.outstanding = shards;
  job.begin = now();
  job.due = job.begin + context_->slates.deadline;
  // A quarter of the deadline is left for the scoring and the way back.
  const score_request request{
      make_query(*job.plan, user_, std::move(who), job.model_version, job.blend, job.now),
      job.begin + context_->slates.deadline * 3 / 4};
  for (std::size_t shard = 0; shard < shards; ++shard)
    self_->request(context_->shards[shard], no_timer, request)
        .then([this, token = job.token,
               shard](scored_candidates& found) { on_candidates(token, shard, &found.list); },
              [this, token = job.token, shard](const caf::error&) {
                on_candidates(token, shard, nullptr);
              });
}

void user_session_state::on_candidates(std::uint64_t token, std::size_t shard,
                                       model::candidate_list* list) {
  auto* job = desk_ ? desk_->find_job(token) : nullptr;
  if (job == nullptr || job->at != slate_job::stage::scattered)
    return; // too late: the slate left without
  if (list != nullptr)
    job->answers[shard] = std::move(*list);
  if (--job->outstanding > 0)
    return;
  finish(*job);
  move_on();
}

bool user_session_state::put_off(slate_job& job) {
  const bool answered = job.answers.empty()
                        || std::any_of(job.answers.begin(), job.answers.end(),
                                       [](const auto& one) { return one.has_value(); });
  if (job.feed == 0 && !answered) {
    // Not a slate: who asked once would take it for "there is nothing to recommend".
    job.answer.deliver(to_error({errc::timeout, "no part of the catalogue answered in time"}));
    job.at = slate_job::stage::held; // without a slate: release_held takes it away
    job.answers.clear();
    context_->probe.slates_missed.add();
    return true;
  }
  auto* feed = job.feed == 0 ? nullptr : desk_->find_feed(job.feed);
  if (feed == nullptr || feed->computing != job.token)
    return false;
  if (answered) {
    feed->missed = 0;
    return false;
  }
  constexpr unsigned doublings_max = 5;
  feed->not_before =
      now() + context_->slates.deadline * (1U << std::min(feed->missed, doublings_max));
  ++feed->missed;
  feed->dirty = true;
  if (!feed->sent)
    return false; // nothing to keep: an empty slate that says partial is an answer until then
  feed->computing = 0;
  job.at = slate_job::stage::held; // without a slate: release_held takes it away
  job.answers.clear();
  context_->probe.slates_missed.add();
  return true;
}

void user_session_state::finish(slate_job& job) {
  if (put_off(job))
    return;
  job.made = make_slate(job, user_, profile_, context_->blend, ++desk_->numbers);
  job.at = slate_job::stage::held;
  job.answers.clear();
  context_->probe.slates.add();
  if (job.made->partial)
    context_->probe.slates_partial.add();
  context_->probe.slate_seconds.observe(std::chrono::duration<double>(now() - job.begin).count());
}

// -- sending ---------------------------------------------------------------------------------

void user_session_state::release_held() {
  if (!desk_)
    return;
  for (auto& job : desk_->jobs) {
    if (job.at != slate_job::stage::held)
      continue;
    if (job.feed != 0) {
      if (auto* feed = desk_->find_feed(job.feed);
          feed != nullptr && feed->computing == job.token) {
        feed->computing = 0;
        (feed->held ? feed->held_next : feed->held) = std::move(job.made);
      }
      job.made = nullptr;
    } else if (job.made && job.made->profile_seq <= acked_seq_) {
      desk_->remember(*job.made);
      job.answer.deliver(std::exchange(job.made, nullptr));
    }
  }
  std::erase_if(desk_->jobs,
                [](const slate_job& job) { return job.at == slate_job::stage::held && !job.made; });
  if (desk_->jobs.empty())
    desk_->jobs.shrink_to_fit(); // most sessions compute nothing most of the time
  for (auto& feed : desk_->feeds)
    while (feed.held && feed.held->profile_seq <= acked_seq_)
      publish(feed, std::exchange(feed.held, std::exchange(feed.held_next, nullptr)));
}

void user_session_state::publish(slate_feed& feed, const slate_ptr& made) {
  std::vector<item_key> items;
  items.reserve(made->items.size());
  for (const auto& entry : made->items)
    items.push_back(key_of(entry.what->id));
  const bool changed = !feed.sent || items != feed.current;
  bool told = false;
  for (auto& one : feed.subscribers) {
    if (one.first.pending()) {
      if (made->profile_seq < one.need_seq)
        continue; // one that reflects more is on its way
      const auto first = desk_->as_shown(std::exchange(one.has, {}), made);
      one.first.deliver(first);
      desk_->remember(*first);
      told = true;
    } else if (changed) {
      self_->send(one.sink, push_slate{one.connection, made});
      desk_->remember(*made);
      context_->probe.pushes.add();
      told = true;
    }
  }
  if (!told) {
    context_->probe.slates_unchanged.add();
    return;
  }
  feed.current = std::move(items);
  feed.sent = true;
}

void user_session_state::end_feeds(errc why) {
  if (!desk_ || desk_->feeds.empty())
    return;
  for (auto& feed : std::exchange(desk_->feeds, {}))
    for (auto& one : feed.subscribers) {
      if (one.first.pending())
        one.first.deliver(to_error({why, "the user's session is ending"}));
      else
        self_->send(one.sink, push_end{one.connection, why});
    }
  std::erase_if(desk_->jobs, [](const slate_job& job) { return job.feed != 0; });
}

void user_session_state::end_jobs(const failure& why) {
  if (!desk_)
    return;
  for (auto& job : std::exchange(desk_->jobs, {}))
    if (job.feed == 0)
      job.answer.deliver(to_error(why));
}

void user_session_state::restart_slates() {
  if (!desk_)
    return;
  std::erase_if(desk_->jobs,
                [](const slate_job& job) { return job.feed != 0 || !job.answer.pending(); });
  for (auto& feed : desk_->feeds) {
    feed.computing = 0;
    feed.held = nullptr;
    feed.held_next = nullptr;
    feed.dirty = true;
    for (auto& one : feed.subscribers)
      one.need_seq = 0;
  }
  for (auto& job : desk_->jobs) {
    job.token = ++desk_->numbers; // answers to the old one are ignored
    job.at = slate_job::stage::queued;
    job.need_seq = 0;
    job.answers.clear();
    job.made = nullptr;
  }
}

} // namespace troupe::actors
