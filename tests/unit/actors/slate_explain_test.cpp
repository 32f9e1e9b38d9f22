#include "actors/slate_explain.hpp"

#include "model/slate_origin.hpp"
#include "tests/support/troupe_fixture.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;
using troupe::test::troupe_fixture;

namespace {

/// Twenty films and five users who like some of them together.
struct busy_evening : troupe_fixture {
  busy_evening() {
    begin();
    add_items(20);
    int number = 0;
    for (int round = 0; round < 4; ++round)
      for (int user = 0; user < 5; ++user) {
        REQUIRE(take("u" + std::to_string(user), "f" + std::to_string((user * 3 + round * 2) % 20),
                     ++number)
                    .has_value());
        advance(1000ms);
      }
  }

  void check_same(const slate& sent, const std::vector<slate_item>& again) {
    REQUIRE(again.size() == sent.items.size());
    for (std::size_t i = 0; i < again.size(); ++i) {
      const auto& a = sent.items[i];
      const auto& b = again[i];
      INFO("position ", i);
      CHECK(a.what->id == b.what->id);
      CHECK(a.score == b.score);
      CHECK(a.why.because_of == b.why.because_of);
      CHECK(a.why.because_title == b.why.because_title);
      CHECK(a.why.because_type == b.why.because_type);
      REQUIRE(a.why.shares.size() == b.why.shares.size());
      for (std::size_t share = 0; share < a.why.shares.size(); ++share) {
        CHECK(a.why.shares[share].which == b.why.shares[share].which);
        CHECK(a.why.shares[share].contribution == b.why.shares[share].contribution);
      }
    }
  }
};

} // namespace

TEST_SUITE("actors.slate_explain") {

  TEST_CASE_FIXTURE(busy_evening,
                    "a past slate is explained again from the log, to the last digit") {
    const auto sent = slate_for("u1");
    REQUIRE(sent.has_value());
    // Much happens afterwards; none of it may show.
    for (int i = 100; i < 140; ++i)
      REQUIRE(take("u" + std::to_string(i % 5), "f" + std::to_string(i * 7 % 20), i).has_value());
    const auto again = explain_slate(store, settings, user_id{"u1"}, (*sent)->id.value, {});
    REQUIRE(again.has_value());
    check_same(**sent, *again);
    bool reasons = false;
    for (const auto& one : *again)
      reasons = reasons || !one.why.because_of.empty();
    CHECK(reasons);
  }

  TEST_CASE_FIXTURE(busy_evening, "a partial slate is explained without the shard that was late") {
    fronts[0]->scores.closed = true;
    slate_request how;
    how.k = 3;
    how.filter = "category == \"drama\"";
    const auto asked = send_off<slate_ptr>(directory, recommend{user_id{"u2"}, how});
    run();
    advance(settings.slates.deadline);
    REQUIRE(asked.arrived());
    const auto sent = *asked.get();
    REQUIRE(sent->partial);
    const auto again = explain_slate(store, settings, user_id{"u2"}, sent->id.value, how);
    REQUIRE(again.has_value());
    check_same(*sent, *again);
  }

  TEST_CASE_FIXTURE(busy_evening, "a slate of somebody else, or of nobody, is refused") {
    const auto sent = slate_for("u1");
    REQUIRE(sent.has_value());
    CHECK(explain_slate(store, settings, user_id{"u2"}, (*sent)->id.value, {}).error().code
          == errc::invalid_argument);
    CHECK(explain_slate(store, settings, user_id{"u1"}, "s1.nothing", {}).error().code
          == errc::invalid_argument);
    REQUIRE(ask<done>(directory, erase_user{user_id{"u1"}}).has_value());
    CHECK(explain_slate(store, settings, user_id{"u1"}, (*sent)->id.value, {}).error().code
          == errc::not_found);
  }

  TEST_CASE("a slate's id carries everything and reads back") {
    model::slate_origin origin;
    origin.user_hash = 0xdeadbeef;
    origin.profile_seq = 41;
    origin.model_version = 1;
    origin.created_ms = 1'767'225'600'123;
    origin.number = 7;
    origin.learned = {1'000'000, std::nullopt, 999'998};
    const auto id = model::to_slate_id(origin);
    CHECK(id.value == "s1.1ps9wxb.15.1.mjuohs3f.7.lfls.0-x-2");
    const auto back = model::parse_slate_id(id.value);
    REQUIRE(back.has_value());
    CHECK(*back == origin);
    origin.blend_arrival = 999'990;
    const auto longer = model::to_slate_id(origin);
    CHECK(longer.value == id.value + ".lfli");
    CHECK(*model::parse_slate_id(longer.value) == origin);
    for (const auto* wrong : {"s1.1.1.1.1.1.1.0.", "s1.1.1.1.1.1.1.0.0", "s1.1.1.1.1.1.1.0.5.5", "",
                              "s1", "s2.1.1.1.1.1.1.0", "s1.1.1.1.1.1.1.2-0", "s1.1.1.1.1.1.1.",
                              "s1.-1.1.1.1.1.1.0", "s1.1.1.1.1.1.1.0-"})
      CHECK(model::parse_slate_id(wrong).has_error());
    for (std::size_t cut = 1; cut < id.value.size(); ++cut)
      if (const auto part = model::parse_slate_id(id.value.substr(0, cut)))
        CHECK(model::to_slate_id(*part).value == id.value.substr(0, cut));
  }

} // TEST_SUITE
