#include "gateway/json_codec.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::gateway;

namespace {

const timestamp now = from_millis(1769860800000);

std::string error_of(const std::string& json) {
  const auto read = parse_slate_body(json, now, {});
  return read ? "" : read.error().context;
}

} // namespace

TEST_SUITE("gateway.json_slates") {

  TEST_CASE("a slate request is read with every field") {
    const auto read = parse_slate_body(
        R"({"user_id":"u1","surface":"side","k":5,"filter":"year > 1990","exclude":["1","2"],
            "pin":["3"],"diversity":0.25,"category_cap":2,"explain":false,"properties":false})",
        now, {});
    REQUIRE(read.has_value());
    const auto& how = read->how.request;
    CHECK(read->user == user_id{"u1"});
    CHECK(how.surface == "side");
    CHECK(how.k == 5);
    CHECK(how.filter == "year > 1990");
    CHECK(how.exclude == std::vector<item_id>{item_id{"1"}, item_id{"2"}});
    CHECK(how.pin == std::vector<item_id>{item_id{"3"}});
    CHECK(how.diversity == 0.25);
    CHECK(how.category_cap == 2);
    CHECK_FALSE(how.explain);
    CHECK_FALSE(read->how.properties);
  }

  TEST_CASE("an empty request is an anonymous one with the defaults") {
    const auto read = parse_slate_body("{}", now, {});
    REQUIRE(read.has_value());
    CHECK(read->user.empty());
    CHECK(read->how.request.surface == "home");
    CHECK(read->how.request.k == 0);
    CHECK(read->how.request.explain);
    CHECK(read->how.properties);
  }

  TEST_CASE("an anonymous history needs only items and types") {
    const auto read = parse_slate_body(
        R"({"history":[{"item_id":"1","type":"click"},{"item_id":"2","type":"rating","value":5}]})",
        now, {});
    REQUIRE(read.has_value());
    REQUIRE(read->history.size() == 2);
    CHECK(read->history[1].item == item_id{"2"});
    CHECK(read->history[1].value == 5.0F);
    CHECK(read->history[0].time == now);
  }

  TEST_CASE("wrong requests are refused with the field") {
    CHECK(error_of("[]").starts_with("request: expected an object"));
    CHECK(error_of(R"({"k":0})").starts_with("request.k: expected a whole number from 1"));
    CHECK(error_of(R"({"k":201})").starts_with("request.k: expected"));
    CHECK(error_of(R"({"k":-1})").starts_with("request.k: expected"));
    CHECK(error_of(R"({"k":"5"})").starts_with("request.k: expected a whole number, found"));
    CHECK(error_of(R"({"k":5,"k":5})").starts_with("request.k: given twice"));
    CHECK(error_of(R"({"surface":""})").starts_with("request.surface is empty"));
    CHECK(
        error_of(R"({"surface":")" + std::string(65, 's') + "\"}").starts_with("request.surface"));
    CHECK(
        error_of(R"({"filter":")" + std::string(2049, 'f') + "\"}").starts_with("request.filter"));
    CHECK(error_of(R"({"diversity":1.5})").starts_with("request.diversity"));
    CHECK(error_of(R"({"exclude":"1"})").starts_with("request.exclude: expected an array"));
    CHECK(error_of(R"({"exclude":[""]})").starts_with("request.exclude: exclude is empty"));
    CHECK(error_of(R"({"explain":1})").starts_with("request.explain: expected true"));
    CHECK(error_of(R"({"user_id":""})").starts_with("request.user_id is empty"));
    CHECK(error_of(R"({"user_id":"u","history":[]})").starts_with("request: user_id and history"));
    CHECK(error_of(R"({"history":[{"type":"click"}]})")
              .starts_with("request: history[0].item_id: missing"));
    CHECK(error_of(R"({"history":{}})").starts_with("request.history: expected an array"));
  }

  TEST_CASE("lists have their limits") {
    std::string ids = "[\"1\"";
    for (int i = 0; i < 1000; ++i)
      ids += ",\"1\"";
    CHECK(error_of("{\"pin\":" + ids + "]}").starts_with("request.pin: at most 1000"));
    std::string events = R"([{"item_id":"1","type":"click"})";
    for (int i = 0; i < 200; ++i)
      events += R"(,{"item_id":"1","type":"click"})";
    CHECK(error_of("{\"history\":" + events + "]}").starts_with("request.history: at most 200"));
  }

} // TEST_SUITE
