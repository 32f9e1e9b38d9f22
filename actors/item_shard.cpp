#include "actors/item_shard.hpp"

#include "actors/error_bridge.hpp"

#include <string>
#include <utility>

namespace troupe::actors {

item_shard_probe item_shard_probe::make(metrics& where) {
  const std::string stem = "troupe_actors_item_shard_";
  item_shard_probe probe;
  probe.unknown_items =
      where.make_gauge(stem + "unknown_items", "Items in events that the catalogue does not have.");
  probe.refused =
      where.make_counter(stem + "refused_total",
                         "Events not learnt: too many items that the catalogue does not have.");
  probe.batch = where.make_histogram(stem + "batch_size",
                                     "Queries that shared a pass over the items' vectors.",
                                     {1, 2, 4, 8, 16, 32});
  return probe;
}

item_shard_state::item_shard_state(handle::pointer self,
                                   std::shared_ptr<model::catalogue_slice> slice,
                                   item_shard_probe probe)
    : self_(self), slice_(std::move(slice)), probe_(probe) {
  show();
}

item_shard_state::~item_shard_state() {
  const failure gone{errc::unavailable, "the shard ended"};
  for (auto& one : waiting_)
    one.answer.deliver(to_error(gone));
  if (adopting_)
    adopting_->deliver(to_error(gone));
}

void item_shard_state::show() {
  const auto unknown = slice_->unknown_items();
  if (unknown != unknown_shown_)
    probe_.unknown_items.add(static_cast<double>(unknown) - static_cast<double>(unknown_shown_));
  unknown_shown_ = unknown;
  const auto refused = slice_->refused_items();
  if (refused != refused_shown_)
    probe_.refused.add(static_cast<double>(refused - refused_shown_));
  refused_shown_ = refused;
}

item_shard_state::handle::behavior_type item_shard_state::make_behavior() {
  return {
      [this](score_request& what) { return score(what); },
      [this](const read_traits& what) { return traits(what); },
      [this](const learn& what) {
        for (const auto& seen : *what.what)
          slice_->learn(seen);
        show();
      },
      [this](const shard_upsert& what) {
        for (const auto& record : what.items)
          slice_->upsert(record);
        show();
        return done{};
      },
      [this](const shard_remove& what) {
        slice_->remove(what.key);
        show();
        return done{};
      },
      [this](const shard_find& what) { return slice_->find(what.key); },
      [this](const shard_similar& what) {
        scored_candidates out;
        out.list.found = slice_->similar(what.of, what.record, what.limit, what.only.get());
        out.list.learned_arrival = slice_->learned_arrival();
        return out;
      },
      [this](const shard_popular& what) {
        scored_candidates out;
        out.list.found = slice_->popular(what.half_life, what.limit, what.only.get());
        out.list.learned_arrival = slice_->learned_arrival();
        return out;
      },
      [this](const read_slice_stats&) { return slice_->stats(); },
      [this](const adopt_model& what) { return adopt(what); },
      [this](const make_checkpoint&) {
        return checkpoint_bytes{std::make_shared<const std::string>(slice_->checkpoint())};
      },
      [this](const run_batch&) { score_waiting(); },
      [this](const adopt_step&) { adopt_some(); },
  };
}

caf::result<scored_candidates> item_shard_state::score(score_request& what) {
  const auto& query = what.query;
  if (!query.who || query.who->sequence.empty()) {
    // Scoring what nobody waits for any more would make the next one late too: an overloaded
    // shard would be busy all the time and in time for nobody.
    if (self_->clock().now() >= what.due)
      return to_error({errc::timeout, "the shard came to it too late"});
    return scored_candidates{slice_->score(query)};
  }
  auto answer = self_->make_response_promise<scored_candidates>();
  if (waiting_.empty())
    self_->send(self_, run_batch{});
  waiting_.push_back({std::move(what), answer});
  if (waiting_.size() == batch_max)
    score_waiting();
  return answer;
}

void item_shard_state::score_waiting() {
  std::vector<model::score_query> queries;
  std::vector<caf::typed_response_promise<scored_candidates>> answers;
  const auto now = self_->clock().now();
  for (auto& one : std::exchange(waiting_, {})) {
    if (now >= one.what.due) {
      one.answer.deliver(to_error({errc::timeout, "the shard came to it too late"}));
    } else if (!slice_->serves(one.what.query.model_version)) {
      one.answer.deliver(to_error({errc::unavailable, "the shard has no such version any more"}));
    } else {
      queries.push_back(std::move(one.what.query));
      answers.push_back(std::move(one.answer));
    }
  }
  if (queries.empty())
    return;
  probe_.batch.observe(static_cast<double>(queries.size()));
  auto lists = slice_->score(queries);
  for (std::size_t i = 0; i < answers.size(); ++i)
    answers[i].deliver(scored_candidates{std::move(lists[i])});
}

caf::result<done> item_shard_state::adopt(const adopt_model& what) {
  if (adopting_)
    adopting_->deliver(to_error({errc::unavailable, "another model was adopted meanwhile"}));
  else
    self_->send(self_, adopt_step{});
  slice_->adopt(what.what);
  adopting_ = self_->make_response_promise<done>();
  return *adopting_;
}

void item_shard_state::adopt_some() {
  if (!adopting_)
    return;
  if (!slice_->adopt_rows(adopted_rows))
    return self_->send(self_, adopt_step{});
  adopting_->deliver(done{});
  adopting_.reset();
}

traits_list item_shard_state::traits(const read_traits& what) const {
  traits_list out;
  out.traits.reserve(what.keys.size());
  for (const auto key : what.keys)
    out.traits.push_back(slice_->traits(key));
  if (what.model_version != 0)
    for (const auto key : what.keys)
      out.vectors.push_back(slice_->vector_of(key, what.model_version));
  return out;
}

} // namespace troupe::actors
