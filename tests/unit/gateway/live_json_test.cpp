#include "gateway/json_codec.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::gateway;

namespace {

const timestamp now = from_millis(1769860800000);

live_result read(const std::string& text) {
  return parse_live_json(text, {now, "u1", [] { return std::string{"made"}; }}, {});
}

live_failure error_of(const std::string& text) {
  const auto out = read(text);
  REQUIRE(out.has_error());
  return out.error();
}

} // namespace

TEST_SUITE("gateway.live_json") {

  TEST_CASE("each message is read") {
    const auto hello = read(
        R"({"hello":{"user_id":"u1","surface":"home","k":5,"patch":true,"resume":"abc","filter":null}})");
    REQUIRE(hello.has_value());
    CHECK(std::get<hello_message>(*hello).user == user_id{"u1"});
    CHECK(std::get<hello_message>(*hello).how.request.k == 5);
    CHECK(std::get<hello_message>(*hello).patch);
    CHECK(std::get<hello_message>(*hello).surface_given);

    const auto event = read(R"({"event":{"event_id":"e","item_id":"1","type":"click"}})");
    REQUIRE(event.has_value());
    CHECK(std::get<event_message>(*event).what.user == user_id{"u1"});

    const auto seen = read(R"({"impression":{"slate_id":"s","positions":[0,3]}})");
    REQUIRE(seen.has_value());
    CHECK(std::get<impression_message>(*seen).positions == std::vector<std::uint32_t>{0, 3});

    const auto more = read(R"({"subscribe":{"surface":"side"}})");
    REQUIRE(more.has_value());
    CHECK(std::get<subscribe_message>(*more).how.request.surface == "side");

    const auto less = read(R"({"unsubscribe":{"surface":"side"}})");
    REQUIRE(less.has_value());
    CHECK(std::get<unsubscribe_message>(*less).surface == "side");

    const auto ping = read(R"({"ping":{}})");
    REQUIRE(ping.has_value());
    CHECK(std::get<ping_message>(*ping).nonce.empty());
  }

  TEST_CASE("hello without a user is read if it resumes") {
    const auto hello = read(R"({"hello":{"resume":"abc"}})");
    REQUIRE(hello.has_value());
    CHECK_FALSE(std::get<hello_message>(*hello).surface_given);
    CHECK(error_of(R"({"hello":{}})").why.context == "hello.user_id: missing");
  }

  TEST_CASE("a wrong message is refused with its name and, for events, its id") {
    const auto wrong = error_of(R"({"event":{"event_id":"e7","item_id":"1","type":5}})");
    CHECK(wrong.to == "event");
    CHECK(wrong.event_id == "e7");
    CHECK(wrong.why.context == "event.type: expected a string, found a number");
  }

  TEST_CASE("what is no message is refused") {
    CHECK(error_of("").why.context.starts_with("expected JSON"));
    CHECK(error_of("[]").why.context.starts_with("expected an object with one key"));
    CHECK(error_of("{}").why.context.starts_with("expected an object with one key"));
    CHECK(error_of(R"({"ping":{},"ping":{}})").why.context.starts_with("expected an object with"));
    CHECK(error_of(R"({"pong":{}})").why.context.starts_with("no message is called 'pong'"));
    CHECK(error_of(R"({"ping":[]})").why.context == "ping: expected an object, found an array");
    CHECK(error_of(R"({"event":"x"})").why.context == "event: expected an object, found a string");
    CHECK(error_of(R"({"ping":{"nonce":5}})").to == "ping");
    CHECK(error_of(R"({"ping":{"nonce":")" + std::string(65, 'n') + "\"}}").why.context
          == "ping.nonce: has 65 bytes; at most 64 are allowed");
    CHECK(
        error_of(R"({"unsubscribe":{}})").why.context.starts_with("unsubscribe.surface is empty"));
    CHECK(error_of(R"({"impression":{"slate_id":"s"}})").why.context
          == "impression.positions: missing");
    CHECK(error_of(R"({"impression":{"slate_id":"s","positions":[]}})").why.context
          == "impression.positions: is empty");
    CHECK(error_of(R"({"impression":{"slate_id":"s","positions":[-1]}})")
              .why.context.starts_with("impression.positions: expected a whole number"));
    CHECK(error_of(R"({"impression":{"positions":[1]}})")
              .why.context.starts_with("impression.slate_id is empty"));
    CHECK(error_of(R"({"hello":{"user_id":"u","k":1000}})").why.context.starts_with("hello.k"));
    CHECK(error_of(R"({"event":{"user_id":"u2","item_id":"1","type":"click"}})").why.context
          == "event.user_id: is not the user of this connection");
  }

} // TEST_SUITE
