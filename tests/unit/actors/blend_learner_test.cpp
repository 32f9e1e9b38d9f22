#include "actors/blend_learner.hpp"

#include "actors/learning_replay.hpp"
#include "actors/slate_explain.hpp"
#include "model/slate_origin.hpp"
#include "tests/support/troupe_fixture.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;
using troupe::test::twenty_films;

namespace {

struct evening : twenty_films {
  /// The user looks at all of a slate.
  result<ingest_ack> look(const std::string& user, const slate& at) {
    record_impression what{user_id{user}, at.id, {}};
    what.positions.resize(at.items.size());
    std::iota(what.positions.begin(), what.positions.end(), 0U);
    return ask<ingest_ack>(directory, what);
  }

  std::vector<stored_event> log() { return store.events().read_arrivals(0, 10'000).value(); }

  /// New users look at their slates and take what the blend thinks least of.
  void go(int users) {
    for (const auto end = come_ + users; come_ < end; ++come_) {
      const auto user = "u" + std::to_string(come_);
      REQUIRE(take(user, "f" + std::to_string(come_ % 4), 10 * come_).has_value());
      REQUIRE(take(user, "f" + std::to_string((come_ + 1) % 4), 10 * come_ + 1).has_value());
      const auto made = slate_for(user);
      REQUIRE(made.has_value());
      REQUIRE(look(user, **made).has_value());
      const auto& last = (*made)->items.back().what->id.value;
      REQUIRE(take(user, last, 10 * come_ + 2).has_value());
      advance(31min);
    }
  }

  blend_stats learnt() { return ask<blend_stats>(blend_learner, read_blend_stats{}).value(); }

  int come_ = 0; ///< users
};

} // namespace

TEST_SUITE("actors.blend_learner") {

  TEST_CASE_FIXTURE(evening, "an impression keeps how the item stood in its slate") {
    REQUIRE(take("ann", "f1", 1).has_value());
    REQUIRE(take("bob", "f1", 2).has_value());
    REQUIRE(take("bob", "f2", 3).has_value());
    const auto made = slate_for("ann");
    REQUIRE(made.has_value());
    record_impression what{user_id{"ann"}, (*made)->id, {0, 3}};
    REQUIRE(ask<ingest_ack>(directory, what).has_value());
    // A client may make the event itself.
    event own;
    own.id = event_id{"own"};
    own.user = user_id{"ann"};
    own.item = (*made)->items[1].what->id;
    own.type = "impression";
    own.time = time.now();
    own.slate = (*made)->id.value;
    REQUIRE(ask<ingest_ack>(directory, ingest{own}).has_value());
    own.id = event_id{"of nothing known"};
    own.slate = "s1.nothing";
    REQUIRE(ask<ingest_ack>(directory, ingest{own}).has_value());
    const auto all = log();
    REQUIRE(all.size() == 7);
    for (const std::size_t i : {0U, 1U, 2U, 6U})
      CHECK_FALSE(all[i].shown.has_value());
    const std::size_t positions[] = {0, 3, 1};
    for (std::size_t i = 0; i < 3; ++i) {
      const auto& shown = all[3 + i].shown;
      const auto& item = (*made)->items[positions[i]];
      REQUIRE(shown.has_value());
      CHECK(shown->position == positions[i]);
      double score = 0;
      for (std::size_t s = 0; s < signal_count; ++s)
        score += static_cast<double>(shown->signals[s]) * (*made)->weights[s];
      CHECK(score == doctest::Approx(static_cast<double>(item.score)).epsilon(1e-3));
    }
    CHECK(learnt().open == 3);
  }

  TEST_CASE_FIXTURE(evening, "weights move with what users do, and slates are made with them") {
    go(60);
    const auto what = learnt();
    CHECK(what.wanted >= 30);
    CHECK(what.unwanted > 10 * what.wanted);
    const auto serving = models->load();
    REQUIRE(serving.blend != nullptr);
    CHECK(serving.blend->arrival > 0);
    CHECK(serving.blend->weights.co_occurrence < settings.blend.co_occurrence);
    const auto made = slate_for("u1");
    REQUIRE(made.has_value());
    CHECK((*made)->weights == model::weights_of(serving.blend->weights));
    CHECK(model::parse_slate_id((*made)->id.value)->blend_arrival == serving.blend->arrival);
    CHECK(number("troupe_actors_blend_learner_impressions_open") == 18); // the last user's
  }

  TEST_CASE_FIXTURE(evening, "a slate is explained with the weights of its moment") {
    go(10);
    const auto sent = slate_for("u1");
    REQUIRE(sent.has_value());
    REQUIRE(model::parse_slate_id((*sent)->id.value)->blend_arrival > 0);
    go(30); // they go on moving
    CHECK(model::weights_of(models->load().blend->weights) != (*sent)->weights);
    const auto again = explain_slate(store, settings, user_id{"u1"}, (*sent)->id.value, {});
    REQUIRE(again.has_value());
    REQUIRE(again->size() == (*sent)->items.size());
    for (std::size_t i = 0; i < again->size(); ++i) {
      CHECK((*again)[i].what->id == (*sent)->items[i].what->id);
      CHECK((*again)[i].score == (*sent)->items[i].score);
      CHECK((*again)[i].parts == (*sent)->items[i].parts);
    }
  }

  TEST_CASE_FIXTURE(evening, "the log teaches the same weights again, from any checkpoint") {
    go(20);
    REQUIRE(build_checkpoints(store, settings).has_value());
    go(20);
    const auto bytes = ask<checkpoint_bytes>(blend_learner, make_checkpoint{});
    REQUIRE(bytes.has_value());
    for (const bool from_nothing : {false, true}) {
      if (from_nothing)
        REQUIRE(store.models().save(blend_checkpoint_name, "damaged").has_value());
      REQUIRE(build_checkpoints(store, settings).has_value());
      CHECK(store.models().load(blend_checkpoint_name).value() == *bytes->bytes);
    }
    const auto loaded = load_blend(store, settings.blend);
    REQUIRE(loaded.has_value());
    CHECK((*loaded)->factors() == learnt().factors);
  }

} // TEST_SUITE
