#include "apps/troupe/import/field_parse.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::apps;

TEST_SUITE("apps.field_parse") {

  TEST_CASE("numbers and times are the whole text or nothing") {
    CHECK(parse_number("4.5") == 4.5);
    CHECK(parse_whole("-7") == -7);
    for (const auto* wrong : {"", "4.5x", " 4", "nan", "inf", "1e999"})
      CHECK_MESSAGE(!parse_number(wrong), wrong);
    CHECK(parse_time("964982703", time_unit::seconds) == from_millis(964'982'703'000));
    CHECK(parse_time("964982703000", time_unit::milliseconds) == from_millis(964'982'703'000));
    CHECK_FALSE(parse_time("-1", time_unit::seconds));
    CHECK_FALSE(parse_time("9223372036854775807", time_unit::seconds));
    CHECK_FALSE(parse_time("1.5", time_unit::seconds));
  }

  TEST_CASE("a title's year is the last one in brackets") {
    CHECK(year_in_title("Toy Story (1995)") == 1995);
    CHECK(year_in_title("2001: A Space Odyssey (1968)") == 1968);
    CHECK(year_in_title("City (1995) of Children (1996) ") == 1996);
    CHECK_FALSE(year_in_title("Babylon 5"));
    CHECK_FALSE(year_in_title("Odd (12345)"));
    CHECK_FALSE(year_in_title("Odd (199"));
    CHECK_FALSE(year_in_title("Odd (1234)"));
  }

  TEST_CASE("a date of MovieLens 100K is midnight UTC") {
    CHECK(parse_short_date("01-Jan-1995") == from_millis(788'918'400'000));
    CHECK(parse_short_date("29-Feb-1996") == from_millis(825'552'000'000));
    for (const auto* wrong : {"", "1-Jan-1995", "01-jan-1995", "31-Feb-1995", "01/Jan/1995"})
      CHECK_MESSAGE(!parse_short_date(wrong), wrong);
    CHECK(start_of_year(1995) == from_millis(788'918'400'000));
  }

  TEST_CASE("lists, labels and ISO 8859-1") {
    CHECK(split_list("a|b||c|", '|') == std::vector<std::string>{"a", "b", "c"});
    CHECK(split_list("", '|').empty());
    CHECK(tidy_label("  Highly Quotable\t") == "highly quotable");
    CHECK(utf8_of_latin1("Mis\xE9rables") == "Mis\xC3\xA9rables");
  }

} // TEST_SUITE
