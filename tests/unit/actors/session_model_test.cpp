#include "actors/model_files.hpp"
#include "actors/slate_explain.hpp"
#include "tests/support/encoder_fixture.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/troupe_fixture.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;
using troupe::test::ids_of;
using troupe::test::troupe_fixture;

namespace {

/// Thirty films that a drawn encoder ranks; what it says decides.
struct encoded_films : troupe_fixture {
  encoded_films() {
    begin();
    add_items(30);
    for (int i = 0; i < 30; ++i)
      ids.push_back("f" + std::to_string(i));
  }

  model::sequence_model_ptr model(std::uint64_t version) {
    return test::draw_model(version, ids, 1, *context->rules, static_cast<unsigned>(version));
  }

  [[nodiscard]] static double sequence_part(const slate& what, std::size_t at) {
    for (const auto& share : what.items[at].why.shares)
      if (share.which == signal::sequence)
        return static_cast<double>(share.contribution);
    return 0;
  }

  /// The part of each item of the user's slate that the encoder gave, after `events`.
  [[nodiscard]] std::vector<float> expected(const model::sequence_model& by,
                                            const std::vector<event>& events, const slate& what) {
    std::vector<model::sequence_event> past;
    for (const auto& one : events) {
      auto row = by.row_of(key_of(one.item), nullptr);
      row.pop_back();
      past.push_back({row, by.kind_of(context->rules->meaning_of(one).rule), one.time});
    }
    model::sequence_state state;
    const model::sequence_advance all{&state, past};
    advance(by, {&all, 1});
    const auto query = by.query(state, state.last);
    std::vector<float> scores;
    float top = -1e9F;
    const auto score = [&](const item_id& id) {
      const auto row = by.row_of(key_of(id), nullptr);
      float sum = 0;
      for (std::size_t i = 0; i < row.size(); ++i)
        sum += row[i] * query[i];
      return sum;
    };
    for (const auto& id : ids)
      if (std::none_of(events.begin(), events.end(),
                       [&](const event& one) { return one.item.value == id; }))
        top = std::max(top, score(item_id{id}));
    for (const auto& one : what.items)
      scores.push_back(std::exp(0.7F * (score(one.what->id) - top)));
    return scores;
  }

  void advance(const model::sequence_model& by, std::span<const model::sequence_advance> all) {
    model::advance(by, all);
  }

  using troupe_fixture::advance;

  void check(const slate& what, const model::sequence_model& by, const std::vector<event>& events) {
    CHECK(what.model_version == by.version());
    CHECK_FALSE(what.partial);
    const auto parts = expected(by, events, what);
    REQUIRE(parts.size() == what.items.size());
    for (std::size_t i = 0; i < parts.size(); ++i)
      CHECK(sequence_part(what, i) == doctest::Approx(parts[i]).epsilon(1e-3));
  }

  event go(const std::string& user, const std::string& on, int number) {
    const auto what = happened(user, on, number);
    REQUIRE(take(user, on, number).has_value());
    return what;
  }

  std::vector<std::string> ids;
};

void check_same(const slate& sent, const std::vector<slate_item>& again) {
  REQUIRE(again.size() == sent.items.size());
  for (std::size_t i = 0; i < again.size(); ++i) {
    CHECK(again[i].what->id == sent.items[i].what->id);
    CHECK(again[i].score == sent.items[i].score);
  }
}

} // namespace

