#include "model/query.hpp"

#include "base/stable_hash.hpp"
#include "tests/unit/model/fold_fixture.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace troupe;
using namespace troupe::model;
using namespace troupe::model_test;

TEST_SUITE("model.query") {

  TEST_CASE("an observation names what stood near, nearest first") {
    config::signals_settings signals;
    signals.window = 2;
    const auto rules = make_rules({}, signals);
    profile who;
    apply(who, event_of(1, "a", "click", 0), {}, *rules);
    apply(who, event_of(2, "b", "click", 0), {}, *rules);
    apply(who, event_of(3, "x", "dislike", 0), {}, *rules);
    apply(who, event_of(4, "c", "click", 0), {}, *rules);
    const auto what = event_of(5, "d", "click", 42).what;
    const auto seen = observe(who, what, *rules);
    REQUIRE(seen.has_value());
    CHECK(seen->item == item_id{"d"});
    CHECK(seen->weight == 1);
    CHECK(seen->time == from_millis(42));
    CHECK(seen->near == std::vector{key_of(item_id{"c"}), key_of(item_id{"b"})});
  }

  TEST_CASE("an event without weight teaches nothing") {
    const auto rules = make_rules();
    CHECK_FALSE(observe({}, event_of(1, "a", "impression", 0).what, *rules));
  }

  TEST_CASE("a taste weighs the last items by decay and the labels to unit length") {
    config::signals_settings signals;
    signals.query_items = 2;
    signals.query_decay = 0.5;
    const auto rules = make_rules({}, signals);
    profile who;
    apply(who, event_of(1, "a", "click", 0), {true, {"tag:x"}}, *rules);
    apply(who, event_of(2, "b", "click", 0), {true, {"tag:y"}}, *rules);
    apply(who, event_of(3, "c", "dislike", 0), {true, {"tag:z"}}, *rules);
    apply(who, event_of(4, "d", "click", 0), {true, {"tag:x"}}, *rules);
    const auto made = make_taste(who, *rules, from_millis(0));
    CHECK(made.profile_seq == 4);
    REQUIRE(made.recent.size() == 2);
    CHECK(made.recent[0].key == key_of(item_id{"d"}));
    CHECK(made.recent[0].weight == 1);
    CHECK(made.recent[1].key == key_of(item_id{"b"}));
    CHECK(made.recent[1].weight == 0.5);
    double squares = 0;
    for (const auto& [label, weight] : made.labels)
      squares += static_cast<double>(weight) * static_cast<double>(weight);
    CHECK(squares == doctest::Approx(1));
    CHECK(made.seen.contains(key_of(item_id{"c"})));
  }

  TEST_CASE("a taste of nobody is empty") {
    const auto rules = make_rules();
    const auto made = make_taste({}, *rules, from_millis(0));
    CHECK(made.recent.empty());
    CHECK(made.labels.empty());
    CHECK(made.seen.size() == 0);
  }

} // TEST_SUITE
