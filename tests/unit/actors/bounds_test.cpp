#include "tests/support/troupe_fixture.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;
using troupe::test::troupe_fixture;

// Each bound of docs/flow-control.md inside the node: what is over it is refused and counted,
// and what waits is shown. Those that have a story of their own are tested with it.

TEST_SUITE("actors.bounds") {

  TEST_CASE_FIXTURE(troupe_fixture,
                    "events of more unknown items than a shard keeps are taken, not learnt") {
    settings.signals.unknown_items_max = 3;
    begin();
    REQUIRE(context->shards.size() == 2);
    for (int i = 0; i < 40; ++i)
      REQUIRE(take("ann", "x" + std::to_string(i), i).has_value());
    CHECK(number("troupe_actors_item_shard_unknown_items") == 6); // three in each shard
    CHECK(number("troupe_actors_item_shard_refused_total") == 34);
    CHECK(store.events().last_seq(user_id{"ann"}).value() == 40); // nothing is lost
    // A record makes an item known, and its place free for another.
    upsert_items films;
    for (int i = 0; i < 40; ++i)
      films.items.push_back(film("x" + std::to_string(i), "drama"));
    REQUIRE(ask<items_ack>(catalog, films).has_value());
    CHECK(number("troupe_actors_item_shard_unknown_items") == 0);
    REQUIRE(take("ann", "y", 100).has_value());
    CHECK(number("troupe_actors_item_shard_unknown_items") == 1);
    CHECK(number("troupe_actors_item_shard_refused_total") == 34);
    REQUIRE(ask<done>(catalog, remove_item{item_id{"x0"}}).has_value());
    CHECK(number("troupe_actors_item_shard_unknown_items") == 2); // its counts are kept
  }

  TEST_CASE_FIXTURE(troupe_fixture, "more connections of one user than allowed are refused") {
    settings.users.subscribers_max = 2;
    begin();
    add_items(5);
    REQUIRE(connect("ann", 1).has_value());
    REQUIRE(connect("ann", 2).has_value());
    CHECK(connect("ann", 3).error().code == errc::overloaded);
    CHECK(number(R"(troupe_actors_user_session_refused_total{bound="subscribers"})") == 1);
    REQUIRE(connect("ann", 2).has_value()); // again: it replaces the one before
    REQUIRE(connect("bob", 4).has_value());
    CHECK(number("troupe_actors_user_directory_subscribed_sessions") == 2);
  }

  TEST_CASE_FIXTURE(troupe_fixture, "more surfaces of one user than allowed are refused") {
    settings.users.surfaces_max = 1;
    begin();
    add_items(5);
    REQUIRE(connect("ann", 1).has_value());
    slate_request side;
    side.surface = "side";
    CHECK(connect("ann", 1, side).error().code == errc::overloaded);
    CHECK(number(R"(troupe_actors_user_session_refused_total{bound="surfaces"})") == 1);
    REQUIRE(connect("ann", 2).has_value()); // another connection to the same surface
  }

  TEST_CASE_FIXTURE(troupe_fixture, "what waits for a user that falls asleep is shown") {
    routing.sessions_max = 1;
    begin();
    appends.closed = true;
    const auto ack = send_off<ingest_ack>(directory, ingest{happened("ann", "f1", 1)});
    run();
    const auto bobs = send_off<slate_ptr>(directory, recommend{user_id{"bob"}, {}});
    run(); // ann has to go for bob, and cannot before the log has her event
    CHECK(bobs.arrived());
    CHECK(number("troupe_actors_user_directory_leaving_sessions") == 1);
    const auto asked = send_off<slate_ptr>(directory, recommend{user_id{"ann"}, {}});
    run();
    CHECK_FALSE(asked.arrived());
    CHECK(number("troupe_actors_user_directory_waiting_messages") == 1);
    appends.open();
    run();
    CHECK(ack.arrived());
    REQUIRE(asked.arrived());
    CHECK(asked.get().has_value());
    CHECK(number("troupe_actors_user_directory_leaving_sessions") == 0);
    CHECK(number("troupe_actors_user_directory_waiting_messages") == 0);
  }

  TEST_CASE_FIXTURE(troupe_fixture, "anonymous requests are shown, and refused at their bound") {
    routing.anonymous_max = 1;
    begin();
    add_items(5);
    for (const auto& front : fronts)
      front->traits.closed = true;
    recommend_anonymous visit;
    visit.history = {happened("anonymous", "f1", 1)};
    const auto asked = send_off<slate_ptr>(directory, visit);
    run();
    CHECK(number("troupe_actors_user_directory_anonymous_requests") == 1);
    CHECK(number("troupe_actors_user_session_waiting_messages") == 1);
    CHECK(ask<slate_ptr>(directory, visit).error().code == errc::overloaded);
    CHECK(number(R"(troupe_actors_user_directory_refused_total{bound="anonymous"})") == 1);
    advance(settings.slates.deadline); // folded without the traits
    REQUIRE(asked.arrived());
    CHECK(number("troupe_actors_user_directory_anonymous_requests") == 0);
    CHECK(number("troupe_actors_user_session_waiting_messages") == 0);
  }

} // TEST_SUITE
