#include "tests/support/troupe_fixture.hpp"

#include <caf/send.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;
using troupe::test::ids_of;
using troupe::test::troupe_fixture;
using troupe::test::twenty_films;

namespace {

/// Directories whose sessions can be made to die.
struct mortal : twenty_films {
  /// Ends the only live session as a bug would.
  void kill_session(const std::string& user) {
    // Nobody outside of the directory has a session's handle: its sink learns it as the sender.
    caf::strong_actor_ptr session;
    const auto spy = spawn_state<session_spy>(system, std::ref(session));
    REQUIRE(ask<slate_ptr>(directory, subscribe{user_id{user}, connection_id{99}, spy, {}})
                .has_value());
    REQUIRE(take(user, "f19", 9901).has_value());
    REQUIRE(session);
    caf::anon_send_exit(caf::actor_cast<caf::actor>(session), caf::exit_reason::kill);
  }

  struct session_spy {
    using handle = push_sink_actor;
    static constexpr const char* name = "session-spy";

    session_spy(handle::pointer self, caf::strong_actor_ptr& into) : self_(self), into_(into) {}

    handle::behavior_type make_behavior() {
      return {[this](const push_slate&) { into_ = self_->current_sender(); },
              [](const push_end&) {}};
    }

    handle::pointer self_;
    caf::strong_actor_ptr& into_;
  };
};

} // namespace

