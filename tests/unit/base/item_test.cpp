#include "base/item.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

using namespace troupe;

namespace {

item with(std::vector<float> vector) {
  item made;
  made.id = item_id{"318"};
  made.vector = std::move(vector);
  return made;
}

std::string refusal(std::vector<float> vector) {
  const auto checked = check_item(with(std::move(vector)));
  REQUIRE(checked.has_error());
  CHECK(checked.error().code == errc::invalid_argument);
  return checked.error().context;
}

} // namespace

TEST_SUITE("base.item") {

  TEST_CASE("an item may have a vector of any size and scale, or none") {
    CHECK(check_item(with({})));
    CHECK(check_item(with({-2})));
    CHECK(check_item(with({0, 0, 1e-40F})));
    CHECK(check_item(with(std::vector<float>(item_limits::vector_values_max, 3e38F))));
    CHECK(with({1, 2}) != with({1, 3}));
  }

  TEST_CASE("a vector that is too long, not finite or without a direction is refused") {
    CHECK(refusal(std::vector<float>(item_limits::vector_values_max + 1, 1.0F))
          == "vector has 4097 values; at most 4096 are allowed");
    CHECK(refusal({1, NAN}) == "vector[1] is not a finite number");
    CHECK(refusal({std::numeric_limits<float>::infinity()}) == "vector[0] is not a finite number");
    CHECK(refusal({0, -0.0F}).starts_with("vector is all zeros"));
  }

} // TEST_SUITE
