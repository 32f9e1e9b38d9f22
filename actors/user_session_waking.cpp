#include "actors/profile_record.hpp"
#include "actors/store_reader.hpp"
#include "actors/user_session.hpp"
#include "base/log.hpp"

#include <algorithm>
#include <utility>

namespace troupe::actors {

namespace {

/// A profile with at most so many events is folded again from the log when an item it did not
/// know has come into the catalogue; a longer one only counts the item from then on.
constexpr std::uint64_t refold_events_max = 10'000;

/// Items of the profile's history that the catalogue did not have when they were folded.
std::vector<item_key> unknown_items(const model::profile& who) {
  std::vector<item_key> keys;
  for (std::size_t back = 0; back < who.history_size(); ++back)
    if (const auto entry = who.history(back); !entry.traits_known)
      keys.push_back(entry.key);
  return keys;
}

} // namespace

void user_session_state::wake(bool pass_over_snapshot) {
  if (!pass_over_snapshot)
    woken_ = now();
  // A version no snapshot has: the whole log is folded.
  const auto version = context_->rules->version() + (pass_over_snapshot ? 1U : 0U);
  self_->request(context_->reader_of(user_), no_timer, load_user{user_, version})
      .then([this](loaded_user& what) { on_loaded(what); },
            [this](const caf::error& why) { on_load_failed(to_failure(why)); });
}

void user_session_state::on_loaded(loaded_user& what) {
  registered_ = what.registered;
  properties_.reset();
  if (!what.properties.empty())
    properties_ =
        std::make_unique<std::map<std::string, property_value>>(std::move(what.properties));
  profile_ = model::profile{};
  saved_seq_ = 0;
  std::vector<item_key> recheck;
  if (what.snapshot) {
    auto folded = load_profile(*what.snapshot, *context_->rules);
    if (!folded) {
      TROUPE_LOG(warn, "session.snapshot_refused", "user={} error=\"{}\"", log_hash(user_.value),
                 folded.error().context);
      return wake(true);
    }
    profile_ = std::move(*folded);
    saved_seq_ = profile_.seq();
    if (!refolded_ && profile_.seq() <= refold_events_max)
      recheck = unknown_items(profile_);
  }
  gather(std::move(what.tail), what.more, std::move(recheck));
}

void user_session_state::on_load_failed(const failure& why) {
  TROUPE_LOG(warn, "session.load_failed", "user={} error=\"{}\"", log_hash(user_.value),
             why.context);
  refuse_waiting(why);
  self_->quit();
}

void user_session_state::gather(std::vector<stored_event> events, bool more,
                                std::vector<item_key> recheck) {
  if (events.empty() && recheck.empty())
    return become_awake();
  tail_ = std::make_unique<tail_gather>();
  tail_->more = more;
  tail_->recheck = std::move(recheck);
  tail_->events = std::move(events);
  tail_->due = now() + context_->slates.deadline;
  std::vector<std::vector<item_key>> by_shard(context_->shards.size());
  const auto want = [&](item_key key) {
    if (tail_->traits.try_emplace(key).second)
      by_shard[shard_of(key, static_cast<std::uint32_t>(by_shard.size()))].push_back(key);
  };
  for (const auto& one : tail_->events)
    want(key_of(one.what.item));
  for (const auto key : tail_->recheck)
    want(key);
  tail_->token = ++gathers_;
  const auto settled = [this, token = tail_->token] {
    if (tail_ && tail_->token == token && --tail_->outstanding == 0)
      on_gathered();
  };
  for (std::size_t shard = 0; shard < by_shard.size(); ++shard) {
    if (by_shard[shard].empty())
      continue;
    ++tail_->outstanding;
    self_->request(context_->shards[shard], no_timer, read_traits{by_shard[shard]})
        .then(
            [this, settled, token = tail_->token, keys = by_shard[shard]](traits_list& found) {
              if (tail_ && tail_->token == token)
                for (std::size_t i = 0; i < keys.size(); ++i)
                  tail_->traits[keys[i]] = std::move(found.traits[i]);
              settled();
            },
            [settled](const caf::error&) { settled(); });
  }
  arm(tail_->due);
}

void user_session_state::on_gathered() {
  const auto tail = std::move(tail_);
  const auto known = [&](item_key key) { return tail->traits[key].known; };
  if (std::any_of(tail->recheck.begin(), tail->recheck.end(), known)) {
    refolded_ = true;
    return wake(true);
  }
  for (const auto& one : tail->events) {
    if (one.seq != profile_.seq() + 1) {
      // A hole in the log cannot be; folding past it would hide the loss of an event.
      return on_load_failed({errc::corrupt_data, "the user's events are not consecutive"});
    }
    model::apply(profile_, one, tail->traits[key_of(one.what.item)], *context_->rules);
    received_ = one.received;
  }
  if (!tail->more)
    return become_awake();
  self_
      ->request(context_->reader_of(user_), no_timer,
                read_tail{user_, profile_.seq(), store_reader_state::tail_max})
      .then(
          [this](event_tail& next) {
            const bool more = next.events.size() == store_reader_state::tail_max;
            gather(std::move(next.events), more, {});
          },
          [this](const caf::error& why) { on_load_failed(to_failure(why)); });
}

void user_session_state::become_awake() {
  last_seq_ = acked_seq_ = profile_.seq();
  phase_ = phase::awake;
  const auto took = std::chrono::duration<double>(now() - woken_);
  context_->probe.wake_seconds.observe(took.count());
  run_waiting();
  move_on();
}

} // namespace troupe::actors
