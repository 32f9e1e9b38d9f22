#include "model/quality.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

using namespace troupe;
using namespace troupe::model;

namespace {

using counts = std::vector<std::uint64_t>;
using items = std::vector<item_number>;

std::vector<interval> resample(const std::vector<std::uint32_t>& targets,
                               const std::vector<std::vector<double>>& sums, std::uint64_t seed) {
  const std::vector<std::span<const double>> views(sums.begin(), sums.end());
  return bootstrap(targets, views, seed);
}

} // namespace

TEST_SUITE("model.quality") {

  TEST_CASE("hits, gains and reciprocal ranks of four targets") {
    quality_tally tally;
    const counts events(40, 100);
    items shown;
    for (item_number i = 0; i < 20; ++i)
      shown.push_back(i);
    tally.judge(0, shown, 0, events);       // first
    tally.judge(0, shown, 6, events);       // seventh
    tally.judge(2, shown, 14, events);      // fifteenth
    tally.judge(2, shown, no_item, events); // not in the catalogue
    const auto made = tally.summary("some", 40);
    CHECK(made.name == "some");
    CHECK(made.recall[0] == doctest::Approx(1.0 / 4));
    CHECK(made.recall[1] == doctest::Approx(2.0 / 4));
    CHECK(made.recall[2] == doctest::Approx(3.0 / 4));
    CHECK(made.ndcg[0] == doctest::Approx(1.0 / 4));
    CHECK(made.ndcg[1] == doctest::Approx((1 + 1 / std::log2(8.0)) / 4));
    CHECK(made.ndcg[2] == doctest::Approx((1 + 1 / std::log2(8.0) + 1 / std::log2(16.0)) / 4));
    CHECK(made.mrr == doctest::Approx((1 + 1.0 / 7 + 1.0 / 15) / 4));
    REQUIRE(tally.hits_of().size() == 3);
    CHECK(tally.hits_of()[0] == 2);
    CHECK(tally.hits_of()[2] == 0);
    CHECK(tally.gains_of()[0] == doctest::Approx(1 + 1 / std::log2(8.0)));
  }

  TEST_CASE("exposure is that of the top 10: coverage, popularity, cold items") {
    quality_tally tally;
    items shown;
    for (item_number i = 0; i < 12; ++i)
      shown.push_back(i);
    counts events(20, 10);
    events[0] = 0;
    events[1] = 4;
    events[2] = 5;
    tally.judge(0, shown, no_item, events);
    events[0] = 6; // warm by now
    tally.judge(0, items{0, 1}, no_item, events);
    const auto made = tally.summary("some", 20);
    CHECK(made.coverage == doctest::Approx(10.0 / 20));
    CHECK(made.cold_share == doctest::Approx(3.0 / 12)); // 0 and 1 at first, then 1
    CHECK(made.mean_popularity == doctest::Approx((0 + 4 + 5 + 70 + 6 + 4) / 12.0));
    // Two items twice, eight once, ten never.
    counts places(20, 0);
    for (std::size_t i = 0; i < 10; ++i)
      places[i] = i < 2 ? 2 : 1;
    CHECK(made.gini == doctest::Approx(gini_of(places, 20)));
  }

  TEST_CASE("the Gini coefficient of known counts") {
    CHECK(gini_of({}, 0) == 0);
    CHECK(gini_of({}, 5) == 0);
    CHECK(gini_of({3, 3, 3, 3}, 4) == doctest::Approx(0));
    CHECK(gini_of({1, 3}, 2) == doctest::Approx(0.25));
    CHECK(gini_of({4}, 4) == doctest::Approx(0.75)); // one of four has all
    CHECK(gini_of({0, 4, 0, 0}, 4) == doctest::Approx(0.75));
    CHECK(gini_of({1, 2, 3, 4}, 4) == doctest::Approx(0.25));
  }

  TEST_CASE("a moving average looks back over its window") {
    quality_tally tally;
    for (const auto hit : {1, 0, 1, 1, 0, 0})
      tally.judge(0, items{7}, hit == 1 ? 7U : 8U, counts(9));
    const std::vector<std::size_t> at{1, 2, 4, 6, 99};
    const auto curve = tally.moving_recall(at, 2);
    REQUIRE(curve.size() == 5);
    CHECK(curve[0] == 1);
    CHECK(curve[1] == 0.5);
    CHECK(curve[2] == 1);
    CHECK(curve[3] == 0);
    CHECK(curve[4] == 0); // there is no more than there is
  }

  TEST_CASE("the bootstrap is the same with the same seed, and another with another") {
    std::vector<std::uint32_t> targets(50, 3);
    std::vector<double> hits;
    for (int user = 0; user < 50; ++user)
      hits.push_back(user % 4);
    const auto one = resample(targets, {hits}, 1);
    const auto again = resample(targets, {hits}, 1);
    const auto other = resample(targets, {hits}, 2);
    CHECK(one[0].low == again[0].low);
    CHECK(one[0].high == again[0].high);
    const bool differs = one[0].low != other[0].low || one[0].high != other[0].high;
    CHECK(differs);
    CHECK(one[0].low < 0.49);
    CHECK(one[0].high > 0.49);
  }

  TEST_CASE("the bootstrap draws users, each with all their targets") {
    // One user with one hit of one, one with none of three: 1, 1/4 or 0.
    auto made = resample({1, 3}, {{1, 0}}, 7);
    CHECK(made[0].low == 0);
    CHECK(made[0].high == 1);
    // Users all alike leave nothing to doubt; who has no targets is never drawn.
    made = resample({2, 0, 2, 2}, {{1, 99, 1, 1}}, 7);
    CHECK(made[0].low == doctest::Approx(0.5));
    CHECK(made[0].high == doctest::Approx(0.5));
    CHECK(resample({0, 0}, {{1, 1}}, 7)[0].high == 0);
    CHECK(resample({}, {}, 7).empty());
  }

  TEST_CASE("the bootstrap's width is that of a mean, and its draws are shared") {
    std::vector<std::uint32_t> targets(400, 1);
    std::vector<double> hits;
    std::vector<double> doubled;
    for (int user = 0; user < 400; ++user) {
      hits.push_back(user % 2);
      doubled.push_back(2 * (user % 2));
    }
    const auto made = resample(targets, {hits, doubled}, 3);
    // 1.96 standard errors of 0.5 / sqrt(400).
    CHECK(made[0].high - 0.5 == doctest::Approx(0.049).epsilon(0.15));
    CHECK(0.5 - made[0].low == doctest::Approx(0.049).epsilon(0.15));
    CHECK(made[1].high == doctest::Approx(2 * made[0].high));
    CHECK(made[1].low == doctest::Approx(2 * made[0].low));
  }

} // TEST_SUITE
