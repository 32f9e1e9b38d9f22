#include "actors/slate_desk.hpp"

#include "model/blend_learner.hpp"
#include "model/slate_origin.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace troupe::actors {

namespace {

constexpr float steps = 32'767; ///< of a signal in a shown_slate

} // namespace

shown_slate::shown_slate(const slate& made) : id(made.id) {
  items.reserve(made.items.size());
  signals_.reserve(made.items.size());
  std::vector<shown_item> all;
  all.reserve(made.items.size());
  for (const auto& entry : made.items) {
    items.push_back(entry.what);
    all.push_back(model::make_shown(entry, all.size(), made.weights));
    for (const auto signal : all.back().signals)
      scale_ = std::max(scale_, std::abs(signal));
  }
  for (const auto& one : all) {
    auto& small = signals_.emplace_back();
    for (std::size_t i = 0; i < signal_count && scale_ > 0; ++i)
      small[i] = static_cast<std::int16_t>(std::lround(one.signals[i] / scale_ * steps));
  }
}

std::optional<shown_item> shown_slate::find(const item_id& what) const {
  for (std::size_t at = 0; at < items.size(); ++at) {
    if (items[at]->id != what)
      continue;
    shown_item made;
    made.position = static_cast<std::uint32_t>(at);
    for (std::size_t i = 0; i < signal_count; ++i)
      made.signals[i] = static_cast<float>(signals_[at][i]) * scale_ / steps;
    return made;
  }
  return std::nullopt;
}

slate_feed* slate_desk::find_feed(std::uint64_t number) noexcept {
  const auto found = std::find_if(feeds.begin(), feeds.end(),
                                  [&](const slate_feed& feed) { return feed.number == number; });
  return found == feeds.end() ? nullptr : &*found;
}

slate_job* slate_desk::find_job(std::uint64_t token) noexcept {
  const auto found = std::find_if(jobs.begin(), jobs.end(),
                                  [&](const slate_job& job) { return job.token == token; });
  return found == jobs.end() ? nullptr : &*found;
}

const shown_slate* slate_desk::find_shown(const slate_id& id) const noexcept {
  const auto found = std::find_if(shown.begin(), shown.end(),
                                  [&](const shown_slate& one) { return one.id == id; });
  return found == shown.end() ? nullptr : &*found;
}

std::size_t slate_desk::subscribers() const noexcept {
  std::size_t count = 0;
  for (const auto& feed : feeds)
    count += feed.subscribers.size();
  return count;
}

std::size_t slate_desk::surfaces() const {
  std::vector<std::string_view> names;
  for (const auto& feed : feeds)
    if (std::find(names.begin(), names.end(), feed.how.surface) == names.end())
      names.push_back(feed.how.surface);
  return names.size();
}

slate_feed& slate_desk::feed_of(const slate_request& how, const slate_plan& plan) {
  for (auto& feed : feeds)
    if (same_request(feed.how, how))
      return feed;
  auto& feed = feeds.emplace_back();
  feed.number = ++numbers;
  feed.how = how;
  feed.plan = std::make_shared<const slate_plan>(plan);
  return feed;
}

void slate_desk::take_off(connection_id connection, const std::string& surface) {
  for (auto& feed : feeds) {
    if (!surface.empty() && feed.how.surface != surface)
      continue;
    for (auto& one : feed.subscribers)
      if (one.connection == connection && one.first.pending())
        one.first.deliver(
            to_error({errc::unavailable, "replaced or ended before its first slate"}));
    std::erase_if(feed.subscribers,
                  [&](const subscriber& one) { return one.connection == connection; });
  }
  std::erase_if(feeds, [](const slate_feed& feed) { return feed.subscribers.empty(); });
}

void slate_desk::remember(const slate& made) {
  if (find_shown(made.id) != nullptr)
    return;
  if (shown.size() == shown_max)
    shown.erase(shown.begin());
  shown.emplace_back(made);
}

slate_ptr slate_desk::as_shown(const slate_id& has, const slate_ptr& made) const {
  const auto* before = find_shown(has);
  // An item that was changed meanwhile is another pointer, and has to be sent.
  if (before == nullptr
      || !std::equal(before->items.begin(), before->items.end(), made->items.begin(),
                     made->items.end(),
                     [](const item_ptr& a, const slate_item& b) { return a == b.what; }))
    return made;
  auto same = std::make_shared<slate>(*made);
  same->id = has;
  return same;
}

bool same_request(const slate_request& a, const slate_request& b) {
  return a.surface == b.surface && a.k == b.k && a.filter == b.filter && a.exclude == b.exclude
         && a.pin == b.pin && a.diversity == b.diversity && a.category_cap == b.category_cap
         && a.explain == b.explain;
}

slate_ptr make_slate(slate_job& job, const user_id& user, const model::profile& who,
                     const config::blend_settings& configured, std::uint64_t number) {
  auto made = std::make_shared<slate>();
  model::slate_origin origin;
  origin.user_hash = stable_hash(user.value) & 0xffffffffU;
  origin.profile_seq = job.profile_seq;
  origin.model_version = job.model_version;
  origin.created_ms = to_millis(job.now);
  origin.number = number;
  origin.blend_arrival = job.blend ? job.blend->arrival : 0;
  std::vector<model::candidate_list> lists;
  lists.reserve(job.answers.size());
  for (auto& answer : job.answers) {
    if (answer) {
      origin.learned.emplace_back(answer->learned_arrival);
      lists.push_back(std::move(*answer));
    } else {
      origin.learned.emplace_back(std::nullopt);
      made->partial = true;
    }
  }
  made->id = model::to_slate_id(origin);
  made->user = user;
  made->surface = job.plan->surface;
  made->profile_seq = job.profile_seq;
  made->model_version = job.model_version;
  made->partial = made->partial || job.without_encoder;
  made->created = job.now;
  made->weights = model::weights_of(job.blend ? job.blend->weights : configured);
  model::align_sequence_parts(lists);
  made->items = model::compose(lists, who, job.plan->rules);
  return made;
}

} // namespace troupe::actors
