#include "model/strongest_first.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <utility>
#include <vector>

using namespace troupe::model;

namespace {

using sums = std::vector<float>;

/// All that comes out, stretch by stretch, as locals.
std::vector<std::vector<std::uint32_t>> stretches_of(strongest_first& from, std::size_t most) {
  std::vector<std::vector<std::uint32_t>> made;
  for (;;) {
    const auto stretch = from.next(most);
    if (stretch.empty())
      return made;
    std::vector<std::uint32_t> locals;
    for (const auto one : stretch)
      locals.push_back(strongest_first::local_of(one));
    made.push_back(std::move(locals));
  }
}

void add_all(strongest_first& to, const sums& from) {
  to.start(from.size());
  for (std::uint32_t local = 0; local < from.size(); ++local)
    to.add(local, from[local], true);
}

} // namespace

TEST_SUITE("model.strongest_first") {

  TEST_CASE("each stretch is stronger than the next, and all come once") {
    std::mt19937 random{3};
    strongest_first order; // kept from query to query
    for (const std::size_t size : std::vector<std::size_t>{1, 2, 40, 3000, 17}) {
      CAPTURE(size);
      sums all(size);
      for (auto& one : all)
        one = std::exp(std::normal_distribution<float>{0, 3}(random));
      for (const std::size_t most : std::vector<std::size_t>{1, 7, 160, 5000}) {
        CAPTURE(most);
        add_all(order, all);
        std::vector<bool> came(size, false);
        float least = std::numeric_limits<float>::infinity();
        std::size_t count = 0;
        for (const auto& stretch : stretches_of(order, most)) {
          count += stretch.size();
          if (count < size)
            CHECK(stretch.size() >= most);
          float lowest = least;
          for (const auto local : stretch) {
            REQUIRE_FALSE(came[local]);
            came[local] = true;
            CHECK(all[local] <= least);
            lowest = std::min(lowest, all[local]);
          }
          least = lowest;
        }
        CHECK(count == size);
      }
    }
  }

  TEST_CASE("what is not wanted or has no sum never comes") {
    strongest_first order;
    order.start(5);
    order.add(0, 1.0F, false);
    order.add(1, 0.0F, true);
    order.add(2, -3.0F, true);
    order.add(3, 0.25F, true);
    order.add(4, -0.0F, true);
    const auto all = stretches_of(order, 10);
    REQUIRE(all.size() == 1);
    CHECK(all.front() == std::vector<std::uint32_t>{3});
  }

  TEST_CASE("nothing added, nothing comes") {
    strongest_first order;
    CHECK(order.next(3).empty());
    order.start(0);
    CHECK(order.next(3).empty());
  }

  TEST_CASE("the smallest and the largest sums have their places") {
    const sums all{std::numeric_limits<float>::denorm_min(), std::numeric_limits<float>::max(),
                   std::numeric_limits<float>::min(), std::numeric_limits<float>::infinity(), 1.0F};
    strongest_first order;
    add_all(order, all);
    std::vector<std::uint32_t> came;
    for (const auto& stretch : stretches_of(order, 1)) {
      REQUIRE(stretch.size() == 1);
      came.push_back(stretch.front());
    }
    CHECK(came == std::vector<std::uint32_t>{3, 1, 4, 2, 0});
  }

  TEST_CASE("as numbers, entries are in order of their sums and then of their locals") {
    strongest_first order;
    order.start(3);
    order.add(9, 0.5F, true);
    order.add(4, 0.5F, true);
    order.add(7, 0.75F, true);
    auto stretch = order.next(3);
    REQUIRE(stretch.size() == 3);
    std::sort(stretch.begin(), stretch.end(), std::greater<>{});
    CHECK(strongest_first::local_of(stretch[0]) == 7);
    CHECK(strongest_first::local_of(stretch[1]) == 4);
    CHECK(strongest_first::local_of(stretch[2]) == 9);
  }

} // TEST_SUITE
