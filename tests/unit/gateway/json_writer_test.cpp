#include "gateway/json_writer.hpp"

#include "gateway/json_codec.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace troupe;
using namespace troupe::gateway;

namespace {

slate sample() {
  auto film = std::make_shared<item>();
  film->id = item_id{"858"};
  film->title = "Godfather";
  film->categories = {"Crime"};
  film->properties.emplace("year", 1972.0);
  slate out;
  out.id = slate_id{"s-5"};
  out.user = user_id{"u1"};
  out.surface = "home";
  out.profile_seq = 17;
  out.model_version = 1;
  out.created = from_millis(1769860800004);
  slate_item entry;
  entry.what = film;
  entry.score = 1.25F;
  entry.why.shares = {{signal::co_occurrence, 1.5F}, {signal::popularity, -0.25F}};
  entry.why.because_of = item_id{"318"};
  entry.why.because_title = "Heat";
  entry.why.because_type = "rating";
  out.items.push_back(entry);
  return out;
}

} // namespace

TEST_SUITE("gateway.json_writer") {

  TEST_CASE("a slate is written as the protocol has it") {
    std::string out;
    append_json(out, sample(), {});
    CHECK(
        out
        == R"({"slate_id":"s-5","user_id":"u1","surface":"home","profile_seq":17,"model_version":1,"partial":false,"created_at":"2026-01-31T12:00:00.004Z","items":[{"item_id":"858","score":1.25,"title":"Godfather","categories":["Crime"],"properties":{"year":1972},"reason":{"text":"Because you rated Heat","pinned":false,"because":{"item_id":"318","title":"Heat","type":"rating"},"signals":[{"signal":"co_occurrence","contribution":1.5},{"signal":"popularity","contribution":-0.25}]}}]})");
  }

  TEST_CASE("parts of a slate can be left out, and a resume token put in") {
    std::string out;
    append_json(out, sample(), {.properties = false, .reason = false}, "tok");
    CHECK(
        out
        == R"({"slate_id":"s-5","user_id":"u1","surface":"home","profile_seq":17,"model_version":1,"partial":false,"created_at":"2026-01-31T12:00:00.004Z","resume":"tok","items":[{"item_id":"858","score":1.25}]})");
  }

  TEST_CASE("a number beyond 64 bits is not written as an integer, which no reader would take") {
    for (const double number : {9223372036854775808.0, 18446744073709551616.0, -1e19, 1e300}) {
      std::string out = R"({"item_id":"1","properties":{"a":)";
      append_number(out, number);
      CAPTURE(out);
      CHECK(out.find('e') != std::string::npos);
      const auto read = parse_item(out + "}}", timestamp{});
      REQUIRE(read.has_value());
      CHECK(std::get<double>(read->properties.at("a")) == number);
    }
    std::string out;
    append_number(out, 9007199254740992.0);
    CHECK(out == "9007199254740992");
  }

  TEST_CASE("text is escaped where JSON wants it and nowhere else") {
    std::string out;
    append_text(out, std::string_view{"a\"b\\c\n\r\t\x01\x1f/é\x7f\0z", 16});
    CHECK(out == "\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u001f/é\x7f\\u0000z\"");
  }

  TEST_CASE("numbers are the shortest that read back, and never NaN") {
    std::string out;
    append_number(out, 0.1);
    out += ' ';
    append_number(out, 0.1F);
    out += ' ';
    append_number(out, std::numeric_limits<double>::quiet_NaN());
    out += ' ';
    append_number(out, std::numeric_limits<float>::infinity());
    out += ' ';
    append_number(out, std::numeric_limits<std::uint64_t>::max());
    CHECK(out == "0.1 0.1 null null 18446744073709551615");
  }

  TEST_CASE("times are written in UTC with milliseconds") {
    std::string out;
    append_time(out, from_millis(0));
    append_time(out, from_millis(951827696789));
    CHECK(out == "\"1970-01-01T00:00:00.000Z\"\"2000-02-29T12:34:56.789Z\"");
  }

  TEST_CASE("a reason without a past item names its strongest signal") {
    reason why;
    CHECK(reason_text(why) == "Popular now");
    why.shares = {{signal::content, 1}};
    CHECK(reason_text(why) == "Like what you enjoy");
    why.because_of = item_id{"9"};
    why.because_type = "poke";
    CHECK(reason_text(why) == "Because you chose 9");
    why.pinned = true;
    CHECK(reason_text(why) == "Picked by hand");
  }

  TEST_CASE("a stored event is written with its numbers, without what it lacks") {
    stored_event what;
    what.what.user = user_id{"u"};
    what.what.item = item_id{"i"};
    what.what.type = "click";
    what.what.context = R"({"a":1})";
    what.seq = 3;
    std::string out;
    append_json(out, what);
    CHECK(
        out
        == R"({"user_id":"u","item_id":"i","type":"click","timestamp":"1970-01-01T00:00:00.000Z","context":{"a":1},"seq":3,"received_at":"1970-01-01T00:00:00.000Z"})");
  }

  TEST_CASE("a profile's history claims no numbers, for the profile keeps none") {
    actors::profile_view who;
    who.seq = 1;
    auto& only = who.history.emplace_back();
    only.what.user = user_id{"u"};
    only.what.item = item_id{"i"};
    only.what.type = "click";
    std::string out;
    append_json(out, who);
    CHECK(out.ends_with(
        R"("history":[{"user_id":"u","item_id":"i","type":"click","timestamp":"1970-01-01T00:00:00.000Z"}]})"));
  }

} // TEST_SUITE
