#include "model/co_occurrence.hpp"
#include "model/content.hpp"
#include "model/neighbour_list.hpp"
#include "model/popularity.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::model;

namespace {

constexpr std::int64_t hour = 3'600'000;

item film(std::string title, std::vector<std::string> categories) {
  item made;
  made.id = item_id{title};
  made.title = std::move(title);
  made.categories = std::move(categories);
  return made;
}

} // namespace

TEST_SUITE("model.neighbour_list") {

  TEST_CASE("it counts as a map does while there is room") {
    neighbour_list list;
    std::map<std::uint32_t, float> truth;
    std::mt19937 random{4};
    for (int n = 0; n < 20000; ++n) {
      const auto target = static_cast<std::uint32_t>(random() % 700);
      list.add(target, 0.25F, 1000);
      truth[target] += 0.25F;
    }
    CHECK(list.size() == truth.size());
    std::size_t visited = 0;
    for (const auto& [target, count] : list.entries()) {
      ++visited;
      CHECK(truth.at(target) == count);
      CHECK(list.count_of(target) == count);
    }
    CHECK(visited == truth.size());
    CHECK(list.count_of(700) == 0);
  }

  TEST_CASE("the weakest leave and the bound holds") {
    for (const std::uint32_t bound : {1U, 2U, 5U, 8U, 9U, 12U, 64U, 512U}) {
      CAPTURE(bound);
      neighbour_list list;
      for (int round = 0; round < 20; ++round)
        list.add(1'000'000, 1.0F, bound);
      for (std::uint32_t target = 0; target < 3000; ++target) {
        list.add(target, 0.02F, bound);
        REQUIRE(list.size() <= bound);
        REQUIRE(list.count_of(target) > 0);
      }
      if (bound > 1)
        CHECK(list.count_of(1'000'000) == doctest::Approx(20));
    }
    neighbour_list none;
    none.add(1, 1.0F, 0);
    CHECK(none.size() == 0);
  }

} // TEST_SUITE

TEST_SUITE("model.co_occurrence") {

  /// Counts target 0 of row 0, lets row 0's item have so many events, counts target 1 the same.
  co_occurrence pairs_around(int events, double half_life) {
    config::signals_settings signals;
    signals.neighbour_half_life_events = half_life;
    co_occurrence pairs{signals};
    for (int row = 0; row < 2; ++row)
      pairs.add_row();
    pairs.count(0, 0, 1, 1);
    for (int i = 0; i < events; ++i)
      pairs.happened(0);
    pairs.count(0, 1, 1, 1);
    return pairs;
  }

  TEST_CASE("counts age by half in a half-life of their item's events, however many") {
    for (const int events : {1, 50, 100, 1000, 4000}) {
      CAPTURE(events);
      const auto pairs = pairs_around(events, 1000);
      CHECK(pairs.list(0).count_of(0) / pairs.list(0).count_of(1)
            == doctest::Approx(std::exp2(-events / 1000.0)).epsilon(0.001));
    }
    const auto long_ago = pairs_around(40'000, 1'000'000'000);
    CHECK(long_ago.list(0).count_of(0) == doctest::Approx(long_ago.list(0).count_of(1)));
    const auto never = pairs_around(4000, 0);
    CHECK(never.list(0).count_of(0) == never.list(0).count_of(1));
  }

  TEST_CASE("an item of many events forgets more slowly") {
    const auto pairs = pairs_around(4000, 10);
    const auto left = pairs.list(0).count_of(0) / pairs.list(0).count_of(1);
    // The first 40 events at a half-life of 10, then (40 / 4000) to the power of 4 ln 2.
    CHECK(left == doctest::Approx(std::exp2(-4) * std::pow(0.01, 4 * std::log(2.0))).epsilon(0.1));
    CHECK(pairs.scale_of(0) > 0);
  }

  TEST_CASE("lists brought down keep what they mean") {
    config::signals_settings signals;
    signals.neighbour_half_life_events = 1'000'000;
    co_occurrence once{signals};
    once.add_row();
    for (int i = 0; i < 8; ++i)
      once.happened(0);
    once.count(0, 0, 0, 1);
    once.count_total(0, 1);

    signals.neighbour_half_life_events = 2;
    co_occurrence often{signals};
    often.add_row();
    for (int i = 0; i < 100'000; ++i) { // its unit grows by more than 32 half-lives
      often.happened(0);
      often.count(0, 0, 0, 1);
      often.count_total(0, 1);
    }
    const auto whole = often.list(0).count_of(0) * often.scale_of(0);
    CHECK(std::isfinite(whole));
    CHECK(whole > once.list(0).count_of(0) * once.scale_of(0));
  }

  TEST_CASE("a target of many events counts for less") {
    co_occurrence pairs{{}};
    for (int row = 0; row < 3; ++row)
      pairs.add_row();
    for (int i = 0; i < 1000; ++i)
      pairs.happened(2);
    pairs.count(0, 0, 1, 1);
    pairs.count(0, 1, 2, 1);
    const auto& list = pairs.list(0);
    CHECK(list.count_of(0) > 2 * list.count_of(1));
    CHECK(list.count_of(1) > 0.3F * list.count_of(0));
  }

  TEST_CASE("shares compare: the damped total counts pairs of other slices too") {
    co_occurrence pairs{{}};
    pairs.add_row();
    pairs.add_row();
    pairs.count(0, 0, 0, 1);
    pairs.count_total(0, 1);
    pairs.count(1, 0, 0, 1);
    pairs.count_total(1, 5);
    CHECK(pairs.scale_of(0) > pairs.scale_of(1));
  }

} // TEST_SUITE

