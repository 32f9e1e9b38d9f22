#include "model/history_buffer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

namespace troupe::model {

namespace {

/// Items that have vectors of one size before a model that knows none learns from them: a few
/// that somebody tried out would settle the size for all its descendants.
constexpr double adopted_share = 0.1;

} // namespace

history_buffer::history_buffer(std::shared_ptr<const fold_rules> rules,
                               const sequence_vocabulary& known, limits most)
    : rules_(std::move(rules)), words_(known), limits_(most) {
  const sequence_vocabulary present{*rules_};
  for (const auto& name : present.kinds()) {
    const auto at = std::find(known.kinds().begin(), known.kinds().end(), name);
    kinds_.push_back(at == known.kinds().end()
                         ? std::uint16_t{0}
                         : static_cast<std::uint16_t>(at - known.kinds().begin()));
  }
}

void history_buffer::add(const event& what, bool is_learnt) {
  const auto meaning = rules_->meaning_of(what);
  if (!meaning.history || !(meaning.sequence > 0))
    return;
  const auto [at, is_new] = users_.try_emplace(what.user);
  if (is_new) {
    order_.push_back({what.user, {}, false});
    at->second = std::prev(order_.end());
  } else {
    order_.splice(order_.end(), order_, at->second);
  }
  auto& who = *at->second;
  step one{words_.add_item(what.item), kinds_[meaning.rule], to_millis(what.time)};
  // Events of one user that arrive late are put where they belong in time.
  auto place = who.steps.end();
  while (place != who.steps.begin() && std::prev(place)->millis > one.millis)
    --place;
  who.steps.insert(place, one);
  ++events_;
  if (who.steps.size() > limits_.user_events_max) {
    who.steps.erase(who.steps.begin());
    --events_;
  }
  fresh_ += who.is_fresh || is_learnt ? 0U : 1U;
  who.is_fresh = who.is_fresh || !is_learnt;
  if (users_.size() > limits_.users_max) {
    const auto oldest = order_.front().user;
    erase(oldest);
  }
}

void history_buffer::erase(const user_id& user) {
  const auto found = users_.find(user);
  if (found == users_.end())
    return;
  const auto place = found->second;
  events_ -= place->steps.size();
  fresh_ -= place->is_fresh ? 1U : 0U;
  users_.erase(found);
  order_.erase(place);
}

std::vector<const history_buffer::history*> history_buffer::choose(std::size_t events_max,
                                                                   std::uint64_t seed) {
  std::vector<const history*> fresh;
  std::vector<const history*> others;
  for (auto at = order_.rbegin(); at != order_.rend(); ++at) // the newest first
    if (at->steps.size() >= 3)
      (at->is_fresh ? fresh : others).push_back(&*at);
  // One replayed for each fresh one keeps what was learnt before from being forgotten.
  std::mt19937_64 random{seed};
  std::vector<const history*> chosen;
  std::size_t events = 0;
  for (std::size_t i = 0; i < fresh.size() && events < events_max; ++i) {
    chosen.push_back(fresh[i]);
    events += fresh[i]->steps.size();
    if (i >= others.size())
      continue;
    std::swap(others[i], others[i + random() % (others.size() - i)]);
    chosen.push_back(others[i]);
    events += others[i]->steps.size();
  }
  return chosen;
}

result<sequence_corpus> history_buffer::take_round(std::size_t events_max, std::uint64_t seed) {
  const auto chosen = choose(events_max, seed);
  if (chosen.size() < 2)
    return failure{errc::invalid_argument,
                   fmt::format("{} of {} users have three events or more and new ones; a round "
                               "needs two",
                               chosen.size(), users_.size())};
  sequence_corpus made{words_, {}, 0};
  for (const auto* who : chosen) {
    for (const auto& one : who->steps)
      made.data.steps.push_back({one.item, one.kind, one.millis});
    made.data.ends.push_back(made.data.steps.size());
  }
  for (auto& who : order_)
    who.is_fresh = false;
  fresh_ = 0;
  return made;
}

void describe_round(sequence_corpus& round, const trained_encoder& parent,
                    std::span<const item> items, const corpus_options& options) {
  auto content_size = content_size_of(parent);
  if (content_size == 0 && options.with_content)
    content_size = usual_content_size(round.words, items, adopted_share);
  describe_items(round, items, content_size, options);
  if (!options.repeats)
    leave_out_repeats(round.data);
}

} // namespace troupe::model
