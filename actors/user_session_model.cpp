#include "actors/user_session.hpp"

#include <algorithm>
#include <utility>

namespace troupe::actors {

namespace {

/// Events that may wait for a slate to be asked for; more, and the state is made anew then.
constexpr std::size_t events_waiting_max = 16;

} // namespace

bool user_session_state::catch_up(const model::sequence_model_ptr& by) {
  if (!track_ || track_->version != by->version())
    begin_track(by);
  if (track_->at == sequence_track::stage::ready && !track_->events.empty())
    encode_events(by);
  return track_->at == sequence_track::stage::ready || track_->is_late;
}

void user_session_state::begin_track(const model::sequence_model_ptr& by) {
  track_ = std::make_unique<sequence_track>();
  track_->version = by->version();
  track_->token = ++gathers_;
  const auto history = model::sequence_history(profile_, *context_->rules, *by);
  if (history.empty())
    return;
  context_->probe.rebuilds.add();
  track_->at = sequence_track::stage::gathering;
  track_->due = now() + context_->traits_deadline();

  struct wanted {
    std::vector<item_key> keys;
    std::vector<std::size_t> places; ///< in track_->events
  };

  std::vector<wanted> by_shard(context_->shards.size());
  for (const auto& one : history) {
    auto& of = by_shard[shard_of(one.item, static_cast<std::uint32_t>(by_shard.size()))];
    of.keys.push_back(one.item);
    of.places.push_back(track_->events.size());
    track_->events.push_back({{}, one.kind, one.time});
  }
  for (std::size_t shard = 0; shard < by_shard.size(); ++shard) {
    auto& of = by_shard[shard];
    if (of.keys.empty())
      continue;
    ++track_->outstanding;
    self_
        ->request(context_->shards[shard], no_timer, read_traits{std::move(of.keys), by->version()})
        .then(
            [this, token = track_->token, places = std::move(of.places)](traits_list& found) {
              if (track_ && track_->token == token)
                for (std::size_t i = 0; i < places.size(); ++i)
                  track_->events[places[i]].item = std::move(found.vectors[i]);
              track_on(token);
            },
            [this, token = track_->token](const caf::error&) { track_on(token); });
  }
}

void user_session_state::encode_events(const model::sequence_model_ptr& by) {
  track_->at = sequence_track::stage::encoding;
  track_->due = now() + context_->traits_deadline();
  const auto token = track_->token;
  self_
      ->request(context_->encoder_of(user_), no_timer,
                encode{by, std::move(track_->state), std::exchange(track_->events, {})})
      .then(
          [this, token](encoded& moved) {
            if (track_ && track_->token == token) {
              track_->state = std::move(moved.state);
              track_->at = sequence_track::stage::ready;
            }
            track_on(token);
          },
          [this, token](const caf::error&) {
            if (track_ && track_->token == token)
              track_.reset(); // the next slate makes it anew
            move_on();
          });
}

void user_session_state::track_on(std::uint32_t token) {
  if (!track_ || track_->token != token)
    return;
  if (track_->at == sequence_track::stage::gathering) {
    if (--track_->outstanding > 0)
      return;
    // Another version may have become active meanwhile; the next slate begins with that one.
    const auto by = context_->serving().encoder;
    if (by && by->version() == track_->version)
      encode_events(by);
    else
      track_.reset();
    return move_on();
  }
  if (track_->at == sequence_track::stage::ready && track_->is_late) {
    // What went out without the encoder is made again with it.
    track_->is_late = false;
    if (desk_)
      for (auto& feed : desk_->feeds)
        feed.dirty = true;
  }
  move_on();
}

void user_session_state::note_event(flight& what) {
  received_ = what.what.received;
  if (!track_)
    return;
  const auto meaning = context_->rules->meaning_of(what.what.what);
  if (!meaning.history || !(meaning.sequence > 0))
    return;
  const auto by = context_->serving().encoder;
  const bool fits = by && by->version() == track_->version && what.vector_version == by->version();
  const auto most = track_->at == sequence_track::stage::gathering
                        ? context_->users.history_max + events_waiting_max
                        : events_waiting_max;
  if (!fits || track_->events.size() >= most)
    return track_.reset(); // the next slate makes it anew
  track_->events.push_back(
      {std::move(what.vector), by->kind_of(meaning.rule), what.what.what.time});
}

std::vector<float> user_session_state::sequence_query(const model::sequence_model& by,
                                                      timestamp time) const {
  if (track_->state.last == timestamp{})
    return {}; // nothing is known of the user yet
  return by.query(track_->state, model::query_moment(track_->state, received_, time));
}

} // namespace troupe::actors