TEST_SUITE("actors.user_directory") {

  TEST_CASE_FIXTURE(twenty_films, "an idle session sleeps, writes its snapshot and wakes with it") {
    REQUIRE(take("ann", "f1", 1).has_value());
    CHECK(stats().live == 1);
    advance(299s);
    CHECK(stats().live == 1);
    advance(10s);
    CHECK(stats().live == 0);
    CHECK(stats().passivations == 1);
    CHECK(store.snapshots() == 1);
    CHECK(take("ann", "f2", 2)->seq == 2);
    CHECK(stats().activations == 2);
    CHECK((*slate_for("ann"))->profile_seq == 2);
  }

  TEST_CASE_FIXTURE(twenty_films, "losing every snapshot loses nothing") {
    for (int i = 1; i <= 8; ++i)
      REQUIRE(take("ann", "f" + std::to_string(i), i).has_value());
    const auto before = slate_for("ann");
    advance(310s);
    REQUIRE(stats().live == 0);
    REQUIRE(store.profiles().drop_profiles().has_value());
    const auto after = slate_for("ann");
    REQUIRE(after.has_value());
    CHECK((*after)->profile_seq == 8);
    CHECK(ids_of(**after) == ids_of(**before));
  }

  TEST_CASE_FIXTURE(twenty_films, "a session with a connection stays awake") {
    REQUIRE(connect("ann", 1).has_value());
    REQUIRE(take("bob", "f1", 1).has_value());
    advance(1000s);
    advance(5s);
    CHECK(stats().live == 1);
    CHECK(stats().subscribed == 1);
    REQUIRE(ask<done>(directory, unsubscribe{user_id{"ann"}, connection_id{1}, {}}).has_value());
    CHECK(stats().subscribed == 0);
    advance(301s);
    advance(5s);
    CHECK(stats().live == 0);
  }

  TEST_CASE_FIXTURE(twenty_films, "messages that come while a session leaves wake the user again") {
    REQUIRE(take("ann", "f1", 1).has_value());
    time.advance(301s);
    scheduler.advance_time(301s); // the sweep stands in the directory's mailbox
    const auto ack = send_off<ingest_ack>(directory, ingest{happened("ann", "f2", 2)});
    const auto asked = send_off<slate_ptr>(directory, recommend{user_id{"ann"}, {}});
    run();
    REQUIRE(ack.arrived());
    CHECK(ack.get()->seq == 2);
    REQUIRE(asked.arrived());
    CHECK(asked.get().has_value());
    CHECK(stats().passivations == 1);
    CHECK(stats().activations == 2);
  }

  TEST_CASE_FIXTURE(troupe_fixture,
                    "more messages than waiting_max for a leaving session are refused") {
    settings.users.waiting_max = 2;
    begin();
    REQUIRE(take("ann", "f1", 1).has_value());
    time.advance(301s);
    scheduler.advance_time(301s);
    std::vector<pending<slate_ptr>> asked;
    for (int i = 0; i < 4; ++i)
      asked.push_back(send_off<slate_ptr>(directory, recommend{user_id{"ann"}, {}}));
    run();
    int refused = 0;
    for (const auto& one : asked) {
      REQUIRE(one.arrived());
      refused += one.get().has_error() && one.get().error().code == errc::overloaded;
    }
    CHECK(refused == 2);
  }

  TEST_CASE_FIXTURE(troupe_fixture, "beyond sessions_max the longest idle session sleeps") {
    routing.sessions_max = 3;
    begin();
    for (const auto* user : {"a", "b", "c"})
      REQUIRE(take(user, "f1", 1).has_value());
    REQUIRE(take("a", "f2", 2).has_value()); // b is now the one longest idle
    REQUIRE(take("d", "f1", 1).has_value());
    CHECK(stats().live == 3);
    CHECK(number("troupe_actors_user_directory_evictions_total") == 1);
    const auto activations = stats().activations;
    REQUIRE(take("a", "f3", 3).has_value());
    REQUIRE(take("c", "f3", 3).has_value());
    CHECK(stats().activations == activations);
    REQUIRE(take("b", "f3", 3).has_value());
    CHECK(stats().activations == activations + 1);
  }

  TEST_CASE_FIXTURE(troupe_fixture, "a session evicted in spite of its connection tells it so") {
    routing.sessions_max = 1;
    begin();
    REQUIRE(connect("ann", 1).has_value());
    REQUIRE(take("bob", "f1", 1).has_value());
    REQUIRE(got.ends.size() == 1);
    CHECK(got.ends[0].connection == connection_id{1});
    CHECK(got.ends[0].why == errc::unavailable);
  }

  TEST_CASE_FIXTURE(mortal,
                    "a session that dies is counted, its connections are told, the user goes on") {
    REQUIRE(take("ann", "f1", 1).has_value());
    REQUIRE(connect("ann", 1).has_value());
    kill_session("ann");
    run();
    CHECK(number("troupe_actors_user_directory_crashes_total") == 1);
    CHECK(stats().live == 0);
    REQUIRE(got.ends.size() == 1);
    CHECK(got.ends[0].connection == connection_id{1});
    CHECK(take("ann", "f2", 2)->seq == 3);
    CHECK(stats().live == 1);
  }

  TEST_CASE_FIXTURE(mortal,
                    "an event in flight when its session dies is answered and not lost twice") {
    REQUIRE(take("ann", "f1", 1).has_value());
    kill_session("ann"); // the exit message stands in the session's mailbox
    appends.closed = true;
    run();
    const auto ack = send_off<ingest_ack>(directory, ingest{happened("ann", "f2", 2)});
    run();
    appends.open();
    run();
    REQUIRE(ack.arrived());
    REQUIRE(ack.get().has_value());
    CHECK(ack.get()->seq == 3);
  }

  TEST_CASE_FIXTURE(twenty_films,
                    "a user who cannot be loaded is refused, and served once it can") {
    store.refuse_reads(true);
    const auto refused = slate_for("ann");
    REQUIRE(refused.has_error());
    CHECK(refused.error().code == errc::unavailable);
    store.refuse_reads(false);
    CHECK(slate_for("ann").has_value());
  }

  TEST_CASE_FIXTURE(twenty_films, "drain puts everybody to sleep and ends the connections") {
    for (int i = 0; i < 10; ++i)
      REQUIRE(take("u" + std::to_string(i), "f1", 1).has_value());
    REQUIRE(connect("u3", 1).has_value());
    REQUIRE(ask<done>(directory, drain{}).has_value());
    CHECK(stats().live == 0);
    CHECK(store.snapshots() == 10);
    REQUIRE(got.ends.size() == 1);
    CHECK(take("u1", "f1", 2).error().code == errc::unavailable);
  }

  TEST_CASE_FIXTURE(twenty_films, "drain waits for an event on its way to the log") {
    appends.closed = true;
    const auto ack = send_off<ingest_ack>(directory, ingest{happened("ann", "f1", 1)});
    run();
    const auto drained = send_off<done>(directory, drain{});
    run();
    CHECK_FALSE(drained.arrived());
    appends.open();
    run();
    CHECK(drained.arrived());
    REQUIRE(ack.arrived());
    CHECK(ack.get()->seq == 1);
  }

  TEST_CASE_FIXTURE(twenty_films,
                    "erasing takes a live user out of the log, the snapshots and the pushes") {
    REQUIRE(take("ann", "f1", 1).has_value());
    REQUIRE(connect("ann", 1).has_value());
    REQUIRE(ask<done>(directory, put_user{user_id{"ann"}, {{"age", 40.0}}}).has_value());
    REQUIRE(ask<done>(directory, erase_user{user_id{"ann"}}).has_value());
    CHECK(store.events().last_seq(user_id{"ann"}).value() == 0);
    CHECK_FALSE(store.profiles().load_user(user_id{"ann"}).value().has_value());
    REQUIRE(got.ends.size() == 1);
    CHECK(got.ends[0].why == errc::not_found);
    CHECK(stats().live == 0);
    CHECK(ask<profile_view>(directory, read_profile{user_id{"ann"}}).error().code
          == errc::not_found);
    CHECK(take("ann", "f1", 1)->seq == 1); // a new user from here on
  }

  TEST_CASE_FIXTURE(twenty_films, "erasing a sleeping user needs no session") {
    REQUIRE(take("ann", "f1", 1).has_value());
    advance(310s);
    REQUIRE(stats().live == 0);
    const auto activations = stats().activations;
    REQUIRE(ask<done>(directory, erase_user{user_id{"ann"}}).has_value());
    CHECK(stats().activations == activations);
    CHECK(store.snapshots() == 0);
    CHECK(store.events().last_seq(user_id{"ann"}).value() == 0);
  }

  TEST_CASE_FIXTURE(twenty_films,
                    "erasing waits for the user's event on its way, and goes after it") {
    appends.closed = true;
    const auto ack = send_off<ingest_ack>(directory, ingest{happened("ann", "f1", 1)});
    run();
    const auto erased = send_off<done>(directory, erase_user{user_id{"ann"}});
    const auto next = send_off<ingest_ack>(directory, ingest{happened("ann", "f2", 2)});
    run();
    CHECK_FALSE(erased.arrived());
    appends.open();
    run();
    REQUIRE(ack.arrived());
    CHECK(ack.get()->seq == 1);
    REQUIRE(erased.arrived());
    CHECK(erased.get().has_value());
    REQUIRE(next.arrived());
    CHECK(next.get()->seq == 1); // it came behind the erasure
    CHECK(store.events().last_seq(user_id{"ann"}).value() == 1);
  }

  TEST_CASE_FIXTURE(twenty_films, "erasing while the user wakes goes in order") {
    REQUIRE(take("ann", "f1", 1).has_value());
    advance(310s);
    const auto ack = send_off<ingest_ack>(directory, ingest{happened("ann", "f2", 2)});
    const auto erased = send_off<done>(directory, erase_user{user_id{"ann"}});
    run();
    REQUIRE(ack.arrived());
    CHECK(ack.get()->seq == 2);
    REQUIRE(erased.arrived());
    CHECK(erased.get().has_value());
    CHECK(store.events().last_seq(user_id{"ann"}).value() == 0);
  }

  TEST_CASE_FIXTURE(twenty_films, "an anonymous slate comes from the visit and leaves nothing") {
    recommend_anonymous visit;
    for (int i = 0; i < 3; ++i)
      visit.history.push_back(happened("", "f" + std::to_string(2 * i), i));
    const auto made = ask<slate_ptr>(directory, visit);
    REQUIRE(made.has_value());
    CHECK((*made)->items.size() == 17);
    // Three dramas were visited: a drama comes first.
    REQUIRE_FALSE((*made)->items.empty());
    CHECK((*made)->items[0].what->categories[0] == "drama");
    CHECK(stats().live == 0);
    CHECK(store.appends() == 0);
    REQUIRE(ask<done>(directory, drain{}).has_value()); // no transient session is left
  }

} // TEST_SUITE
