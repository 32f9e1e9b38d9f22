#include "tests/support/encoder_fixture.hpp"
#include "tests/support/troupe_fixture.hpp"

#include <doctest/doctest.h>
#include <malloc.h>

#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using troupe::test::troupe_fixture;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool malloc_is_glibcs = false; // the sanitizers' own tells nothing
#else
constexpr bool malloc_is_glibcs = true;
#endif

/// Sixty films of eighteen categories, and users with so many events in the log.
struct many_users : troupe_fixture {
  many_users() {
    begin();
    upsert_items films;
    for (int i = 0; i < 60; ++i)
      films.items.push_back(film("item-" + std::to_string(i), "genre-" + std::to_string(i % 18)));
    REQUIRE(ask<items_ack>(catalog, films).has_value());
    advance(std::chrono::seconds{1});
  }

  static std::string name(std::size_t number) { return "user-" + std::to_string(1000 + number); }

  void add_past(const std::string& user, std::uint64_t events) {
    std::vector<stored_event> past;
    for (std::uint64_t seq = 1; seq <= events; ++seq) {
      stored_event one;
      one.what = happened(user, "item-" + std::to_string(seq), static_cast<int>(seq));
      one.what.id.value += user;
      one.what.time += std::chrono::hours{seq};
      one.seq = seq;
      past.push_back(std::move(one));
    }
    REQUIRE(store.events().append(past, storage::durability::fast).has_value());
  }

  /// With what waited for a deadline gone.
  std::size_t heap() {
    advance(std::chrono::seconds{1});
    const auto info = mallinfo2();
    return info.uordblks + info.hblkhd;
  }
};

} // namespace

TEST_SUITE("actors.session_memory") {

  TEST_CASE_FIXTURE(many_users, "a live session with fifty past events takes at most 4 KB"
                                    * doctest::skip(!malloc_is_glibcs)) {
    constexpr std::size_t users = 200;
    for (std::size_t n = 0; n <= users; ++n)
      add_past(name(n), 50);
    // The first one pays for what all share.
    REQUIRE(slate_for(name(0)).has_value());
    const auto before = heap();
    for (std::size_t n = 1; n <= users; ++n) {
      const auto view = ask<profile_view>(directory, read_profile{user_id{name(n)}});
      REQUIRE(view.has_value());
      REQUIRE(view->seq == 50);
    }
    REQUIRE(stats().live == users + 1);
    const auto awake = (heap() - before) / users;
    CHECK(awake > 1500); // an actor of CAF alone takes more than 1 KB
    CHECK(awake <= 4096);
    for (std::size_t n = 1; n <= users; ++n)
      REQUIRE(slate_for(name(n)).has_value());
    const auto with_slate = (heap() - before) / users;
    INFO("awake: ", awake, ", with a slate: ", with_slate);
    CHECK(with_slate <= 4096);
  }

  TEST_CASE_FIXTURE(many_users, "an encoder's state of the default size adds its 1,280 bytes"
                                    * doctest::skip(!malloc_is_glibcs)) {
    constexpr std::size_t users = 200;
    std::vector<std::string> ids;
    for (int i = 0; i < 60; ++i)
      ids.push_back("item-" + std::to_string(i));
    model::encoder_shape shape;
    use_model(test::draw_model(1, ids, 1, *context->rules, 3, shape));
    for (std::size_t n = 0; n <= users; ++n)
      add_past(name(n), 50);
    REQUIRE(slate_for(name(0)).has_value());
    const auto before = heap();
    for (std::size_t n = 1; n <= users; ++n)
      REQUIRE(slate_for(name(n)).value()->model_version == 1);
    const auto with_slate = (heap() - before) / users;
    const auto state = shape.state_size() * sizeof(float);
    CHECK(state == 1280);
    INFO("with a slate and an encoder's state: ", with_slate);
    CHECK(with_slate > state);
    CHECK(with_slate <= 4096 + state);
  }

  TEST_CASE_FIXTURE(many_users, "sessions that take turns keep to their own users") {
    constexpr std::size_t users = 50;
    std::vector<pending<profile_view>> views;
    for (std::size_t n = 0; n < users; ++n)
      add_past(name(n), n % 7 + 1);
    for (int round = 0; round < 3; ++round)
      for (std::size_t n = 0; n < users; ++n)
        views.push_back(send_off<profile_view>(directory, read_profile{user_id{name(n)}}));
    run();
    for (std::size_t i = 0; i < views.size(); ++i) {
      REQUIRE(views[i].arrived());
      REQUIRE(views[i].get().has_value());
      CHECK(views[i].get()->seq == i % users % 7 + 1);
    }
  }

} // TEST_SUITE
