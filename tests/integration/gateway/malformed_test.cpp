// Everything that can be wrong with an event, an item or a body, through every door that takes
// it: what is wrong is told by name, nothing of it is taken, and the connection goes on.
#include "tests/integration/gateway/server_fixture.hpp"
#include "troupe/v1/live.pb.h"

#include <boost/asio/write.hpp>
#include <doctest/doctest.h>

#include <limits>

using namespace troupe;
using namespace troupe::test;

namespace {

struct wrong_event {
  std::string name;
  std::string text; ///< the whole event
  std::string detail;
  unsigned status = 400;
};

const std::string begin = R"({"event_id":"e1","user_id":"u1","item_id":"318","type":"click")";

/// A proper event with `fields` behind it.
std::string with(const std::string& fields) {
  return begin + "," + fields + "}";
}

/// A proper event in which `field` has the JSON `value`.
std::string made(const std::string& field, const std::string& value) {
  std::string out = "{";
  for (const auto* name : {"event_id", "user_id", "item_id", "type"})
    out += "\"" + std::string{name} + "\":"
           + (field == name                    ? value
              : std::string{name} == "user_id" ? R"("u1")"
                                               : R"("x")")
           + ",";
  out.back() = '}';
  return out;
}

std::string quoted(std::size_t size) {
  return "\"" + std::string(size, 'x') + "\"";
}

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

const std::vector<wrong_event>& wrong_json() {
  static const std::vector<wrong_event> cases{
      {"half an object", R"({"event_id":"e1","item_id":)", "not JSON"},
      {"two values", begin + "} {}", "not JSON"},
      {"a trailing comma", begin + ",}", "not JSON"},
      {"single quotes", "{'event_id':'e1'}", "not JSON"},
      {"a comment", begin + "/* */}", "not JSON"},
      {"NaN", with(R"("value":NaN)"), "not JSON"},
      {"Infinity", with(R"("value":-Infinity)"), "not JSON"},
      {"a number beyond double", with(R"("value":1e999)"),
       "number out of range at line 1, column "},
      {"a whole number beyond 64 bits", with(R"("later":18446744073709551616)"), "out of range"},
      {"a number with a leading zero", with(R"("value":05)"), "malformed number at line 1"},
      {"half a surrogate pair", with(R"("session_id":"\ud800")"), "not JSON"},
      {"a raw control character", with("\"session_id\":\"a\nb\""), "not JSON"},
      {"deep nesting", with("\"later\":" + nested(200)), "nested deeper than 32 levels"},
  };
  return cases;
}

const std::vector<wrong_event>& wrong_fields() {
  static const std::vector<wrong_event> cases{
      {"event_id a number", made("event_id", "1"), "event_id: expected a string, found a number"},
      {"item_id an array", made("item_id", "[]"), "item_id: expected a string, found an array"},
      {"item_id null", made("item_id", "null"), "item_id: expected a string, found null"},
      {"type an object", made("type", "{}"), "type: expected a string, found an object"},
      {"value a string", with(R"("value":"5")"), "value: expected a number, found a string"},
      {"value beyond 32 bits", with(R"("value":1e300)"), "value: does not fit a 32-bit number"},
      {"timestamp a boolean", with(R"("timestamp":true)"), "timestamp: expected an ISO 8601"},
      {"session_id a number", with(R"("session_id":7)"), "session_id: expected a string"},
      {"context a string", with(R"("context":"{}")"), "context: expected an object"},
      {"context too large", with(R"("context":{"a":)" + quoted(4096) + "}"), "at most 4096", 413},
      {"a field twice", with(R"("type":"click")"), "type: given twice"},
      {"no item_id", R"({"user_id":"u1","type":"click"})", "item_id: missing"},
      {"no type", R"({"user_id":"u1","item_id":"1"})", "type: missing"},
      {"an empty type", made("type", R"("")"), "type has 0 bytes"},
      {"a long type", made("type", quoted(65)), "type has 65 bytes"},
      {"a type in capitals", made("type", R"("Click")"), "type may hold only"},
      {"an empty event_id", made("event_id", R"("")"), "event_id is empty"},
      {"an empty item_id", made("item_id", R"("")"), "item_id is empty"},
      {"a long event_id", made("event_id", quoted(257)), "event_id has 257 bytes"},
      {"a long item_id", made("item_id", quoted(257)), "item_id has 257 bytes"},
      {"a long session_id", with("\"session_id\":" + quoted(257)), "session_id has 257 bytes"},
      {"a long slate_id", with("\"slate_id\":" + quoted(257)), "slate_id has 257 bytes"},
      {"a NUL in an id", made("item_id", R"("a\u0000b")"), "control character (byte 0x00)"},
      {"a negative time", with(R"("timestamp":-1)"), "timestamp lies before 1970"},
      {"a time before 1970", with(R"("timestamp":"1969-12-31T23:59:59Z")"), "before 1970"},
      {"a far-future time", with(R"("timestamp":253402300799999)"), "in the future"},
      {"a far-future text", with(R"("timestamp":"9999-12-31T23:59:59Z")"), "in the future"},
      {"a time beyond calendars", with(R"("timestamp":9223372036854775807)"), "every calendar"},
      {"a time beyond 64 bits", with(R"("timestamp":18446744073709551615)"), "timestamp: expected"},
      {"a fraction of a millisecond", with(R"("timestamp":1.5)"), "timestamp: expected"},
      {"a day that is none", with(R"("timestamp":"2026-02-30T00:00:00Z")"), "is not an ISO 8601"},
      {"a time without a zone", with(R"("timestamp":"2026-01-31T00:00:00")"), "is not an ISO 8601"},
  };
  return cases;
}

const std::string lines = "Content-Type: application/x-ndjson\r\n";

} // namespace

