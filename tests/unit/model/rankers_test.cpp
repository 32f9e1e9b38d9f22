#include "model/rankers.hpp"

#include "model/query_items.hpp"
#include "model/rank_ease.hpp"
#include "model/rank_neighbours.hpp"
#include "model/rank_sessions.hpp"
#include "model/rank_slices.hpp"
#include "model/take_best.hpp"
#include "tests/unit/model/stage.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::model;
using model_test::stage;

namespace {

using names = std::vector<std::string>;

/// Two users of a and b, one of a and c: n_a = 3, n_b = 2, n_c = 1, c_ab = 2, c_ac = 1.
void teach_three(stage& to) {
  to.learn_all(0, "ab");
  to.learn_all(1, "ab");
  to.learn_all(2, "ac");
}

ranker_settings settings() {
  return {*fold_rules::make({}, {}), {}, 1, {}};
}

} // namespace

TEST_SUITE("model.rankers") {

  TEST_CASE("the best are those above 0 that are not barred, ties by number") {
    const std::vector<float> scores{0.5F, 2, 0, 2, -1, 1, 0.5F};
    std::vector<std::uint8_t> barred(scores.size());
    ranked_items best{9};
    take_best(scores, barred, 10, best);
    CHECK(best == ranked_items{1, 3, 5, 0, 6});
    barred[1] = 2;
    take_best(scores, barred, 3, best);
    CHECK(best == ranked_items{3, 5, 0});
    take_best(scores, barred, 0, best);
    CHECK(best.empty());
  }

  TEST_CASE("a query has each item once, at its newest place") {
    std::vector<past_event> history{
        {nullptr, 0, 1}, {nullptr, 1, 1}, {nullptr, 2, 0}, {nullptr, 0, 2}, {nullptr, 3, 1}};
    const auto whole = query_items(history, 1);
    REQUIRE(whole.size() == 3); // not 2, which left no trace
    CHECK(whole[0].item == 3);
    CHECK(whole[1].item == 0);
    CHECK(whole[2].item == 1);
    const auto decayed = query_items(history, 0.5F);
    CHECK(decayed[2].weight == doctest::Approx(0.25));
    // 2^-20 is less than a millionth.
    history.clear();
    for (item_number i = 0; i < 50; ++i)
      history.push_back({nullptr, i, 1});
    CHECK(query_items(history, 0.5F).size() == 20);
    CHECK(query_items(history, 1).size() == 50);
  }

  TEST_CASE("item-kNN: cosines of who had what, summed over the history") {
    neighbour_ranker knn{neighbour_ranker::all_names()};
    stage on{knn, 4};
    teach_three(on);
    on.learn(2, 'c', 10); // a pair counts once
    const std::vector<weighted_item> past{{2, 1}, {1, 0.8F}};
    const auto scores = knn.score(past);
    CHECK(scores[0] == doctest::Approx(1 / std::sqrt(3.0) + 0.8 * 2 / std::sqrt(6.0)));
    CHECK(scores[1] == doctest::Approx(0.8)); // itself: 0.8 * 2 / sqrt(2 * 2)
    CHECK(scores[3] == 0);
    const std::vector<weighted_item> other{{1, 1}};
    CHECK(knn.score(other)[0] == doctest::Approx(2 / std::sqrt(6.0)));
    CHECK(knn.score(other)[2] == 0); // nothing left over from before

    on.note(3, 'b', 20);
    CHECK(on.rank(3, 4, "b") == names{"a", "a"});
    CHECK(on.rank(3, 4, "") == names{"ba", "ba"});
  }

  TEST_CASE("item-kNN: with decay the newest item decides") {
    neighbour_ranker knn{neighbour_ranker::all_names()};
    stage on{knn, 8};
    for (user_number user = 0; user < 4; ++user) {
      on.learn_all(2 * user, "ab");
      on.learn_all(2 * user + 1, "cd");
    }
    on.learn_all(20, "ef");
    on.note(30, 'a', 0);
    on.note(30, 'e', 1);
    // Equal cosines of 1: whole, a tie by number; with decay f comes first.
    CHECK(on.rank(30, 8, "ae") == names{"bf", "fb"});
  }

  TEST_CASE("EASE of three items as by hand") {
    // X'X + I = [4 2 1; 2 3 0; 1 0 2], its inverse [6 -4 -3; -4 7 2; -3 2 8] / 13.
    ease_ranker ease{ease_ranker::all_names(), 1};
    stage on{ease, 4};
    teach_three(on);
    REQUIRE(ease.prepare().has_value());
    const std::vector<weighted_item> b{{1, 1}};
    const auto scores = ease.score(b);
    REQUIRE(scores.size() == 4);
    CHECK(scores[0] == doctest::Approx(4.0 / 6));
    CHECK(scores[1] == doctest::Approx(0)); // the diagonal is 0
    CHECK(scores[2] == doctest::Approx(-2.0 / 8));
    CHECK(scores[3] == 0); // nobody had it
    const std::vector<weighted_item> both{{2, 1}, {0, 0.5F}};
    CHECK(ease.score(both)[1] == doctest::Approx(-2.0 / 7 + 0.5 * 4 / 7));
    on.note(3, 'b', 9);
    CHECK(on.rank(3, 4, "b") == names{"a", "a"}); // c and d have no more than 0
  }

  TEST_CASE("EASE without anything learnt ranks nothing") {
    ease_ranker ease{ease_ranker::all_names()};
    stage on{ease, 2};
    on.note(0, 'a', 0);
    REQUIRE(ease.prepare().has_value());
    CHECK(on.rank(0, 2, "") == names{"", ""});
  }

  TEST_CASE("EASE says when the catalogue is too large for it") {
    ease_ranker ease{ease_ranker::all_names()};
    stage on{ease, 0};
    const profile nobody;
    event what;
    for (item_number i = 0; i <= ease_ranker::items_max; ++i) {
      ease.enter(i, nullptr);
      ease.learn({i, {&what, i, 1}, nobody, {}});
    }
    const auto fitted = ease.prepare();
    REQUIRE(fitted.has_error());
    CHECK(fitted.error().context == "20001 items have events; it is fitted up to 20000");
    on.note(0, 'a', 0);
    CHECK(on.rank(0, ease_ranker::items_max + 1, "") == names{"", ""});
  }

  TEST_CASE("VMIS-kNN: a session's weight, the newest shared item, rare items first") {
    session_ranker vmis;
    stage on{vmis, 5};
    on.learn_all(0, "ab", 0);
    on.learn_all(1, "bc", 10);
    on.learn_all(2, "bd", 20);
    on.note(3, 'a', 30);
    on.note(3, 'b', 31);
    const auto three = std::log(3.0); // of three sessions one has the item
    auto scores = vmis.score(3, on.history(3));
    CHECK(scores[0] == doctest::Approx(1.5 * 0.9 * three)); // b is worth 1, a half
    CHECK(scores[1] == doctest::Approx(0));                 // all have it
    CHECK(scores[2] == doctest::Approx(0.9 * three));
    CHECK(scores[3] == doctest::Approx(0.9 * three));
    CHECK(on.rank(3, 5, "ab") == names{"cd"});
    on.note(4, 'b', 30);
    on.note(4, 'a', 31);
    scores = vmis.score(4, on.history(4));
    CHECK(scores[0] == doctest::Approx(1.5 * 0.9 * three));
    CHECK(scores[2] == doctest::Approx(0.5 * 0.8 * three)); // shares the older one only
  }

  TEST_CASE("VMIS-kNN: the most recent sessions, of these the nearest") {
    session_ranker::options how;
    how.neighbours = 1;
    session_ranker nearest{how};
    stage one{nearest, 5};
    one.learn_all(0, "ab", 0);
    one.learn_all(1, "bc", 10);
    one.note(2, 'a', 30);
    one.note(2, 'b', 31);
    CHECK(nearest.score(2, one.history(2))[0] > 0);
    CHECK(nearest.score(2, one.history(2))[2] == 0);
    how = {};
    how.sessions_per_item = 2;
    session_ranker recent{how};
    stage two{recent, 5};
    two.learn_all(0, "ab", 0);
    two.learn_all(1, "bc", 10);
    two.learn_all(2, "bd", 20);
    two.note(3, 'a', 30);
    two.note(3, 'b', 31);
    CHECK(recent.score(3, two.history(3))[0] == 0); // the first one is the third most recent
    CHECK(recent.score(3, two.history(3))[2] > 0);
  }

  TEST_CASE("VMIS-kNN: a session ends with its id or after a day, and does not find itself") {
    session_ranker vmis;
    stage on{vmis, 5};
    on.learn(0, 'a', 0);
    on.learn(0, 'b', 25 * 60); // a day later: another session
    on.learn(1, 'a', 0, "s");
    on.learn(1, 'c', 1, "t");
    on.learn(2, 'a', 0, "s");
    on.learn(2, 'd', 1, "s");
    on.note(3, 'a', 5);
    CHECK(on.rank(3, 5, "a") == names{"d"});
    CHECK(on.rank(2, 5, "a") == names{""}); // only the own session has d
    // The user's older session may be found, the newest event alone asks.
    on.learn(4, 'e', 0);
    on.learn(4, 'a', 1);
    on.learn(4, 'e', 48 * 60);
    CHECK(on.rank(4, 5, "e") == names{"a"});
  }

  TEST_CASE("rankers are made for the names wanted, in the order of the table") {
    const auto all = ranker_names();
    CHECK(all.front() == slice_ranker::blend_name);
    const names wanted{"vmis_knn", "item_knn_decayed", "popularity_all_time", "blend"};
    const auto made = make_rankers(wanted, settings(), false);
    REQUIRE(made.has_value());
    REQUIRE(made->rankers.size() == 3);
    CHECK(made->rankers[0]->names()[0] == "blend");
    CHECK(made->rankers[0]->names()[1] == "popularity_all_time");
    CHECK(made->rankers[1]->names()[0] == "item_knn_decayed");
    CHECK(made->rankers[2]->names()[0] == "vmis_knn");
    CHECK(made->notes.empty());
    std::size_t lists = 0;
    const auto everything = make_rankers({}, settings(), false);
    for (const auto& one : everything->rankers)
      lists += one->names().size();
    CHECK(lists + 4 == all.size()); // all but encoders, the blend with one, and the one that learns
    CHECK(all[all.size() - 2] == "recurrent");
    CHECK(all.back() == "transformer");
    CHECK(make_rankers(names{"recurrent"}, settings(), true)->rankers.size() == 1);
  }

  TEST_CASE("names nobody has and names given twice are refused") {
    CHECK(make_rankers(names{"blend", "best"}, settings(), false).error().context.find("'best'")
          != std::string::npos);
    CHECK(make_rankers(names{"ease", "ease"}, settings(), false).error().context.find("twice")
          != std::string::npos);
  }

  TEST_CASE("what is fitted as a whole is left out of a stream, with a note") {
    const auto made = make_rankers({}, settings(), true);
    REQUIRE(made.has_value());
    REQUIRE(made->notes.size() == 1);
    CHECK(made->notes[0].find("ease, ease_decayed: left out") == 0);
    for (const auto& one : made->rankers)
      CHECK(one->names()[0] != "ease");
  }

} // TEST_SUITE
