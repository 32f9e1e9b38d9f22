#include "actors/learning_replay.hpp"

#include "actors/checkpoint_keeper.hpp"
#include "actors/event_log_writer.hpp"
#include "actors/item_shard.hpp"
#include "tests/support/troupe_fixture.hpp"

#include <caf/send.hpp>
#include <doctest/doctest.h>

#include <string>

using namespace troupe;
using namespace troupe::actors;
using troupe::test::ids_of;
using troupe::test::troupe_fixture;

namespace {

/// Sixty events of six users through the real path, so that the shards have learnt them.
struct sixty_events : troupe_fixture {
  sixty_events() {
    begin();
    add_items(10); // ids in the order of the store, so that slices are equal to the byte
    for (int i = 0; i < 60; ++i) {
      const auto type = i % 7 == 0 ? "impression" : i % 5 == 0 ? "skip" : "click";
      REQUIRE(
          take("u" + std::to_string(i % 6), "f" + std::to_string(i * i % 10), i, type).has_value());
    }
  }

  /// What a shard knows, as bytes.
  std::string learnt(std::size_t shard) {
    const auto bytes = ask<checkpoint_bytes>(context->shards[shard], make_checkpoint{});
    REQUIRE(bytes.has_value());
    return *bytes->bytes;
  }

  /// The slices of the store after a replay in pages of `page` events, with `users_max` windows.
  std::vector<std::string> replayed(std::size_t page, std::size_t users_max) {
    auto slices = load_slices(store, settings);
    REQUIRE(slices.has_value());
    auto replay = learning_replay::make(store.events(), settings.users, settings.signals,
                                        learned_by_all(*slices, nullptr), users_max);
    REQUIRE(replay.has_value());
    while (!replay->at_end()) {
      const auto lessons = replay->next(page);
      REQUIRE(lessons.has_value());
      for (const auto& lesson : lessons->seen)
        for (const auto& slice : *slices)
          slice->learn(lesson);
    }
    std::vector<std::string> out;
    for (const auto& slice : *slices)
      out.push_back(slice->checkpoint());
    return out;
  }
};

} // namespace

TEST_SUITE("actors.learning_replay") {

  TEST_CASE_FIXTURE(sixty_events, "a replay of the log teaches exactly what the live path taught") {
    const auto again = replayed(7, 100);
    for (std::size_t shard = 0; shard < again.size(); ++shard)
      CHECK(again[shard] == learnt(shard));
  }

  TEST_CASE_FIXTURE(sixty_events, "with few windows in memory the log gives them again") {
    const auto again = replayed(1000, 2);
    for (std::size_t shard = 0; shard < again.size(); ++shard)
      CHECK(again[shard] == learnt(shard));
  }

  TEST_CASE_FIXTURE(sixty_events, "a replay goes on behind the checkpoints") {
    REQUIRE(build_checkpoints(store, settings).has_value());
    for (int i = 100; i < 120; ++i)
      REQUIRE(take("u" + std::to_string(i % 6), "f" + std::to_string(i % 10), i).has_value());
    const auto again = replayed(1000, 100);
    for (std::size_t shard = 0; shard < again.size(); ++shard)
      CHECK(again[shard] == learnt(shard));
  }

  TEST_CASE_FIXTURE(sixty_events, "a damaged checkpoint is passed over and learnt again") {
    REQUIRE(build_checkpoints(store, settings).has_value());
    auto bytes = store.models().load(checkpoint_name(0, 2)).value();
    REQUIRE(bytes.has_value());
    (*bytes)[bytes->size() / 2] ^= 0x55;
    REQUIRE(store.models().save(checkpoint_name(0, 2), *bytes).has_value());
    const auto again = replayed(1000, 100);
    CHECK(again[0] == learnt(0));
    CHECK(again[1] == learnt(1));
  }

  TEST_CASE_FIXTURE(sixty_events, "the writer takes teaching over from a replay without a gap") {
    const auto before = ask<teaching_begun>(context->log, begin_teaching{10});
    REQUIRE(before.has_value());
    CHECK(before->begun); // this writer teaches already
    CHECK(before->last_arrival == 60);
    event_log_writer_state::options silent;
    silent.teaching = false;
    const auto writer = spawn_state<event_log_writer_state>(
        system, std::ref(static_cast<storage::store&>(store)),
        std::cref(static_cast<const troupe::clock&>(time)), context->shards, blend_learner,
        context->credit, event_log_writer_probe::make(numbers), silent);
    auto slices = load_slices(store, settings);
    auto replay = std::make_shared<learning_replay>(
        *learning_replay::make(store.events(), settings.users, settings.signals, 0));
    std::vector<item_shard_actor> empty_shards;
    for (auto& slice : *slices)
      empty_shards.push_back(spawn_state<item_shard_state>(system, std::move(slice)));
    const auto caught_up = std::make_shared<std::atomic<bool>>(false);
    const auto replayer =
        spawn_state<log_replayer_state>(system, replay, empty_shards, blend_learner_actor{},
                                        event_log_writer_actor{writer}, caught_up);
    // One event is committed before the replayer has read anything.
    REQUIRE(context->credit->try_take());
    stored_event late;
    late.what = happened("u1", "f3", 900);
    late.seq = 11;
    const auto ack = send_off<appended>(writer, append_event{late, nullptr, std::nullopt});
    run();
    CHECK(ack.arrived());
    CHECK(*caught_up);
    CHECK(replay->position() == 61);
    CHECK(ask<teaching_begun>(writer, begin_teaching{0})->begun);
    for (std::size_t shard = 0; shard < 2; ++shard) {
      const auto found = ask<model::slice_stats>(empty_shards[shard], read_slice_stats{});
      REQUIRE(found.has_value());
      CHECK(found->learned_arrival == 61);
      caf::anon_send_exit(empty_shards[shard], caf::exit_reason::user_shutdown);
    }
    caf::anon_send_exit(writer, caf::exit_reason::user_shutdown);
  }

  TEST_CASE_FIXTURE(sixty_events, "checkpoints are written when enough was learnt, and on demand") {
    checkpoint_keeper_state::options options;
    options.events_min = 1000;
    const auto keeper = spawn_state<checkpoint_keeper_state>(
        system, std::ref(static_cast<storage::store&>(store)),
        std::cref(static_cast<const troupe::clock&>(time)), context->shards, blend_learner,
        std::vector<std::uint64_t>{}, checkpoint_probe::make(numbers), options);
    advance(std::chrono::seconds{61});
    CHECK(store.models().list("shard-").value().empty()); // sixty events are replayed in no time
    REQUIRE(ask<done>(keeper, write_checkpoints{}).has_value());
    CHECK(store.models().list("shard-").value().size() == 2);
    CHECK(store.models().load(blend_checkpoint_name).value().has_value());
    CHECK(*store.models().load(checkpoint_name(0, 2)).value() == learnt(0));
    CHECK(number("troupe_actors_checkpoint_keeper_written_total") == 3);
    REQUIRE(ask<done>(keeper, write_checkpoints{}).has_value());
    CHECK(number("troupe_actors_checkpoint_keeper_written_total") == 3); // nothing new
    caf::anon_send_exit(keeper, caf::exit_reason::user_shutdown);
  }

} // TEST_SUITE
