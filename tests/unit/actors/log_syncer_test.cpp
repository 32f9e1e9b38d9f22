#include "actors/log_syncer.hpp"

#include "tests/support/actor_fixture.hpp"
#include "tests/support/fakes/memory_store.hpp"
#include "tests/support/manual_clock.hpp"

#include <caf/send.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <optional>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

struct syncing : troupe::test::actor_fixture {
  syncing() {
    log_syncer_state::options how;
    how.interval = 200ms;
    how.on_fatal = [this](const failure& why) { fatal = why; };
    syncer = spawn_state<log_syncer_state>(system, std::ref(static_cast<storage::store&>(store)),
                                           std::cref(static_cast<const troupe::clock&>(time)),
                                           log_syncer_probe::make(numbers), how);
    run();
  }

  ~syncing() {
    caf::anon_send_exit(syncer, caf::exit_reason::user_shutdown);
    run();
  }

  void advance(std::chrono::milliseconds by) {
    scheduler.advance_time(by);
    run();
  }

  test::memory_store store;
  test::manual_clock time;
  metrics numbers;
  std::optional<failure> fatal;
  log_syncer_state::handle syncer;
};

} // namespace

TEST_SUITE("actors.log_syncer") {

  TEST_CASE_FIXTURE(syncing, "the store is synced every interval") {
    CHECK(store.syncs() == 0);
    advance(199ms);
    CHECK(store.syncs() == 0);
    advance(1ms);
    CHECK(store.syncs() == 1);
    for (int round = 0; round < 9; ++round)
      advance(200ms);
    CHECK(store.syncs() == 10);
    CHECK(numbers.expose().find("troupe_actors_log_syncer_sync_seconds_count 10")
          != std::string::npos);
  }

  TEST_CASE_FIXTURE(syncing, "a full disk is tried again, anything else is fatal") {
    store.refuse_syncs(1, {errc::out_of_space, "full"});
    advance(200ms);
    CHECK_FALSE(fatal.has_value());
    CHECK(numbers.expose().find("troupe_actors_log_syncer_failed_total 1") != std::string::npos);
    advance(200ms);
    CHECK(store.syncs() == 1);
    store.refuse_syncs(1, {errc::internal, "fsync failed"});
    advance(200ms);
    REQUIRE(fatal.has_value());
    CHECK(fatal->context == "fsync failed");
  }

} // TEST_SUITE
