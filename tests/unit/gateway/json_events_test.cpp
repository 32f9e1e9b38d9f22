#include "gateway/json_codec.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::gateway;

namespace {

const timestamp now = from_millis(1769860800000); // 2026-01-31T12:00:00Z

event_defaults strict() {
  return {now, {}, {}};
}

struct wrong_case {
  std::string json;
  std::string error; ///< the context begins with it
};

std::string nested(std::size_t depth) {
  return R"({"event_id":"e","user_id":"u","item_id":"i","type":"click","x":)"
         + std::string(depth, '[') + std::string(depth, ']') + "}";
}

std::string event_with(const std::string& field) {
  return R"({"event_id":"e","user_id":"u","item_id":"i","type":"click",)" + field + "}";
}

} // namespace

TEST_SUITE("gateway.json_events") {

  TEST_CASE("an event with every field is read as it was written") {
    const auto read = parse_event(
        R"({"event_id":"e-1","user_id":"u1","item_id":"318","type":"rating","value":4.5,
            "timestamp":"2026-01-31T12:30:00.250+01:00","session_id":"visit","slate_id":"s-4",
            "context":{"page":"home","n":[1,2]}})",
        strict());
    REQUIRE(read.has_value());
    CHECK(read->id == event_id{"e-1"});
    CHECK(read->user == user_id{"u1"});
    CHECK(read->item == item_id{"318"});
    CHECK(read->type == "rating");
    CHECK(read->value == 4.5F);
    CHECK(read->time == now - std::chrono::minutes{30} + std::chrono::milliseconds{250});
    CHECK(read->session_id == "visit");
    CHECK(read->slate == "s-4");
    CHECK(read->context == R"({"page":"home","n":[1,2]})");
  }

  TEST_CASE("what an event leaves out is filled in") {
    const event_defaults defaults{now, "u9", [] { return std::string{"made"}; }};
    const auto read = parse_event(R"({"item_id":"i","type":"click"})", defaults);
    REQUIRE(read.has_value());
    CHECK(read->id == event_id{"made"});
    CHECK(read->user == user_id{"u9"});
    CHECK(read->time == now);
    CHECK_FALSE(read->value.has_value());
  }

  TEST_CASE("unknown fields are ignored, whatever they hold") {
    CHECK(parse_event(event_with(R"("future":{"a":[1,{"b":null}]},"x":1e300)"), strict())
              .has_value());
  }

  TEST_CASE("a timestamp may be whole milliseconds") {
    const auto read = parse_event(event_with(R"("timestamp":1769860800123)"), strict());
    REQUIRE(read.has_value());
    CHECK(to_millis(read->time) == 1769860800123);
  }

  TEST_CASE("every malformed event is refused with the place of the mistake") {
    const std::vector<wrong_case> cases{
        {"", "expected JSON, found nothing"},
        {"   ", "expected JSON, found nothing"},
        {"{", "not JSON"},
        {"nonsense", "not JSON"},
        {R"({"event_id":"e",})", "not JSON"},
        {R"({"event_id":'e'})", "not JSON"},
        {"{} {}", "not JSON"},
        {"[]", "event: expected an object, found an array"},
        {"7", "event: expected an object, found a number"},
        {"null", "event: expected an object, found null"},
        {event_with(R"("value":NaN)"), "not JSON"},
        {event_with(R"("value":Infinity)"), "not JSON"},
        {event_with(R"("value":1e999)"), "number out of range at line 1, column 68: 1e999; whole"},
        {event_with(R"("value":1e300)"), "event.value: does not fit"},
        {event_with(R"("value":"5")"), "event.value: expected a number, found a string"},
        {event_with(R"("value":[5])"), "event.value: expected a number, found an array"},
        {event_with(R"("value":true)"), "event.value: expected a number, found a boolean"},
        {event_with(R"("timestamp":-1)"), "event: timestamp lies before 1970"},
        {event_with(R"("timestamp":"1969-12-31T23:59:59Z")"), "event: timestamp lies before 1970"},
        {event_with(R"("timestamp":1769947200001)"), "event: timestamp lies 86400 s in the future"},
        {event_with(R"("timestamp":9223372036854775807)"), "event.timestamp: lies beyond"},
        {event_with(R"("timestamp":18446744073709551615)"), "event.timestamp: expected an ISO"},
        {event_with(R"("timestamp":1.5)"), "event.timestamp: expected an ISO"},
        {event_with(R"("timestamp":"yesterday")"), "event.timestamp: is not an ISO"},
        {event_with(R"("timestamp":"2026-02-30T00:00:00Z")"), "event.timestamp: is not an ISO"},
        {event_with(R"("timestamp":"2026-01-31T12:00:00")"), "event.timestamp: is not an ISO"},
        {event_with(R"("context":"text")"), "event.context: expected an object, found a string"},
        {event_with(R"("context":{"x":")" + std::string(5000, 'x') + "\"}"),
         "event.context: has 5008 bytes; at most 4096"},
        {event_with(R"("session_id":5)"), "event.session_id: expected a string, found a number"},
        {event_with(R"("slate_id":")" + std::string(257, 's') + "\""), "event: slate_id has 257"},
        {event_with(R"("type":"view")"), "event.type: given twice"},
        {event_with(R"("user_id":"v")"), "event.user_id: given twice"},
        {R"({"event_id":"","user_id":"u","item_id":"i","type":"click"})",
         "event: event_id is empty"},
        {R"({"event_id":"e","user_id":"","item_id":"i","type":"click"})",
         "event: user_id is empty"},
        {R"({"event_id":"e","user_id":"u","item_id":"","type":"click"})",
         "event: item_id is empty"},
        {R"({"event_id":"e","user_id":"u","item_id":")" + std::string(257, 'i')
             + R"(","type":"click"})",
         "event: item_id has 257 bytes; at most 256"},
        {R"({"event_id":"e","user_id":"u","item_id":"a\u0000b","type":"click"})",
         "event: item_id holds a control character"},
        {R"({"event_id":"e","user_id":"u","item_id":"i","type":"Click!"})", "event: type may hold"},
        {R"({"event_id":"e","user_id":"u","item_id":"i","type":""})", "event: type has 0 bytes"},
        {R"({"event_id":"e","user_id":"u","item_id":318,"type":"click"})",
         "event.item_id: expected a string, found a number"},
        {R"({"user_id":"u","item_id":"i","type":"click"})", "event.event_id: missing"},
        {R"({"event_id":"e","item_id":"i","type":"click"})", "event.user_id: missing"},
        {R"({"event_id":"e","user_id":"u","type":"click"})", "event.item_id: missing"},
        {R"({"event_id":"e","user_id":"u","item_id":"i"})", "event.type: missing"},
        {"{\"event_id\":\"\xC0\xAF\"}", "not JSON"},
        {"{\"event_id\":\"\xED\xA0\x80\"}", "not JSON"},
        {"{\"event_id\":\"\xFF\"}", "not JSON"},
        {R"({"event_id":"\ud800","user_id":"u","item_id":"i","type":"click"})", "not JSON"},
        {nested(32), "JSON nested deeper than 32 levels"},
        {nested(100000), "JSON nested deeper than 32 levels"},
    };
    for (const auto& [json, error] : cases) {
      CAPTURE(json.substr(0, 200));
      const auto read = parse_event(json, strict());
      REQUIRE(read.has_error());
      CHECK_MESSAGE(read.error().context.starts_with(error), read.error().context);
    }
  }

  TEST_CASE("a number that does not fit 64 bits is told from what is not JSON, with its place") {
    const std::vector<wrong_case> cases{
        {"{\"x\":18446744073709551616}",
         "number out of range at line 1, column 6: 18446744073709551616; whole numbers go from "
         "-9223372036854775808 to 18446744073709551615, others to 1.8e+308"},
        {"{\"x\":-9223372036854775809}",
         "number out of range at line 1, column 6: -92233720368547"},
        {"{\n \"a\": \"\\\"9e999\\\\\",\n  \"x\" : [1,-2.5e3, 1e999 ]}",
         "number out of range at line 3, column 20: 1e999;"},
        {"[" + std::string(400, '9') + "]",
         "number out of range at line 1, column 2: " + std::string(40, '9') + "; whole"},
        {"[" + std::string(400, '9') + ".5]", "number out of range at line 1, column 2: 9999"},
        {"-1e400", "number out of range at line 1, column 1: -1e400;"},
        {"[0, 05]", "not JSON: malformed number at line 1, column 5: 05"},
        {"[1.]", "not JSON: malformed number at line 1, column 2: 1."},
        {"[-]", "not JSON: malformed number at line 1, column 2: -"},
        {"[1e+]", "not JSON: malformed number at line 1, column 2: 1e+"},
        {"[1\xc3\xa9]", "not JSON: malformed number at line 1, column 2: 1\xc3\xa9"},
    };
    for (const auto& [json, error] : cases) {
      CAPTURE(json);
      const auto read = parse_event(json, strict());
      REQUIRE(read.has_error());
      CHECK(read.error().code == errc::invalid_argument);
      CHECK_MESSAGE(read.error().context.starts_with(error), read.error().context);
    }
    const auto lines =
        parse_events(event_with(R"("value":1)") + "\n{\"x\":" + std::string(20, '9') + "}",
                     body_format::ndjson, strict(), {});
    REQUIRE(lines.has_value());
    CHECK(lines->entries[1].what.error().context.starts_with(
        "events[1]: number out of range at line 1, column 6"));
  }

  TEST_CASE("the largest and the smallest numbers are read") {
    for (const auto* number :
         {"18446744073709551615", "-9223372036854775808", "1.7976931348623157e308", "1e-999", "-0",
          "100000000000000000000.0", "0.00000000000000000000000001", "9999999999999999999"})
      CHECK_MESSAGE(parse_event(event_with("\"x\":" + std::string{number}), strict()).has_value(),
                    number);
  }

  TEST_CASE("nesting up to the limit is read") {
    CHECK(parse_event(nested(31), strict()).has_value());
  }

  TEST_CASE("another user's event is refused on a connection") {
    const auto read = parse_event(event_with(R"("value":1)"), {now, "someone", {}});
    REQUIRE(read.has_error());
    CHECK(read.error().context == "event.user_id: is not the user of this connection");
  }

  TEST_CASE("a body may be one event, an array, an object with events, or lines") {
    const std::string one = event_with(R"("value":1)");
    const auto count = [&](const std::string& body, body_format format) {
      const auto read = parse_events(body, format, strict(), {});
      REQUIRE(read.has_value());
      for (const auto& entry : read->entries)
        CHECK(entry.what.has_value());
      return read->entries.size();
    };
    CHECK(count(one, body_format::json) == 1);
    CHECK(count("[" + one + "," + one + "]", body_format::json) == 2);
    CHECK(count("{\"events\":[" + one + "]}", body_format::json) == 1);
    CHECK(count(one + "\n\n" + one + "\r\n" + one, body_format::ndjson) == 3);
    CHECK(count("[]", body_format::json) == 0);
  }

  TEST_CASE("one wrong event in a list fails alone, with its place and id") {
    const auto read =
        parse_events("[" + event_with(R"("value":1)") + R"(,{"event_id":"e2","value":[]},3])",
                     body_format::json, strict(), {});
    REQUIRE(read.has_value());
    REQUIRE(read->entries.size() == 3);
    CHECK(read->entries[0].what.has_value());
    CHECK(read->entries[1].id == "e2");
    CHECK(read->entries[1].what.error().context
          == "events[1].value: expected a number, found an array");
    CHECK(read->entries[2].what.error().context == "events[2]: expected an object, found a number");
  }

  TEST_CASE("a wrong line fails alone") {
    const auto read =
        parse_events("{\n" + event_with(R"("value":1)"), body_format::ndjson, strict(), {});
    REQUIRE(read.has_value());
    REQUIRE(read->entries.size() == 2);
    CHECK(read->entries[0].what.error().context.starts_with("events[0]: not JSON"));
    CHECK(read->entries[1].what.has_value());
  }

  TEST_CASE("a list beyond the bulk limit is too large") {
    json_limits limits;
    limits.bulk_max = 2;
    for (const auto& [body, format] : {std::pair{std::string{"[1,2,3]"}, body_format::json},
                                       std::pair{std::string{"1\n2\n3"}, body_format::ndjson}}) {
      const auto read = parse_events(body, format, strict(), limits);
      REQUIRE(read.has_error());
      CHECK(read.error().code == errc::too_large);
    }
  }

  TEST_CASE("the limit of depth is the caller's, also after a large body") {
    json_limits deep;
    deep.depth_max = 64;
    CHECK(parse_event(nested(40), strict(), deep).has_value());
    CHECK(parse_event(nested(40), strict()).has_error());
    std::string large = "[" + event_with("\"value\":1");
    for (int i = 0; i < 9999; ++i)
      large += "," + event_with("\"value\":1,\"pad\":\"" + std::string(100, 'x') + "\"");
    CHECK(parse_events(large + "]", body_format::json, strict(), {}).has_value());
    CHECK(parse_event(nested(31), strict()).has_value());
    CHECK(parse_event(nested(32), strict()).has_error());
  }

  TEST_CASE("times are read with zone and fraction, and nothing else is") {
    CHECK(parse_time("2026-01-31T12:00:00Z") == now);
    CHECK(parse_time("2026-01-31 12:00Z") == now);
    CHECK(parse_time("2026-01-31t13:00:00.0+01:00") == now);
    CHECK(parse_time("2026-01-31T12:00:00.123456789z") == now + std::chrono::milliseconds{123});
    CHECK(parse_time("2026-01-31") == now - std::chrono::hours{12});
    CHECK(parse_time("2024-02-29") == from_millis(1709164800000));
    for (const auto* text :
         {"", "2026", "2026-13-01", "2026-02-29", "2026-01-31T", "2026-01-31T25:00:00Z",
          "2026-01-31T12:00:00", "2026-01-31T12:60:00Z", "2026-01-31T12:00:00.Z",
          "2026-01-31T12:00:00Zx", "2026-01-31T12:00:00+1:00", "2026-01-31T12:00:60Z",
          "-026-01-31T12:00:00Z", "2026-01-31T12:00:00+24:00"})
      CHECK_MESSAGE(!parse_time(text), text);
  }

} // TEST_SUITE
