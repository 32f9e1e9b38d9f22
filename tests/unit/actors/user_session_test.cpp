#include "tests/support/troupe_fixture.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;
using troupe::test::ids_of;
using troupe::test::troupe_fixture;
using troupe::test::twenty_films;

TEST_SUITE("actors.user_session") {

  TEST_CASE_FIXTURE(twenty_films, "events are numbered from 1 and the next slate reflects them") {
    for (int i = 1; i <= 3; ++i) {
      const auto ack = take("ann", "f" + std::to_string(i), i);
      REQUIRE(ack.has_value());
      CHECK(ack->seq == static_cast<std::uint64_t>(i));
      CHECK_FALSE(ack->duplicate);
    }
    const auto made = slate_for("ann");
    REQUIRE(made.has_value());
    CHECK((*made)->profile_seq == 3);
    const auto ids = ids_of(**made);
    CHECK(ids.size() == 17);
    CHECK(std::find(ids.begin(), ids.end(), "f2") == ids.end()); // seen
  }

  TEST_CASE_FIXTURE(troupe_fixture,
                    "any recommendation after an ack reflects it, in 300 random schedules") {
    begin();
    add_items(10);
    std::mt19937 random{20260101};
    const auto upto = [&](int n) { return std::uniform_int_distribution<int>{0, n - 1}(random); };
    int number = 0;
    for (int schedule = 0; schedule < 300; ++schedule) {
      const auto user = "u" + std::to_string(schedule % 20);
      std::uint64_t acked = 0;
      std::vector<pending<ingest_ack>> acks;
      std::vector<std::pair<std::uint64_t, pending<slate_ptr>>> slates;
      for (int step = 0; step < 12; ++step) {
        appends.closed = upto(3) == 0;
        if (upto(2) == 0)
          acks.push_back(send_off<ingest_ack>(
              directory, ingest{happened(user, "f" + std::to_string(upto(10)), ++number)}));
        else
          slates.emplace_back(acked, send_off<slate_ptr>(directory, recommend{user_id{user}, {}}));
        scheduler.run(static_cast<std::size_t>(upto(12)));
        if (upto(2) == 0)
          appends.let_through(1);
        for (const auto& one : acks)
          if (one.arrived())
            acked = std::max(acked, one.get()->seq);
      }
      appends.open();
      run();
      appends.open();
      run();
      for (const auto& [least, made] : slates) {
        INFO("schedule ", schedule);
        REQUIRE(made.arrived());
        REQUIRE(made.get().has_value());
        CHECK((*made.get())->profile_seq >= least);
      }
    }
  }

  TEST_CASE_FIXTURE(twenty_films, "an event sent again gets the first answer and changes nothing") {
    REQUIRE(take("ann", "f1", 7)->seq == 1);
    REQUIRE(take("ann", "f2", 8)->seq == 2);
    const auto again = take("ann", "f1", 7);
    REQUIRE(again.has_value());
    CHECK(again->seq == 1);
    CHECK(again->duplicate);
    CHECK(store.events().last_seq(user_id{"ann"}).value() == 2);
  }

  TEST_CASE_FIXTURE(twenty_films,
                    "a copy of an event that still waits for the log is answered with it") {
    REQUIRE(take("ann", "f1", 1).has_value());
    appends.closed = true;
    const auto first = send_off<ingest_ack>(directory, ingest{happened("ann", "f2", 2)});
    const auto copy = send_off<ingest_ack>(directory, ingest{happened("ann", "f2", 2)});
    run();
    CHECK_FALSE(first.arrived());
    CHECK_FALSE(copy.arrived());
    CHECK(appends.held.size() == 1);
    appends.open();
    run();
    REQUIRE(first.arrived());
    REQUIRE(copy.arrived());
    CHECK(first.get()->seq == 2);
    CHECK_FALSE(first.get()->duplicate);
    CHECK(copy.get()->seq == 2);
    CHECK(copy.get()->duplicate);
  }

  TEST_CASE_FIXTURE(twenty_films, "an event is known again after its user slept") {
    REQUIRE(take("ann", "f1", 1)->seq == 1);
    advance(301s);
    advance(5s);
    CHECK(stats().live == 0);
    const auto again = take("ann", "f1", 1);
    REQUIRE(again.has_value());
    CHECK(again->seq == 1);
    CHECK(again->duplicate);
  }

  TEST_CASE_FIXTURE(twenty_films,
                    "a slate is pushed only after the ack of the newest event in it") {
    REQUIRE(connect("ann", 1).has_value());
    appends.closed = true;
    const auto ack = send_off<ingest_ack>(directory, ingest{happened("ann", "f1", 1)});
    run();
    CHECK(number("troupe_actors_user_session_slates_total") == 2); // computed side by side
    CHECK(got.slates.empty());
    const auto asked = send_off<slate_ptr>(directory, recommend{user_id{"ann"}, {}});
    run();
    CHECK_FALSE(asked.arrived()); // it holds the event, too
    appends.open();
    run();
    CHECK(ack.arrived());
    REQUIRE(got.slates.size() == 1);
    CHECK(got.slates[0].what->profile_seq == 1);
    REQUIRE(asked.arrived());
    CHECK((*asked.get())->profile_seq == 1);
  }

  TEST_CASE_FIXTURE(twenty_films, "events while a slate is computed cause one more, not one each") {
    REQUIRE(connect("ann", 1).has_value());
    for (const auto& front : fronts)
      front->scores.closed = true;
    REQUIRE(take("ann", "f0", 100).has_value());
    for (int i = 1; i <= 10; ++i)
      REQUIRE(take("ann", "f" + std::to_string(i), i).has_value());
    CHECK(fronts[0]->scores.held.size() == 1);
    const auto before = number("troupe_actors_user_session_slates_total");
    for (const auto& front : fronts)
      front->scores.open();
    run();
    CHECK(number("troupe_actors_user_session_slates_total") == before + 2);
    REQUIRE(got.slates.size() == 2);
    CHECK(got.slates[0].what->profile_seq == 1);
    CHECK(got.slates[1].what->profile_seq == 11);
  }

  TEST_CASE_FIXTURE(twenty_films, "a steady stream of events does not hold the first slate back") {
    REQUIRE(connect("ann", 1).has_value());
    appends.closed = true;
    for (int i = 1; i <= 5; ++i) {
      const auto ack =
          send_off<ingest_ack>(directory, ingest{happened("ann", "f" + std::to_string(i), i)});
      run();
    }
    appends.let_through(1);
    run();
    REQUIRE(got.slates.size() == 1);
    CHECK(got.slates[0].what->profile_seq == 1);
    appends.open();
    run();
    CHECK(got.slates.back().what->profile_seq == 5);
  }

  TEST_CASE_FIXTURE(twenty_films, "a slate with the same items in the same order is not pushed") {
    REQUIRE(connect("ann", 1).has_value());
    REQUIRE(take("ann", "f1", 1).has_value());
    REQUIRE(got.slates.size() == 1);
    // A skip of an item with no weight in anything: the slate cannot change.
    REQUIRE(take("ann", "f1", 2).has_value());
    REQUIRE(take("ann", "f1", 3, "impression").has_value());
    const auto first = ids_of(*got.slates[0].what);
    for (std::size_t i = 1; i < got.slates.size(); ++i)
      CHECK(ids_of(*got.slates[i].what) != ids_of(*got.slates[i - 1].what));
    CHECK(number("troupe_actors_user_session_slates_unchanged_total") >= 1);
    // A new connection has had none yet.
    const auto second = connect("ann", 2);
    REQUIRE(second.has_value());
    CHECK((*second)->profile_seq == 3);
  }

  TEST_CASE_FIXTURE(twenty_films,
                    "a shard that misses the deadline is left out and the slate says so") {
    fronts[1]->scores.closed = true;
    const auto asked = send_off<slate_ptr>(directory, recommend{user_id{"ann"}, {}});
    run();
    CHECK_FALSE(asked.arrived());
    advance(settings.slates.deadline);
    REQUIRE(asked.arrived());
    const auto made = *asked.get();
    CHECK(made->partial);
    CHECK_FALSE(made->items.empty());
    for (const auto& one : made->items)
      CHECK(shard_of(key_of(one.what->id), 2) == 0);
    fronts[1]->scores.open(); // the late answer harms nobody
    run();
    const auto next = slate_for("ann");
    REQUIRE(next.has_value());
    CHECK_FALSE((*next)->partial);
  }

  TEST_CASE_FIXTURE(twenty_films,
                    "a slate no shard answered for leaves the one before, and is tried again") {
    REQUIRE(connect("ann", 1).has_value());
    for (const auto& front : fronts)
      front->scores.closed = true;
    REQUIRE(take("ann", "f1", 1).has_value());
    advance(settings.slates.deadline);
    CHECK(got.slates.empty()); // an empty one would wipe the page
    CHECK(number("troupe_actors_user_session_slates_missed_total") == 1);
    advance(settings.slates.deadline); // the second try begins
    advance(settings.slates.deadline);
    CHECK(number("troupe_actors_user_session_slates_missed_total") == 2);
    for (const auto& front : fronts)
      front->scores.open(); // what is let through now is too late to be scored
    run();
    CHECK(got.slates.empty());
    advance(2 * settings.slates.deadline); // each pause is twice as long
    REQUIRE(got.slates.size() == 1);
    CHECK(got.slates[0].what->profile_seq == 1);
    CHECK_FALSE(got.slates[0].what->partial);
  }

  TEST_CASE_FIXTURE(twenty_films,
                    "a first slate no shard answered for is empty, and soon followed") {
    for (const auto& front : fronts)
      front->scores.closed = true;
    const auto asked =
        send_off<slate_ptr>(directory, subscribe{user_id{"ann"}, connection_id{1}, sink, {}, {}});
    run();
    advance(settings.slates.deadline);
    REQUIRE(asked.arrived());
    REQUIRE(asked.get().has_value());
    CHECK((*asked.get())->partial);
    CHECK((*asked.get())->items.empty());
    for (const auto& front : fronts)
      front->scores.open();
    run();
    CHECK(got.slates.empty()); // the shards do not score what is late
    advance(2 * settings.slates.deadline);
    REQUIRE(got.slates.size() == 1);
    CHECK_FALSE(got.slates[0].what->partial);
    CHECK(got.slates[0].what->items.size() == 20);
    advance(100 * settings.slates.deadline);
    CHECK(got.slates.size() == 1);
  }

  TEST_CASE_FIXTURE(twenty_films, "a request that no shard answers in time fails, and says so") {
    for (const auto& front : fronts)
      front->scores.closed = true;
    const auto asked = send_off<slate_ptr>(directory, recommend{user_id{"ann"}, {}});
    const auto visit = send_off<slate_ptr>(directory, recommend_anonymous{{}, {}});
    run();
    CHECK_FALSE(asked.arrived());
    advance(settings.slates.deadline);
    for (const auto* one : {&asked, &visit}) {
      REQUIRE(one->arrived());
      REQUIRE(one->get().has_error()); // an empty slate would say that there is nothing for ann
      CHECK(one->get().error().code == errc::timeout);
      CHECK(one->get().error().context == "no part of the catalogue answered in time");
    }
    CHECK(number("troupe_actors_user_session_slates_missed_total") == 2);
    for (const auto& front : fronts)
      front->scores.open(); // the late answers harm nobody
    run();
    const auto next = slate_for("ann");
    REQUIRE(next.has_value());
    CHECK((*next)->items.size() == 20);
    CHECK(number("troupe_actors_user_directory_anonymous_requests") == 0); // the visit is over
  }

  TEST_CASE_FIXTURE(twenty_films, "who comes back with the current slate gets its id again") {
    REQUIRE(take("ann", "f1", 1).has_value());
    const auto first = connect("ann", 1);
    REQUIRE(first.has_value());
    const auto back = [&](std::uint64_t connection, slate_id has) {
      return ask<slate_ptr>(
          directory,
          subscribe{user_id{"ann"}, connection_id{connection}, sink, {}, std::move(has)});
    };
    REQUIRE(ask<done>(directory, unsubscribe{user_id{"ann"}, connection_id{1}, {}}).has_value());
    const auto again = back(2, (*first)->id);
    REQUIRE(again.has_value());
    CHECK((*again)->id == (*first)->id);
    const auto other = back(3, slate_id{"s-unknown"});
    REQUIRE(other.has_value());
    CHECK((*other)->id != (*first)->id);
    REQUIRE(take("ann", (*first)->items[0].what->id.value, 2).has_value());
    const auto changed = back(4, (*first)->id); // its first item has been seen now
    REQUIRE(changed.has_value());
    CHECK((*changed)->id != (*first)->id);
    CHECK((*changed)->profile_seq == 2);
  }

  TEST_CASE_FIXTURE(twenty_films, "a shard does not score what is past its deadline") {
    score_request what;
    what.query.who = std::make_shared<const model::taste>();
    what.query.limit = 5;
    what.due = scheduler.clock().now() + 10ms;
    CHECK(ask<scored_candidates>(context->shards[0], what).has_value());
    advance(10ms);
    const auto late = ask<scored_candidates>(context->shards[0], what);
    REQUIRE(late.has_error());
    CHECK(late.error().code == errc::timeout);
  }

  TEST_CASE_FIXTURE(twenty_films,
                    "a shard that is late with an item's traits delays no event for long") {
    const auto shard = shard_of(key_of(item_id{"f1"}), 2);
    fronts[shard]->traits.closed = true;
    const auto ack = send_off<ingest_ack>(directory, ingest{happened("ann", "f1", 1)});
    run();
    CHECK(ack.arrived()); // durable; folding is another matter
    const auto asked = send_off<slate_ptr>(directory, recommend{user_id{"ann"}, {}});
    run();
    CHECK_FALSE(asked.arrived()); // it must reflect the event
    advance(settings.slates.deadline / 5);
    REQUIRE(asked.arrived());
    CHECK((*asked.get())->profile_seq == 1);
    CHECK(number("troupe_actors_user_session_traits_late_total") == 1);
    fronts[shard]->traits.open();
    run();
    REQUIRE(take("ann", "f2", 2).has_value());
    CHECK((*slate_for("ann"))->profile_seq == 2);
  }

  TEST_CASE_FIXTURE(troupe_fixture, "events beyond writes_pending_max are refused, not queued") {
    settings.users.writes_pending_max = 3;
    begin();
    appends.closed = true;
    std::vector<pending<ingest_ack>> acks;
    for (int i = 1; i <= 5; ++i)
      acks.push_back(send_off<ingest_ack>(directory, ingest{happened("ann", "f1", i)}));
    run();
    CHECK_FALSE(acks[2].arrived());
    for (const auto refused : {3U, 4U}) {
      REQUIRE(acks[refused].arrived());
      CHECK(acks[refused].get().error().code == errc::overloaded);
    }
    appends.open();
    run();
    CHECK(acks[2].get()->seq == 3);
    CHECK(take("ann", "f1", 4)->seq == 4); // there is room again, and no number was lost
  }

  TEST_CASE_FIXTURE(troupe_fixture,
                    "events beyond the node's bound are refused, whoever's they are") {
    settings.storage.writes_pending_max = 4;
    begin();
    appends.closed = true;
    std::vector<pending<ingest_ack>> acks;
    for (int i = 1; i <= 6; ++i)
      acks.push_back(
          send_off<ingest_ack>(directory, ingest{happened("u" + std::to_string(i), "f1", i)}));
    run();
    CHECK(std::count_if(acks.begin(), acks.end(), [](const auto& one) { return one.arrived(); })
          == 2);
    for (const auto& one : acks)
      if (one.arrived())
        CHECK(one.get().error().code == errc::overloaded);
    appends.open();
    run();
    CHECK(context->credit->out() == 0);
    CHECK(take("u9", "f1", 1)->seq == 1);
  }

  TEST_CASE_FIXTURE(troupe_fixture, "the log gets no further ahead of the shards than its bound") {
    settings.storage.writes_pending_max = 2;
    begin();
    add_items(2);
    fronts.front()->lessons.closed = true;
    REQUIRE(take("ann", "f1", 1).has_value());
    REQUIRE(take("bob", "f1", 1).has_value());
    CHECK(context->credit->out() == 2); // acknowledged, but one shard has not learnt from them
    CHECK(take("eve", "f1", 1).error().code == errc::overloaded);
    fronts.front()->lessons.open();
    run();
    CHECK(context->credit->out() == 0);
    CHECK(take("eve", "f1", 2)->seq == 1);
  }

  TEST_CASE_FIXTURE(twenty_films, "a failed append is answered, forgotten and numbered again") {
    REQUIRE(connect("ann", 1).has_value());
    REQUIRE(take("ann", "f1", 1).has_value());
    const auto pushes = got.slates.size();
    store.refuse_appends(1, {errc::out_of_space, "the disk is full"});
    appends.closed = true;
    const auto lost = send_off<ingest_ack>(directory, ingest{happened("ann", "f2", 2)});
    run();
    // One that is sent before the failure is known: it must not land behind the hole.
    const auto behind = send_off<ingest_ack>(directory, ingest{happened("ann", "f3", 3)});
    const auto asked = send_off<slate_ptr>(directory, recommend{user_id{"ann"}, {}});
    run();
    appends.let_through(1);
    run();
    REQUIRE(lost.arrived());
    CHECK(lost.get().error().code == errc::out_of_space);
    appends.open();
    run();
    REQUIRE(behind.arrived());
    CHECK(behind.get().error().code == errc::unavailable);
    REQUIRE(asked.arrived());
    CHECK((*asked.get())->profile_seq == 1); // nothing unacknowledged is in it
    for (std::size_t i = pushes; i < got.slates.size(); ++i)
      CHECK(got.slates[i].what->profile_seq == 1);
    const auto retried = take("ann", "f2", 2);
    REQUIRE(retried.has_value());
    CHECK(retried->seq == 2);
    CHECK_FALSE(retried->duplicate);
    CHECK(number("troupe_actors_user_session_recoveries_total") == 1);
    CHECK_FALSE(fatal.has_value());
  }

  TEST_CASE_FIXTURE(twenty_films, "an append the log cannot vouch for ends the process") {
    store.refuse_appends(1, {errc::internal, "fsync failed"});
    const auto ack = take("ann", "f1", 1);
    CHECK(ack.has_error());
    REQUIRE(fatal.has_value());
    CHECK(fatal->context == "fsync failed");
  }

  TEST_CASE_FIXTURE(twenty_films, "as many messages carry the 999th event of a user as the 26th") {
    REQUIRE(connect("ann", 1).has_value());
    const auto messages_of = [&](int i) {
      const auto ack =
          send_off<ingest_ack>(directory, ingest{happened("ann", "f" + std::to_string(i % 20), i)});
      const auto messages = run();
      REQUIRE(ack.arrived());
      advance(60ms); // the timer of the deadline
      return messages;
    };
    for (int i = 0; i < 100; ++i)
      REQUIRE(take("bob", "f" + std::to_string(i % 20), i).has_value());
    std::size_t early = 0;
    for (int i = 0; i < 1000; ++i) {
      const auto messages = messages_of(i);
      if (i == 25) // everything is seen by then: the slates are empty and stay so
        early = messages;
      if (i == 998) // the 1,000th writes a snapshot
        CHECK(messages == early);
    }
  }

} // TEST_SUITE
