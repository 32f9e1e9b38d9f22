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
  return probe;
}

item_shard_state::item_shard_state(handle::pointer self,
                                   std::shared_ptr<model::catalogue_slice> slice,
                                   item_shard_probe probe)
    : self_(self), slice_(std::move(slice)), probe_(probe) {
  show();
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

item_shard_actor::behavior_type item_shard_state::make_behavior() {
  return {
      [this](const score_request& what) { return score(what); },
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
      [this](const make_checkpoint&) {
        return checkpoint_bytes{std::make_shared<const std::string>(slice_->checkpoint())};
      },
  };
}

caf::result<scored_candidates> item_shard_state::score(const score_request& what) const {
  // Scoring what nobody waits for any more would make the next one late too: an overloaded
  // shard would be busy all the time and in time for nobody.
  if (self_->clock().now() >= what.due)
    return to_error({errc::timeout, "the shard came to it too late"});
  return scored_candidates{slice_->score(what.query)};
}

traits_list item_shard_state::traits(const read_traits& what) const {
  traits_list out;
  out.traits.reserve(what.keys.size());
  for (const auto key : what.keys)
    out.traits.push_back(slice_->traits(key));
  return out;
}

} // namespace troupe::actors
