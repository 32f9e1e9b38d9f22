#include "gateway/json_codec.hpp"
#include "gateway/json_writer.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::gateway;

namespace {

const timestamp now = from_millis(1769860800000);

struct wrong_case {
  std::string json;
  std::string error;
};

std::string many(std::size_t n, const std::string& entry = "\"x\"") {
  std::string out = "[" + entry;
  for (std::size_t i = 1; i < n; ++i)
    out += "," + entry;
  return out + "]";
}

} // namespace

TEST_SUITE("gateway.json_items") {

  TEST_CASE("an item is read as it was written, and written as it was read") {
    const std::string text =
        R"({"item_id":"318","title":"Shawshank \"R\" \\ é","categories":["Crime","Drama"],"tags":["prison"],"properties":{"flag":true,"list":["a","b"],"owner_id":"u9","year":1994},"hidden":true,"created_at":"1994-09-23T00:00:00.000Z","updated_at":"2026-01-31T12:00:00.000Z"})";
    const auto read = parse_item(text, now);
    REQUIRE(read.has_value());
    CHECK(read->hidden);
    CHECK(read->categories == std::vector<std::string>{"Crime", "Drama"});
    CHECK(std::get<double>(read->properties.at("year")) == 1994);
    CHECK(read->updated == now);
    std::string written;
    append_json(written, *read);
    CHECK(written == text);
  }

  TEST_CASE("an item's vector is read and written in 32 bits, or left out of what is written") {
    const std::string text =
        R"({"item_id":"318","title":"","categories":[],"tags":[],"properties":{},"hidden":false,"created_at":"1994-09-23T00:00:00.000Z","updated_at":"2026-01-31T12:00:00.000Z","vector":[0.1,-2,3e+38,1e-40,16777216]})";
    const auto read = parse_item(text, now);
    REQUIRE(read.has_value());
    CHECK(read->vector == std::vector<float>{0.1F, -2, 3e38F, 1e-40F, 16777216});
    std::string written;
    append_json(written, *read);
    CHECK(written == text);
    std::string without;
    append_json(without, *read, {.vector = false});
    CHECK(without == text.substr(0, text.find(",\"vector\"")) + "}");
    CHECK(parse_item(R"({"item_id":"318","vector":[]})", now)->vector.empty());
    const auto largest = many(item_limits::vector_values_max, "-0.12345678");
    CHECK(parse_item(R"({"item_id":"318","vector":)" + largest + "}", now)->vector.size() == 4096);
  }

  TEST_CASE("an item needs only its id, which may come from the path") {
    const auto read = parse_item("{}", now, {}, "7");
    REQUIRE(read.has_value());
    CHECK(read->id == item_id{"7"});
    CHECK(read->created == now);
    CHECK(parse_item(R"({"item_id":"7","unknown":[{}]})", now, {}, "7").has_value());
  }

  TEST_CASE("every malformed item is refused with the place of the mistake") {
    const std::vector<wrong_case> cases{
        {"[]", "item: expected an object"},
        {"{}", "item.item_id: missing"},
        {R"({"item_id":7})", "item.item_id: expected a string, found a number"},
        {R"({"item_id":""})", "item: item_id is empty"},
        {R"({"item_id":"7","title":null})", "item.title: expected a string, found null"},
        {R"({"item_id":"7","title":")" + std::string(1025, 't') + "\"}", "item: title has 1025"},
        {R"({"item_id":"7","categories":"Drama"})", "item.categories: expected an array"},
        {R"({"item_id":"7","categories":["a",1]})", "item.categories[1]: expected a string"},
        {R"({"item_id":"7","categories":[""]})", "item: categories holds an empty entry"},
        {R"({"item_id":"7","tags":)" + many(65) + "}", "item.tags: at most 64 entries"},
        {R"({"item_id":"7","hidden":"no"})", "item.hidden: expected true or false"},
        {R"({"item_id":"7","created_at":"soon"})", "item.created_at: is not an ISO"},
        {R"({"item_id":"7","created_at":-5})", "item: created_at lies before"},
        {R"({"item_id":"7","properties":[]})", "item.properties: expected an object"},
        {R"({"item_id":"7","properties":{"a":{}}})", "item.properties.a: expected a boolean"},
        {R"({"item_id":"7","properties":{"a":null}})", "item.properties.a: expected a boolean"},
        {R"({"item_id":"7","properties":{"a":1,"a":2}})", "item.properties.a: given twice"},
        {R"({"item_id":"7","properties":{"A b":1}})", "item: property names are"},
        {R"({"item_id":"7","item_id":"8"})", "item.item_id: given twice"},
        {R"({"item_id":"7","vector":"1,2"})", "item.vector: expected an array of numbers, found a"},
        {R"({"item_id":"7","vector":null})", "item.vector: expected an array of numbers, found nu"},
        {R"({"item_id":"7","vector":[1,"2"]})", "item.vector[1]: expected a number, found a str"},
        {R"({"item_id":"7","vector":[1,[2]]})", "item.vector[1]: expected a number, found an arr"},
        {R"({"item_id":"7","vector":[1,null]})", "item.vector[1]: expected a number, found null"},
        {R"({"item_id":"7","vector":[1,1e39]})", "item.vector[1]: is beyond a 32-bit float's rang"},
        {R"({"item_id":"7","vector":[NaN]})", "not JSON"},
        {R"({"item_id":"7","vector":[0,1e-60]})", "item: vector is all zeros"},
        {R"({"item_id":"7","vector":)" + many(4097, "1") + "}",
         "item.vector: has 4097 values; at most 4096 are allowed"},
        {R"({"item_id":"7","vector":[1],"vector":[1]})", "item.vector: given twice"},
    };
    for (const auto& [json, error] : cases) {
      CAPTURE(json.substr(0, 200));
      const auto read = parse_item(json, now);
      REQUIRE(read.has_error());
      CHECK_MESSAGE(read.error().context.starts_with(error), read.error().context);
    }
    const auto other = parse_item(R"({"item_id":"8"})", now, {}, "7");
    REQUIRE(other.has_error());
    CHECK(other.error().context == "item.item_id: is not the item of this path");
  }

  TEST_CASE("a bulk body keeps the good items and names the bad ones") {
    const auto read = parse_items(R"({"items":[{"item_id":"1"},{"item_id":"2","title":3}]})",
                                  body_format::json, now, {});
    REQUIRE(read.has_value());
    REQUIRE(read->entries.size() == 2);
    CHECK(read->entries[0].what.has_value());
    CHECK(read->entries[1].id == "2");
    CHECK(read->entries[1].what.error().context
          == "items[1].title: expected a string, found a number");
    const auto lines = parse_items("{\"item_id\":\"1\"}\nx\n", body_format::ndjson, now, {});
    REQUIRE(lines.has_value());
    CHECK(lines->entries.size() == 2);
  }

  TEST_CASE("a patch holds what was sent, and null removes a property") {
    const auto read = parse_patch(
        R"({"title":"New","tags":[],"hidden":true,"properties":{"year":2000,"old":null}})",
        item_id{"7"}, {});
    REQUIRE(read.has_value());
    CHECK(read->id == item_id{"7"});
    CHECK(read->title == "New");
    CHECK_FALSE(read->categories.has_value());
    CHECK(read->tags->empty());
    CHECK(read->hidden == true);
    CHECK(read->properties.at("year") == property_value{2000.0});
    CHECK_FALSE(read->properties.at("old").has_value());
    CHECK_FALSE(read->vector.has_value());
  }

  TEST_CASE("a patch sets a vector; null or no values remove it") {
    const auto patched = [](const std::string& json) {
      return parse_patch(json, item_id{"7"}, {});
    };
    CHECK(patched(R"({"vector":[1,2.5]})")->vector == std::vector<float>{1, 2.5F});
    CHECK(patched(R"({"vector":null})")->vector == std::vector<float>{});
    CHECK(patched(R"({"vector":[]})")->vector == std::vector<float>{});
    CHECK(patched(R"({"vector":[true]})").error().context.starts_with("patch.vector[0]: expected"));
    CHECK(patched(R"({"vector":[0]})").error().context.starts_with("patch: vector is all zeros"));
  }

  TEST_CASE("a wrong patch or user is refused") {
    CHECK(parse_patch(R"({"title":5})", item_id{"7"}, {})
              .error()
              .context.starts_with("patch.title: expected a string"));
    CHECK(parse_patch(R"({"title":")" + std::string(2000, 'x') + "\"}", item_id{"7"}, {})
              .error()
              .context.starts_with("patch: title has 2000"));
    CHECK(parse_patch("[]", item_id{"7"}, {}).has_error());
    CHECK(parse_user(R"({"properties":{"a":{}}})", user_id{"u"}, {})
              .error()
              .context.starts_with("user.properties.a"));
    const auto user = parse_user(R"({"properties":{"country":"de"}})", user_id{"u"}, {});
    REQUIRE(user.has_value());
    CHECK(user->properties.at("country") == property_value{std::string{"de"}});
  }

} // TEST_SUITE