TEST_SUITE("model.popularity") {

  TEST_CASE("shares fade with their half-life and sum to one") {
    config::signals_settings signals;
    signals.popularity_half_lives_hours = {1, 24};
    popularity counts{signals};
    counts.add_item();
    counts.add_item();
    const auto learn = [&](std::uint32_t local, std::int64_t millis) {
      counts.learn_total(1, from_millis(millis));
      counts.learn(local, 1, from_millis(millis));
    };
    learn(0, 1'700'000'000'000);
    learn(1, 1'700'000'000'000 + hour);
    CHECK(counts.share(0, 0) == doctest::Approx(1.0 / 3));
    CHECK(counts.share(1, 0) == doctest::Approx(2.0 / 3));
    const auto day = std::exp2(-1.0 / 24);
    CHECK(counts.share(0, 1) == doctest::Approx(day / (1 + day)));
    CHECK(counts.signal(1) > counts.signal(0));
  }

  TEST_CASE("decades without an event and leaps back do no harm") {
    config::signals_settings signals;
    popularity counts{signals};
    for (int n = 0; n < 3; ++n)
      counts.add_item();
    std::uint32_t local = 0;
    for (const std::int64_t millis :
         {std::int64_t{0}, std::int64_t{3'000'000'000'000}, std::int64_t{5}}) {
      counts.learn_total(1, from_millis(millis));
      counts.learn(local++, 1, from_millis(millis));
    }
    CHECK(counts.share(1, 0) == doctest::Approx(1));
    CHECK(counts.share(0, 0) == 0);
    for (std::uint32_t i = 0; i < 3; ++i)
      CHECK(std::isfinite(counts.signal(i)));
  }

  TEST_CASE("the top is exact however counts move") {
    config::signals_settings signals;
    signals.popularity_half_lives_hours = {100};
    popularity counts{signals};
    constexpr std::uint32_t items = 3000;
    for (std::uint32_t n = 0; n < items; ++n)
      counts.add_item();
    std::mt19937 random{8};
    for (int n = 0; n < 30000; ++n) {
      const auto when = from_millis(n * hour / 50);
      const auto local =
          static_cast<std::uint32_t>((random() % items) * (random() % items) / items);
      counts.learn_total(1, when);
      counts.learn(local, 1, when);
    }
    std::vector<double> shares;
    for (std::uint32_t n = 0; n < items; ++n)
      shares.push_back(counts.share(n, 0));
    std::sort(shares.rbegin(), shares.rend());
    std::vector<double> top;
    for (const auto local : counts.top(0))
      top.push_back(counts.share(local, 0));
    std::sort(top.rbegin(), top.rend());
    REQUIRE(top.size() == popularity::top_max);
    for (std::size_t i = 0; i < top.size(); ++i)
      CHECK(top[i] == shares[i]);
  }

} // TEST_SUITE

TEST_SUITE("model.content") {

  TEST_CASE("words of a title are told apart and lower-cased") {
    CHECK(title_words("The Lord of the Rings: Part 2 (2002)")
          == std::vector<std::string>{"the", "lord", "rings", "part", "2002"});
    CHECK(title_words("Am\xC3\xA9lie").size() == 1);
    CHECK(title_words("").empty());
  }

  TEST_CASE("rare labels weigh more than common ones") {
    content_index index{64};
    for (std::uint32_t n = 0; n < 20; ++n) {
      index.add_item();
      index.set(n, film("f" + std::to_string(n), {"Drama"}));
    }
    index.set(3, film("f3", {"Drama", "Western"}));
    index.set(7, film("f7", {"Western"}));
    const auto wanted = index.wish_for(film("x", {"Drama", "Western"}));
    CHECK(index.match(wanted, 3, false) > index.match(wanted, 7, false));
    CHECK(index.match(wanted, 7, false) > index.match(wanted, 5, false));
    CHECK(index.match(wanted, 3, false) == doctest::Approx(1));
  }

  TEST_CASE("a negative wish gives a negative match") {
    content_index index{64};
    for (std::uint32_t n = 0; n < 10; ++n) {
      index.add_item();
      index.set(n, film("f", {n < 3 ? "War" : "Comedy"}));
    }
    const std::vector<std::pair<std::uint64_t, float>> labels{{stable_hash("category:War"), -1.0F}};
    CHECK(index.match(index.wish_for(labels), 1, false) < 0);
    CHECK(index.match(index.wish_for(labels), 5, false) == 0);
  }

  TEST_CASE("changed items are proposed by what they are now") {
    content_index index{64};
    for (std::uint32_t n = 0; n < 200; ++n) {
      index.add_item();
      index.set(n, film("f" + std::to_string(n), {"Old"}));
    }
    for (std::uint32_t n = 0; n < 199; ++n)
      index.set(n, film("f" + std::to_string(n), {"New"}));
    index.clear(5);
    const auto wanted = index.wish_for(film("", {"Old"}));
    std::set<std::uint32_t> met;
    index.propose(wanted, 1000, [&](std::uint32_t local) { met.insert(local); });
    CHECK(met.count(199) == 1);
    CHECK(met.size() < 40);
    CHECK(index.match(wanted, 5, false) == 0);
    CHECK(index.match(wanted, 6, false) == 0);
  }

  TEST_CASE("terms per item are bounded") {
    content_index index{3};
    index.add_item();
    index.set(0, film("many words here", {"a", "b", "c", "d"}));
    const auto wanted = index.wish_for(film("words", {"d"}));
    CHECK(index.match(wanted, 0, true) == 0);
    CHECK(labels_of(film("", {"a", "b", "a"}), 10)
          == std::vector<std::string>{"category:a", "category:b"});
  }

} // TEST_SUITE
