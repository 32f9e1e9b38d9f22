#pragma once

#include "model/profile.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>

/// What the tests of folds and of slices share.
namespace troupe::model_test {

inline std::shared_ptr<const model::fold_rules>
make_rules(const config::users_settings& users = {}, const config::signals_settings& signals = {}) {
  auto made = model::fold_rules::make(users, signals);
  REQUIRE(made.has_value());
  return *made;
}

/// The seq-th event of one user; its id is "e<seq>".
inline stored_event event_of(std::uint64_t seq, std::string item, std::string type,
                             std::int64_t millis) {
  stored_event made;
  made.seq = seq;
  made.arrival = seq;
  made.what.id = event_id{"e" + std::to_string(seq)};
  made.what.user = user_id{"u"};
  made.what.item = item_id{std::move(item)};
  made.what.type = std::move(type);
  made.what.time = from_millis(millis);
  return made;
}

inline void check_same(const model::profile_parts& a, const model::profile_parts& b) {
  CHECK(a.seq == b.seq);
  REQUIRE(a.history.size() == b.history.size());
  for (std::size_t i = 0; i < a.history.size(); ++i) {
    CHECK(a.history[i].item == b.history[i].item);
    CHECK(a.history[i].type == b.history[i].type);
    CHECK(a.history[i].value == b.history[i].value);
    CHECK(a.history[i].time == b.history[i].time);
    CHECK(a.history[i].traits_known == b.history[i].traits_known);
  }
  CHECK(a.recent_events == b.recent_events);
  CHECK(a.seen == b.seen);
  REQUIRE(a.affinities.size() == b.affinities.size());
  for (std::size_t i = 0; i < a.affinities.size(); ++i) {
    CHECK(a.affinities[i].label == b.affinities[i].label);
    CHECK(a.affinities[i].weight == b.affinities[i].weight);
  }
  CHECK(a.affinity_time == b.affinity_time);
  REQUIRE(a.counts.size() == b.counts.size());
  for (std::size_t i = 0; i < a.counts.size(); ++i) {
    CHECK(a.counts[i].type == b.counts[i].type);
    CHECK(a.counts[i].events == b.counts[i].events);
  }
  CHECK(a.first_event == b.first_event);
  CHECK(a.last_event == b.last_event);
}

} // namespace troupe::model_test