TEST_SUITE("gateway.malformed") {

  TEST_CASE("a wrong event over REST is refused by name, alone and in a list") {
    server_fixture at;
    REQUIRE(at.server);
    raw_client client{at};
    for (const auto& [name, text, detail, status] : wrong_fields()) {
      CAPTURE(name);
      auto answer = client.ask("POST", "/v1/events", text);
      CHECK(answer.status == status);
      CHECK(answer.has("Content-Type: application/problem+json"));
      CHECK_MESSAGE(answer.body.find(detail) != std::string::npos, answer.body);
      for (const auto& [body, fields] :
           {std::pair{"[" + text + "]", std::string{"Content-Type: application/json\r\n"}},
            std::pair{text + "\n", lines}}) {
        answer = client.ask("POST", "/v1/events", body, fields);
        CHECK(answer.status == 207);
        CHECK(answer.body.starts_with(R"({"accepted":0,"duplicates":0,"failed":1,)"));
        CHECK_MESSAGE(answer.body.find(detail) != std::string::npos, answer.body);
      }
    }
    CHECK(at.control->ingested == 0);
    CHECK(client.ask("POST", "/v1/events", begin + "}").status == 200);
  }

  TEST_CASE("what is not JSON is refused over REST; in lines it fails alone") {
    server_fixture at;
    raw_client client{at};
    auto cases = wrong_json();
    cases.push_back({"bad UTF-8", with("\"session_id\":\"\xff\""), "not JSON"});
    cases.push_back({"overlong UTF-8", with("\"session_id\":\"\xc0\xaf\""), "not JSON"});
    cases.push_back({"a surrogate in UTF-8", with("\"session_id\":\"\xed\xa0\x80\""), "not JSON"});
    std::uint64_t taken = 0;
    for (const auto& [name, text, detail, status] : cases) {
      CAPTURE(name);
      auto answer = client.ask("POST", "/v1/events", text);
      CHECK(answer.status == 400);
      CHECK_MESSAGE(answer.body.find(detail) != std::string::npos, answer.body);
      CHECK(client.ask("POST", "/v1/events", "[" + text + "]").status == 400);
      if (text.find('\n') != std::string::npos)
        continue; // two lines, then
      answer = client.ask("POST", "/v1/events", text + "\n" + begin + "}\n", lines);
      CHECK(answer.status == 207);
      CHECK(answer.body.find(R"("failed":1)") != std::string::npos);
      CHECK(answer.body.find(R"({"event_id":"e1","seq":1,"duplicate":)") != std::string::npos);
      taken = 1;
    }
    CHECK(at.control->ingested == taken);
    for (const auto* none : {"", " ", "5", "null", "\"text\"", R"({"events":{}})"})
      CHECK_MESSAGE(client.ask("POST", "/v1/events", none).status == 400, none);
  }

  TEST_CASE("a wrong event over WebSocket is refused by name, and the connection stays") {
    server_fixture at;
    live_client client{at};
    client.ask(R"({"hello":{"user_id":"u1"}})", "slate");
    for (const auto* cases : {&wrong_json(), &wrong_fields()})
      for (const auto& [name, text, detail, status] : *cases) {
        CAPTURE(name);
        const auto answer = client.ask(R"({"event":)" + text + "}", "error");
        CHECK_MESSAGE(answer.find(detail) != std::string::npos, answer);
        CHECK(answer.find("\"status\":" + std::to_string(status)) != std::string::npos);
      }
    CHECK(at.control->ingested == 0);
    CHECK(client.ask(R"({"event":)" + begin + "}}", "ack").find(R"("seq":1)") != std::string::npos);
  }

  TEST_CASE("every other wrong message over WebSocket is refused by name") {
    server_fixture at;
    live_client client{at};
    for (const auto& [text, detail] :
         {std::pair{std::string{R"({"hello":{"user_id":""}})"}, "hello.user_id is empty"},
          std::pair{R"({"hello":{"user_id":)" + quoted(257) + "}}", "hello.user_id has 257 bytes"},
          std::pair{std::string{R"({"hello":{"user_id":5}})"}, "hello.user_id: expected a string"},
          std::pair{std::string{R"({"hello":{}})"}, "hello.user_id: missing"},
          std::pair{R"({"hello":{"user_id":"u1","surface":)" + quoted(65) + "}}", "surface"},
          std::pair{std::string{R"({"hello":{"user_id":"u1","k":0}})"}, "hello.k: expected"},
          std::pair{R"({"hello":{"user_id":"u1","filter":)" + quoted(2049) + "}}", "filter has"},
          std::pair{R"({"hello":{"user_id":"u1","resume":)" + quoted(2049) + "}}", "hello.resume"},
          std::pair{std::string{R"({"hello":{"user_id":"u1","later":1}})"}, ""}}) {
      CAPTURE(text);
      if (*detail == '\0') {
        CHECK(client.ask(text, "welcome") != ""); // an unknown field is ignored
        continue;
      }
      const auto answer = client.ask(text, "error");
      CHECK_MESSAGE(answer.find(detail) != std::string::npos, answer);
    }
    for (const auto& [text, detail] :
         {std::pair{std::string{R"({"impression":{"slate_id":"","positions":[0]}})"}, "is empty"},
          std::pair{std::string{R"({"impression":{"slate_id":"s","positions":[]}})"}, "is empty"},
          std::pair{std::string{R"({"impression":{"slate_id":"s","positions":[-1]}})"}, "whole"},
          std::pair{std::string{R"({"impression":{"slate_id":"s","positions":5}})"}, "an array"},
          std::pair{std::string{R"({"subscribe":{"k":201}})"}, "subscribe.k: expected"},
          std::pair{std::string{R"({"subscribe":{"exclude":[1]}})"}, "subscribe.exclude"},
          std::pair{std::string{R"({"unsubscribe":{"surface":""}})"}, "is empty"},
          std::pair{R"({"ping":{"nonce":)" + quoted(65) + "}}", "at most 64"},
          std::pair{std::string{R"({"ping":[]})"}, "ping: expected an object"},
          std::pair{std::string{R"({"ping":{},"event":{}})"}, "one key"},
          std::pair{std::string{"[]"}, "one key"}, std::pair{std::string{" "}, "JSON"}}) {
      CAPTURE(text);
      const auto answer = client.ask(text, "error");
      CHECK_MESSAGE(answer.find(detail) != std::string::npos, answer);
    }
    CHECK(client.ask(R"({"ping":{"nonce":"n","later":{}}})", "pong")
          == R"({"pong":{"nonce":"n"}})");
  }

  TEST_CASE("a name that is cut in an error is cut between characters") {
    server_fixture at;
    live_client client{at};
    client.ask(R"({"hello":{"user_id":"u1"}})", "slate");
    // 63 bytes, then one character of two bytes: a cut at 64 would halve it, and a text frame
    // that is not UTF-8 makes every client close the connection.
    const auto answer = client.ask("{\"" + std::string(63, 'n') + "\xc3\xa9\":{}}", "error");
    CHECK(answer.find("no message is called") != std::string::npos);
    CHECK(client.ask(R"({"ping":{}})", "pong") != "");
    raw_client rest{at};
    const auto refused =
        rest.ask("PUT", "/v1/items/318",
                 R"({"properties":{")" + std::string(79, 'n') + "\xc3\xa9" + R"(":null}})");
    CHECK(refused.status == 400);
    CHECK(refused.body.find("expected a boolean, a number") != std::string::npos);
  }

  TEST_CASE("wrong binary messages are refused, and the connection stays") {
    namespace pb = troupe::v1;
    server_fixture at;
    live_client client{at, "troupe.v1+proto"};
    client.stream().binary(true);
    const auto ask = [&](const std::string& bytes) {
      client.send(bytes);
      pb::ServerMessage out;
      do
        REQUIRE(out.ParseFromString(client.read()));
      while (out.has_slate());
      return out;
    };
    pb::ClientMessage hello;
    hello.mutable_hello()->set_user_id("u1");
    CHECK(ask(hello.SerializeAsString()).has_welcome());
    pb::ClientMessage good;
    good.mutable_event()->set_event_id("e1");
    good.mutable_event()->set_item_id("318");
    good.mutable_event()->set_type("click");
    std::vector<std::pair<std::string, std::string>> cases{
        {"\xff\xff", "not a troupe.v1.ClientMessage"},
        {good.SerializeAsString().substr(0, 9), "not a troupe.v1.ClientMessage"},  // half
        {std::string{"\x12\x03\x0a\x01\xff", 5}, "not a troupe.v1.ClientMessage"}, // bad UTF-8
        {"", "one message set"}};
    const auto add = [&](const char* detail, auto change) {
      pb::ClientMessage wrong = good;
      change(*wrong.mutable_event());
      cases.emplace_back(wrong.SerializeAsString(), detail);
    };
    add("value", [](auto& e) { e.set_value(std::numeric_limits<double>::quiet_NaN()); });
    add("value", [](auto& e) { e.set_value(std::numeric_limits<double>::infinity()); });
    add("value", [](auto& e) { e.set_value(1e300); });
    add("before 1970", [](auto& e) { e.set_timestamp_ms(-1); });
    add("in the future", [](auto& e) { e.set_timestamp_ms(253402300799999); });
    add("calendar", [](auto& e) { e.set_timestamp_ms(std::numeric_limits<std::int64_t>::max()); });
    add("calendar", [](auto& e) { e.set_timestamp_ms(std::numeric_limits<std::int64_t>::min()); });
    add("item_id is empty", [](auto& e) { e.clear_item_id(); });
    add("item_id has 257", [](auto& e) { e.set_item_id(std::string(257, 'x')); });
    add("event_id has 257", [](auto& e) { e.set_event_id(std::string(257, 'x')); });
    add("control character", [](auto& e) { e.set_item_id(std::string(1, '\0')); });
    add("type", [](auto& e) { e.set_type("Click"); });
    add("user of this connection", [](auto& e) { e.set_user_id("u2"); });
    add("context: expected an object", [](auto& e) { e.set_context_json("[]"); });
    add("context: not JSON", [](auto& e) { e.set_context_json("{\"a\":NaN}"); });
    add("nested deeper", [](auto& e) { e.set_context_json("{\"a\":" + nested(200) + "}"); });
    add("at most 4096", [](auto& e) { e.set_context_json("{\"a\":" + quoted(4096) + "}"); });
    for (const auto& [bytes, detail] : cases) {
      const auto answer = ask(bytes);
      REQUIRE(answer.has_error());
      CHECK_MESSAGE(answer.error().problem().detail().find(detail) != std::string::npos,
                    answer.error().problem().detail());
    }
    CHECK(at.control->ingested == 0);
    CHECK(ask(good.SerializeAsString() + std::string{"\xfa\x01\x01x", 4}).ack().seq() == 1);
  }

  TEST_CASE("wrong items, users and visits over REST are refused by name") {
    server_fixture at;
    raw_client client{at};
    for (const auto& [text, detail] :
         {std::pair{std::string{R"({"title":1})"}, "title: expected a string"},
          std::pair{std::string{R"({"item_id":""})"}, "item_id"},
          std::pair{R"({"title":)" + quoted(1025) + "}", "title has 1025 bytes"},
          std::pair{std::string{R"({"tags":[""]})"}, "empty entry"},
          std::pair{std::string{R"({"properties":{"a":{}}})"}, "properties.a: expected a boolean"},
          std::pair{std::string{R"({"properties":{"A":1}})"}, "property names are"},
          std::pair{std::string{R"({"properties":{"a":NaN}})"}, "not JSON"},
          std::pair{std::string{R"({"created_at":-1})"}, "created_at lies before 1970"},
          std::pair{std::string{R"({"created_at":253402300800000})"}, "created_at lies after"},
          std::pair{R"({"later":)" + nested(200) + "}", "nested deeper"},
          std::pair{std::string{"{\"title\":\"\xff\"}"}, "not JSON"},
          std::pair{std::string{"[]"}, "expected an object"}, std::pair{std::string{}, "JSON"}}) {
      CAPTURE(text);
      const auto answer = client.ask("PUT", "/v1/items/318", text);
      CHECK(answer.status == 400);
      CHECK_MESSAGE(answer.body.find(detail) != std::string::npos, answer.body);
      CHECK(client.ask("PATCH", "/v1/items/318", text).status >= 400);
    }
    CHECK(client.ask("GET", "/v1/items/318").status == 404); // nothing of it was taken
    CHECK(client.ask("PUT", "/v1/items/" + std::string(257, 'i'), "{}").status == 400);
    CHECK(client.ask("PUT", "/v1/users/u", R"({"properties":{"a":null}})").status == 400);
    CHECK(client.ask("PUT", "/v1/users/u", R"({"properties":[]})").status == 400);
    CHECK(client.ask("PUT", "/v1/users/" + std::string(257, 'u'), "{}").status == 400);
    for (const auto& text :
         {std::string{R"({"k":0})"}, std::string{R"({"k":"5"})"}, std::string{R"({"diversity":2})"},
          std::string{R"({"user_id":"u","history":[]})"}, std::string{R"({"history":[{}]})"},
          R"({"user_id":)" + quoted(257) + "}", R"({"filter":)" + quoted(2049) + "}"})
      CHECK_MESSAGE(client.ask("POST", "/v1/recommendations", text).status == 400, text);
    CHECK(client.ask("PUT", "/v1/items/318", R"({"title":"One","later":{}})").status == 200);
  }

  TEST_CASE("an unknown user gets a slate, an unknown item's event is taken") {
    server_fixture at;
    raw_client client{at};
    auto answer = client.ask("GET", "/v1/users/nobody/recommendations");
    CHECK(answer.status == 200);
    CHECK(answer.body.find(R"("profile_seq":0)") != std::string::npos);
    for (const auto* part : {"", "/profile", "/export"})
      CHECK(client.ask("GET", std::string{"/v1/users/nobody"} + part).status == 404);
    for (const auto* part : {"", "/similar"})
      CHECK(client.ask("GET", std::string{"/v1/items/nothing"} + part).status == 404);
    CHECK(client.ask("POST", "/v1/events", made("item_id", R"("nothing")")).status == 200);
    live_client live{at};
    CHECK(live.ask(R"({"hello":{"user_id":"nobody"}})", "slate").find(R"("profile_seq":0)")
          != std::string::npos);
    CHECK(live.ask(R"({"event":{"item_id":"nothing","type":"click"}})", "ack") != "");
  }

  TEST_CASE("what is too large is refused, whichever way it comes") {
    server_fixture at{[](config::settings& how) {
      how.gateway.body_bytes_max = 1000;
      how.gateway.message_bytes_max = 1000;
      how.gateway.bulk_max = 3;
    }};
    raw_client declared{at};
    CHECK(declared.ask("POST", "/v1/events", std::string(1001, ' ')).status == 413);
    CHECK(declared.closed());
    raw_client chunked{at};
    chunked.send("POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n3e9\r\n"
                 + std::string(1001, ' ') + "\r\n0\r\n\r\n");
    CHECK(chunked.read().status == 413);
    CHECK(chunked.closed());
    raw_client many{at};
    CHECK(many.ask("POST", "/v1/events", "[{},{},{},{}]").status == 413);
    CHECK(many.ask("POST", "/v1/events", "{}\n{}\n{}\n{}\n", lines).status == 413);
    CHECK(many.ask("POST", "/v1/items", "[{},{},{},{}]").status == 413);
    CHECK(at.metric("troupe_gateway_body_bytes_refused_total") == 2);
    // In two frames that are each within the limit.
    live_client live{at};
    live.stream().write_some(false, asio::buffer(std::string(600, ' ')));
    live.stream().write_some(true, asio::buffer(std::string(600, ' ')));
    CHECK(live.close_code() == 1009);
    CHECK(at.control->ingested == 0);
  }

  TEST_CASE("half a frame and then nothing ends in time, and does no harm") {
    server_fixture at;
    live_client opening{at};
    live_client greeted{at};
    greeted.ask(R"({"hello":{"user_id":"u1"}})", "slate");
    live_client gone{at};
    gone.ask(R"({"hello":{"user_id":"u1"}})", "slate");
    const std::string frame{"\x81\x8b\x00\x00\x00\x00{\"ping\":{}}", 17};
    for (auto* client : {&opening, &greeted, &gone})
      asio::write(client->stream().next_layer(), asio::buffer(frame.substr(0, 9)));
    gone.stream().next_layer().close();
    CHECK(raw_client{at}.ask("GET", "/healthz").status == 200);
    at.time.advance(std::chrono::seconds{121});
    CHECK(opening.close_code() == 4002);
    CHECK(greeted.close_code() == 4004);
    CHECK(at.reaches(R"(troupe_gateway_closes_total{code="1006"})", 1));
    CHECK(at.control->ingested == 0);
    // What the clients' goodbyes do to the half frames is a broken frame: the places come back.
    at.time.advance(std::chrono::seconds{3});
    raw_client last{at};
    CHECK(last.ask("GET", "/healthz").status == 200);
    for (int i = 0; i < 20000 && at.server->connections() > 1; ++i)
      REQUIRE(last.ask("GET", "/healthz").status == 200);
    CHECK(at.server->connections() == 1);
  }

} // TEST_SUITE