TEST_SUITE("actors.session_model") {

  TEST_CASE_FIXTURE(encoded_films, "each event moves the encoder's state by one step") {
    const auto by = model(1);
    use_model(by);
    CHECK(slate_for("ann").value()->model_version == 1); // nothing is known of ann
    std::vector<event> events;
    for (int i = 1; i <= 6; ++i) {
      events.push_back(go("ann", "f" + std::to_string(i * 4), i));
      check(*slate_for("ann").value(), *by, events);
    }
    CHECK(number("troupe_actors_user_session_encoder_rebuilds_total") == 0);
    CHECK(number("troupe_actors_encoder_events_total") == 6);
    REQUIRE(take("ann", "f1", 7, "impression").has_value()); // teaches the encoder nothing
    check(*slate_for("ann").value(), *by, events);
    CHECK(number("troupe_actors_encoder_events_total") == 6);
  }

  TEST_CASE_FIXTURE(encoded_films, "events without a slate are made up for by the next one") {
    const auto by = model(1);
    use_model(by);
    std::vector<event> events{go("ann", "f1", 1)};
    check(*slate_for("ann").value(), *by, events);
    for (int i = 2; i <= 6; ++i)
      events.push_back(go("ann", "f" + std::to_string(i), i));
    CHECK(number("troupe_actors_encoder_events_total") == 1);
    check(*slate_for("ann").value(), *by, events);
    for (int i = 7; i <= 29; ++i) // more than are kept waiting
      events.push_back(go("ann", "f" + std::to_string(i), i));
    check(*slate_for("ann").value(), *by, events);
    CHECK(number("troupe_actors_user_session_encoder_rebuilds_total") == 2); // the first slate, too
  }

  TEST_CASE_FIXTURE(encoded_films,
                    "another version means the state is made anew from the history") {
    const auto first = model(1);
    const auto second = model(2);
    std::vector<event> events{go("ann", "f1", 1), go("ann", "f2", 2)};
    CHECK(slate_for("ann").value()->model_version == 0);
    use_model(first);
    check(*slate_for("ann").value(), *first, events);
    use_model(second);
    events.push_back(go("ann", "f3", 3));
    check(*slate_for("ann").value(), *second, events);
    use_model(nullptr);
    const auto without = slate_for("ann").value();
    CHECK(without->model_version == 0);
    CHECK(sequence_part(*without, 0) == 0);
    use_model(first); // its vectors are still there
    check(*slate_for("ann").value(), *first, events);
  }

  TEST_CASE_FIXTURE(encoded_films,
                    "a late encoder makes a partial slate, and a whole one when it comes") {
    const auto by = model(1);
    use_model(by);
    REQUIRE(connect("ann", 1).has_value());
    encodes.closed = true;
    const auto one = go("ann", "f3", 1);
    CHECK(got.slates.empty());
    advance(settings.slates.deadline);
    REQUIRE(got.slates.size() == 1);
    CHECK(got.slates[0].what->partial);
    CHECK(got.slates[0].what->profile_seq == 1);
    CHECK(sequence_part(*got.slates[0].what, 0) == 0);
    CHECK(number("troupe_actors_user_session_encoder_late_total") == 1);
    const auto two = go("ann", "f7", 2); // while the first is still on its way
    encodes.open();
    run();
    REQUIRE(got.slates.size() >= 2);
    check(*got.slates.back().what, *by, {one, two});
  }

  TEST_CASE_FIXTURE(encoded_films,
                    "a shard that is late with a history's vectors delays nothing for long") {
    std::vector<event> events{go("ann", "f1", 1), go("ann", "f2", 2)};
    const auto by = model(1);
    use_model(by);
    for (const auto& front : fronts)
      front->traits.closed = true;
    const auto asked = send_off<slate_ptr>(directory, recommend{user_id{"ann"}, {}});
    run();
    CHECK_FALSE(asked.arrived());
    advance(settings.slates.deadline);
    REQUIRE(asked.arrived());
    CHECK(asked.get().value()->partial);
    for (const auto& front : fronts)
      front->traits.open();
    run();
    check(*slate_for("ann").value(), *by, events);
  }

  TEST_CASE_FIXTURE(encoded_films, "a past slate is explained with the snapshot it was made with") {
    test::temp_dir folder;
    settings.models.directory = folder.path().string();
    const auto directory_of =
        storage::snapshot_directory::open({.root = folder.path(), .limits = {}}).value();
    for (const unsigned seed : {5U, 6U}) {
      const auto files =
          to_files(test::draw_encoder(ids, *context->rules, seed), 0.7, 0, 0, from_millis(0))
              .value();
      REQUIRE(directory_of.publish(files.facts, files.files).has_value());
    }
    use_model(to_model(directory_of.load(1).value(), *context->rules).value());
    for (int i = 1; i <= 5; ++i)
      go("ann", "f" + std::to_string(i * 3), i);
    const auto sent = slate_for("ann").value();
    use_model(to_model(directory_of.load(2).value(), *context->rules).value());
    go("ann", "f20", 6);
    const auto again = explain_slate(store, settings, user_id{"ann"}, sent->id.value, {});
    REQUIRE(again.has_value());
    check_same(*sent, *again);
    CHECK(sequence_part(*sent, 0) == doctest::Approx(0.7));
    REQUIRE(directory_of.remove_all_but(1, {}).has_value());
    CHECK(explain_slate(store, settings, user_id{"ann"}, sent->id.value, {}).error().code
          == errc::not_found);
  }

  TEST_CASE_FIXTURE(encoded_films,
                    "a slate with items placed by their companions is explained so") {
    test::temp_dir folder;
    settings.models.directory = folder.path().string();
    const auto directory_of =
        storage::snapshot_directory::open({.root = folder.path(), .limits = {}}).value();
    const std::vector<std::string> known{ids.begin(), ids.begin() + 15};
    const auto files =
        to_files(test::draw_encoder(known, *context->rules, 5), 0.7, 0, 0, from_millis(0)).value();
    REQUIRE(directory_of.publish(files.facts, files.files).has_value());
    const auto by = to_model(directory_of.load(1).value(), *context->rules).value();
    use_model(by);
    for (int i = 1; i <= 12; ++i) { // of items that nobody trained too, which others place
      go("bob", "f" + std::to_string(i * 7 % 30), i);
      go("cleo", "f" + std::to_string(i * 11 % 30), 100 + i);
    }
    for (int i = 1; i <= 6; ++i)
      go("ann", "f" + std::to_string(i * 4), 200 + i);
    const auto sent = slate_for("ann").value();
    for (int i = 13; i <= 24; ++i)
      go("bob", "f" + std::to_string(i * 13 % 30), i);
    CHECK(std::any_of(sent->items.begin(), sent->items.end(), [&](const slate_item& one) {
      return !by->is_trained(key_of(one.what->id));
    }));
    const auto again = explain_slate(store, settings, user_id{"ann"}, sent->id.value, {});
    REQUIRE(again.has_value());
    check_same(*sent, *again);
  }
}
