#include "apps/troupe/replay/replayer.hpp"

#include "apps/troupe/client/wait.hpp"
#include "gateway/json_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

namespace troupe::apps {
namespace {

failure late(std::string_view what) {
  return {errc::timeout, fmt::format("the server did not {} in time", what)};
}

} // namespace

replayer::replayer(replay_settings settings, const clock& time)
    : settings_(std::move(settings)), time_(time),
      rest_(std::make_shared<rest_connection>(io_, settings_.server)) {}

replayer::~replayer() = default;

result<replayer::player*> replayer::player_of(const user_id& who) {
  auto& out = players_[who.value];
  if (out.live) {
    recent_.splice(recent_.begin(), recent_, out.place);
    return &out;
  }
  if (recent_.size() >= settings_.connections_max) {
    auto& oldest = players_[recent_.back()];
    if (auto answered = await_ack(oldest); !answered)
      return answered.error();
    oldest.live.reset();
    recent_.pop_back();
  }
  out.live = std::make_unique<live_user>(io_, settings_.server, who, settings_.k);
  out.place = recent_.insert(recent_.begin(), who.value);
  const bool greeted = run_until(io_, time_, settings_.timeout, [&out] {
    return out.live->slates() > 0 || !out.live->trouble().empty();
  });
  if (!out.live->trouble().empty())
    return failure{errc::unavailable, out.live->trouble()};
  if (!greeted)
    return late("answer hello");
  return &out;
}

result<void> replayer::put_item(const item_id& id,
                                const std::unordered_map<std::string, item>& catalogue) {
  if (!settings_.put_items || !put_.insert(id.value).second)
    return {};
  item what;
  what.id = id;
  if (const auto known = catalogue.find(id.value); known != catalogue.end())
    what = known->second;
  std::string body;
  gateway::append_json(body, what);
  std::optional<result<rest_answer>> answer;
  rest_->request("PUT", "/v1/items/" + percent_encoded(id.value), std::move(body),
                 [&answer](result<rest_answer> got) { answer = std::move(got); });
  if (!run_until(io_, time_, settings_.timeout, [&answer] { return answer.has_value(); }))
    return late("take an item");
  if (!*answer)
    return answer->error();
  if ((*answer)->status != 200)
    return failure{errc::invalid_argument,
                   fmt::format("item {}: {} {}", id.value, (*answer)->status, (*answer)->body)};
  return {};
}

result<void> replayer::await_ack(player& who) {
  const bool answered = run_until(io_, time_, settings_.timeout, [&who] {
    return who.live->unanswered() == 0 || !who.live->trouble().empty();
  });
  if (!who.live->trouble().empty())
    return failure{errc::unavailable, who.live->trouble()};
  return answered ? result<void>{} : late("acknowledge an event");
}

result<void> replayer::await_slate(player& who) {
  const auto current = [&who] {
    return who.live->slate_seq() >= who.live->acked_seq() || !who.live->trouble().empty();
  };
  bool came = run_until(io_, time_, settings_.push_wait, current);
  if (!came) { // it has not changed, and so was not pushed; asking tells it apart from late
    ++scores_.asked;
    who.live->ask();
    came = run_until(io_, time_, settings_.timeout, current);
  }
  if (!who.live->trouble().empty())
    return failure{errc::unavailable, who.live->trouble()};
  return came ? result<void>{} : late("push a slate");
}

result<void> replayer::await_room(player& who) {
  const auto sum = [this] {
    std::size_t out = 0;
    for (const auto& name : recent_)
      out += players_[name].live->unanswered();
    return out;
  };
  // Half of the room at once, so that counting is rare.
  if (scores_.sent % (settings_.unanswered_max / 2 + 1) != 0)
    return {};
  const bool room = run_until(io_, time_, settings_.timeout, [&] {
    return sum() <= settings_.unanswered_max / 2 || !who.live->trouble().empty();
  });
  if (!who.live->trouble().empty())
    return failure{errc::unavailable, who.live->trouble()};
  return room ? result<void>{} : late("acknowledge events");
}

result<void> replayer::pace(std::size_t index) {
  if (settings_.rate <= 0)
    return {};
  const std::chrono::duration<double> offset{static_cast<double>(index) / settings_.rate};
  const auto due = begin_ + std::chrono::duration_cast<std::chrono::steady_clock::duration>(offset);
  while (time_.steady() < due) {
    io_.restart();
    if (io_.run_one_for(due - time_.steady()) == 0)
      break;
  }
  return {};
}

void replayer::score(const player& who, const event& next) {
  const auto& slate = who.live->slate();
  const auto end = slate.begin() + static_cast<std::ptrdiff_t>(std::min(slate.size(), settings_.k));
  const auto hit = std::find(slate.begin(), end, next.item.value);
  ++scores_.scored;
  if (hit == end)
    return;
  scores_.recall += 1;
  scores_.ndcg += 1 / std::log2(static_cast<double>(hit - slate.begin()) + 2);
}

result<replay_scores> replayer::run(std::span<const event> events,
                                    const std::unordered_map<std::string, item>& catalogue) {
  begin_ = time_.steady();
  const auto first_scored =
      static_cast<std::size_t>(settings_.warmup * static_cast<double>(events.size()));
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (auto waited = pace(i); !waited)
      return waited.error();
    const auto who = player_of(events[i].user);
    if (!who)
      return who.error();
    auto& one = **who;
    if (settings_.measure && i >= first_scored && one.events > 0) {
      if (auto came = await_slate(one); !came)
        return came.error();
      score(one, events[i]);
    }
    if (auto put = put_item(events[i].item, catalogue); !put)
      return put.error();
    one.live->send(events[i]);
    ++scores_.sent;
    ++one.events;
    if (auto taken = settings_.measure ? await_ack(one) : await_room(one); !taken)
      return taken.error();
  }
  for (const auto& name : recent_)
    if (auto answered = await_ack(players_[name]); !answered)
      return answered.error();
  if (scores_.scored > 0) {
    scores_.recall /= static_cast<double>(scores_.scored);
    scores_.ndcg /= static_cast<double>(scores_.scored);
  }
  return scores_;
}

} // namespace troupe::apps
