#include "apps/troupe/import/rating_table.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::apps;

namespace {

std::vector<event> events_of(const rating_table& table) {
  std::vector<event> out;
  REQUIRE(table.read("t", [&out](event&& what, file_position) -> result<void> {
    out.push_back(std::move(what));
    return {};
  }));
  return out;
}

rating_table::row at(std::string_view user, std::string_view item, std::int64_t millis) {
  return {.user = user,
          .item = item,
          .type = "rating",
          .id = {},
          .value = 4,
          .time = from_millis(millis),
          .line = 2};
}

} // namespace

TEST_SUITE("apps.rating_table") {

  TEST_CASE("events come in the order of time, equal times in the order of the file") {
    rating_table table;
    table.add(at("u2", "late", 30));
    table.add(at("u1", "first", 10));
    table.add(at("u3", "second", 10));
    table.sort();
    const auto events = events_of(table);
    REQUIRE(events.size() == 3);
    CHECK(events[0].item.value == "first");
    CHECK(events[1].item.value == "second");
    CHECK(events[2].item.value == "late");
    CHECK(events[2].user.value == "u2");
    CHECK(events[2].value == 4.0F);
    CHECK(events[2].time == from_millis(30));
  }

  TEST_CASE("an event's id is made of what it says, so it is the same when read again") {
    rating_table table;
    table.add(at("u1", "7", 10));
    auto named = at("u1", "7", 11);
    named.id = "given";
    named.value = std::numeric_limits<float>::quiet_NaN();
    table.add(named);
    table.add(at("u1", std::string(256, 'x'), 12));
    const auto events = events_of(table);
    CHECK(events[0].id.value == "rating:7:10");
    CHECK(events[1].id.value == "given");
    CHECK_FALSE(events[1].value);
    CHECK(events[2].id.value.size() < 64);
    CHECK(events_of(table) == events);
  }

  TEST_CASE("first times are the earliest of each item") {
    rating_table table;
    table.add(at("u1", "a", 20));
    table.add(at("u2", "a", 10));
    table.add(at("u1", "b", 30));
    const auto times = table.first_times();
    CHECK(times.at("a") == from_millis(10));
    CHECK(times.at("b") == from_millis(30));
  }

} // TEST_SUITE
