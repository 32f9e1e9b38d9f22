#include "gateway/query_reader.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::gateway;

namespace {

std::string error_of(const query_reader& query) {
  return query.error() ? query.error()->context : "";
}

} // namespace

TEST_SUITE("gateway.query_reader") {

  TEST_CASE("percent-encoding is undone, and what is broken is nothing") {
    CHECK(percent_decode("a%2Fb%c3%A9+", false) == "a/b\xc3\xa9+");
    CHECK(percent_decode("a+b", true) == "a b");
    CHECK(percent_decode("%2B", true) == "+");
    CHECK(percent_decode("", true) == "");
    CHECK(percent_decode("%00", true) == std::string(1, '\0'));
    for (const auto* broken : {"%", "%4", "a%", "%g1", "%1g", "% 1", "%%41"})
      CHECK_FALSE(percent_decode(broken, true));
  }

  TEST_CASE("values are found by their decoded names") {
    query_reader query{"&a=1&&%6b=two+words&c&d=x%3Dy=z&=5&"};
    CHECK(query.text("a") == "1");
    CHECK(query.text("k") == "two words");
    CHECK(query.has("c"));
    CHECK(query.text("c") == "");
    CHECK(query.text("d") == "x=y=z");
    CHECK_FALSE(query.has("e"));
    CHECK(query.text("e") == "");
    CHECK_FALSE(query.error());
  }

  TEST_CASE("numbers are finite, written plainly and whole to the end") {
    query_reader query{"a=-1.5e3&k=200"};
    CHECK(query.number("a") == -1500);
    CHECK(query.number("none") == std::nullopt);
    CHECK(query.whole("k", 20, 1, 200) == 200);
    CHECK(query.whole("none", 20, 1, 200) == 20);
    CHECK_FALSE(query.error());
    for (const auto* text : {"a=", "a=nan", "a=inf", "a=1e999", "a=1x", "a=+1", "a=0x10", "a= 1",
                             "a=1&a=2", "a=%zz"}) {
      query_reader wrong{text};
      static_cast<void>(wrong.number("a"));
      CHECK_MESSAGE(wrong.error(), text);
    }
    for (const auto* text : {"k=", "k=0", "k=201", "k=-1", "k=1.0", "k=+1",
                             "k=99999999999999999999", "k=0x5", "k=1&k=1"}) {
      query_reader wrong{text};
      static_cast<void>(wrong.whole("k", 20, 1, 200));
      CHECK_MESSAGE(wrong.error(), text);
    }
  }

  TEST_CASE("flags are true or false") {
    query_reader query{"a=true&b=false"};
    CHECK(query.flag("a", false));
    CHECK_FALSE(query.flag("b", true));
    CHECK(query.flag("c", true));
    CHECK_FALSE(query.error());
    for (const auto* text : {"a=", "a=1", "a=TRUE", "a=yes", "a=true&a=true"}) {
      query_reader wrong{text};
      static_cast<void>(wrong.flag("a", true));
      CHECK_MESSAGE(wrong.error(), text);
    }
  }

  TEST_CASE("lists are split before they are decoded, and counted") {
    query_reader query{"x=a,b&x=c%2Cd&y="};
    CHECK(query.ids("x", 3) == std::vector{item_id{"a"}, item_id{"b"}, item_id{"c,d"}});
    CHECK(query.ids("y", 3).empty());
    CHECK_FALSE(query.error());
    query_reader many{"x=a,b&x=c"};
    CHECK(many.ids("x", 2).size() == 2);
    CHECK(error_of(many) == "x: at most 2 ids are taken");
    for (const auto& text : {std::string{"x=a,,b"}, std::string{"x=,a"}, std::string{"x=%00"},
                             std::string{"x=%FF"}, "x=" + std::string(257, 'i')}) {
      query_reader wrong{text};
      static_cast<void>(wrong.ids("x", 10));
      CHECK_MESSAGE(wrong.error(), text);
    }
  }

  TEST_CASE("a value whose encoding is broken is an error, not an empty one") {
    query_reader query{"filter=%zz"};
    CHECK(query.text("filter") == "");
    CHECK(error_of(query) == "filter: is not valid percent-encoding");
    query_reader bytes{"filter=%ff%fe"};
    static_cast<void>(bytes.text("filter"));
    CHECK(error_of(bytes) == "filter: is not valid UTF-8");
  }

  TEST_CASE("the first error stays") {
    query_reader query{"k=0&explain=maybe"};
    static_cast<void>(query.whole("k", 20, 1, 200));
    static_cast<void>(query.flag("explain", true));
    CHECK(error_of(query) == "k: expected a whole number from 1 to 200");
  }

} // TEST_SUITE
