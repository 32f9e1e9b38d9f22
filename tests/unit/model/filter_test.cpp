#include "model/filter.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <string>
#include <string_view>
#include <vector>

using namespace troupe;
using troupe::model::filter;

namespace {

item film() {
  item made;
  made.id = item_id{"318"};
  made.title = "Amélie \"Poulain\"";
  made.categories = {"Comedy", "Romance"};
  made.tags = {"paris", "quirky"};
  made.created = from_millis(1'000'000'000'500); // 2001-09-09T01:46:40.5Z
  made.properties = {{"year", 2001.0},
                     {"country", std::string{"FR"}},
                     {"in_stock", true},
                     {"sold_out", false},
                     {"cast", std::vector<std::string>{"Tautou", "Kassovitz"}}};
  return made;
}

bool matches(std::string_view text, const item& what) {
  const auto parsed = filter::parse(text);
  REQUIRE_MESSAGE(parsed.has_value(), text << " -> " << parsed.error().context);
  return (*parsed)->matches(what);
}

std::string normal(std::string_view text) {
  const auto parsed = filter::parse(text);
  REQUIRE_MESSAGE(parsed.has_value(), text << " -> " << parsed.error().context);
  return (*parsed)->to_string();
}

std::string error_of(std::string_view text) {
  const auto parsed = filter::parse(text);
  REQUIRE_MESSAGE(parsed.has_error(), text << " was taken as " << (*parsed)->to_string());
  CHECK(parsed.error().code == errc::invalid_argument);
  return parsed.error().context;
}

struct expectation {
  std::string_view text;
  bool matches = false;
};

template <std::size_t Count>
void check_all(const std::array<expectation, Count>& table) {
  const auto what = film();
  for (const auto& [text, expected] : table)
    CHECK_MESSAGE(matches(text, what) == expected, text);
}

} // namespace

TEST_SUITE("model.filter") {

  TEST_CASE("numbers compare by value") {
    check_all(std::array<expectation, 9>{{
        {"year == 2001", true},
        {"year == 2001.5", false},
        {"year != 2000", true},
        {"year != 2001", false},
        {"year < 2001", false},
        {"year <= 2.001e3", true},
        {"year > -5", true},
        {"year >= 2002", false},
        {"year in [1999, 2001]", true},
    }});
  }

  TEST_CASE("text compares bytewise") {
    check_all(std::array<expectation, 10>{{
        {R"(country == "FR")", true},
        {R"(country == 'fr')", false},
        {R"(country != "DE")", true},
        {R"(country < "G")", true},
        {R"(country <= "FR")", true},
        {R"(country > "FR")", false},
        {R"(country >= "FQ")", true},
        {R"(country in ["DE", "FR"])", true},
        {R"(id == "318" and title == "Am\u00e9lie \"Poulain\"")", true},
        {R"(category == "Comedy" and not category == "Romance")", true},
    }});
  }

  TEST_CASE("truth values are equal or not, and have no order") {
    check_all(std::array<expectation, 9>{{
        {"in_stock == true", true},
        {"in_stock != false", true},
        {"sold_out == true", false},
        {"sold_out in [true, false]", true},
        {"in_stock >= true", false},
        {"in_stock < true or in_stock <= true or in_stock > false", false},
        {"hidden == false", true},
        {"in_stock and not sold_out", true},
        {"hidden", false},
    }});
  }

  TEST_CASE("a list contains texts, and is equal to nothing") {
    check_all(std::array<expectation, 10>{{
        {R"("Romance" in categories)", true},
        {R"("romance" in categories)", false},
        {R"("paris" in tags)", true},
        {R"('Tautou' in cast)", true},
        {R"(5 in cast)", false},
        {R"(true in cast)", false},
        {R"(cast == "Tautou")", false},
        {R"(cast != "Tautou")", false},
        {R"(cast in ["Tautou"])", false},
        {R"("FR" in country)", false},
    }});
  }

  TEST_CASE("different types and missing fields compare false, either way") {
    check_all(std::array<expectation, 10>{{
        {R"(year == "2001")", false},
        {R"(year != "2001")", false},
        {"country < 5", false},
        {"country != true", false},
        {"in_stock == 1", false},
        {"price == 5", false},
        {"price != 5", false},
        {"price < 5 or price >= 5 or price in [5]", false},
        {R"("x" in price)", false},
        {"not price == 5", true},
    }});
  }

  TEST_CASE("a bare field asks whether it is there, and not false") {
    check_all(std::array<expectation, 6>{{
        {"year and country and cast and title and tags and categories and category", true},
        {"in_stock", true},
        {"sold_out", false},
        {"price", false},
        {"not price", true},
        {"created_at", true},
    }});
    item bare;
    bare.id = item_id{"1"};
    bare.properties["stars"] = 0.0;
    CHECK_FALSE(matches("title or tags or categories or category or hidden", bare));
    CHECK_FALSE(matches("title == '' or category == ''", bare));
    CHECK(matches("stars and id", bare));
    bare.hidden = true;
    CHECK(matches("hidden", bare));
  }

  TEST_CASE("created_at compares with seconds and with dates") {
    check_all(std::array<expectation, 9>{{
        {"created_at == 1000000000.5", true},
        {"created_at >= '2001-09-09'", true},
        {"created_at < '2001-09-10'", true},
        {"created_at == '2001-09-09T01:46:40.5Z'", true},
        {"created_at == '2001-09-09 03:46:40.5+02:00'", true},
        {"created_at == '2001-09-08T23:16:40.5-02:30'", true},
        {"created_at > '2001-09-09T01:46'", true},
        {"created_at in ['2000-02-29', '2001-09-09T01:46:40.5']", true},
        {"created_at >= '2001-09-09T01:46:41'", false},
    }});
    CHECK(normal("created_at > '1970-01-02'") == "created_at > 86400");
    CHECK(normal("created_at > '1969-12-31T23:59:59'") == "created_at > -1");
    for (const auto* wrong :
         {"2001", "2001-9-9", "2001-02-29", "2001-13-01", "2001-09-09T24:00", "2001-09-09T01",
          "2001-09-09T01:02:03.", "2001-09-09T01:02Zx", "2001-09-09T01:02+1", "+001-01-01", "",
          "2001-09-09T01:02+24:00", "2001-09-09x", "2001-01-01T-1:00"})
      CHECK(error_of(std::string{"created_at > '"} + wrong + "'")
            == "filter, column 14: created_at wants seconds since 1970 or a date like "
               "\"2024-05-01\" or \"2024-05-01T12:30:00Z\"");
  }

  TEST_CASE("not binds tighter than and, and tighter than or") {
    check_all(std::array<expectation, 6>{{
        {"in_stock or sold_out and sold_out", true},
        {"(in_stock or sold_out) and sold_out", false},
        {"not sold_out and in_stock", true},
        {"not (sold_out and in_stock)", true},
        {"not in_stock or in_stock", true},
        {"not year == 2001", false},
    }});
  }

  TEST_CASE("the normal form has no needless parentheses, spaces or double negations") {
    CHECK(normal("((a))and(b or((c)))or d") == "a and (b or c) or d");
    CHECK(normal("a and (b and (c and d))") == "a and b and c and d");
    CHECK(normal("(a or b) or (c or d)") == "a or b or c or d");
    CHECK(normal("not not a and not(not(b or c))") == "a and (b or c)");
    CHECK(normal("x or not not (a or b)") == "x or a or b");
    CHECK(normal("not(a and b)or not(c)") == "not (a and b) or not c");
    CHECK(normal("not a<=1.50e1") == "not a <= 15");
    CHECK(normal("a in['x',2,  true]") == R"(a in ["x", 2, true])");
    CHECK(normal("'it\\'s' in tags") == R"("it's" in tags)");
    CHECK(normal("a == -0.0") == "a == 0");
    CHECK(normal("a == 1e300") == "a == 1e+300");
    CHECK(normal(R"(a == "\u0001\u007f\b\f\n\r\t\/\\\"")")
          == R"(a == "\u0001\u007f\b\f\n\r\t/\\\"")");
  }

  TEST_CASE("escapes give characters of any length in UTF-8") {
    item what;
    what.title = "\x7f \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x8E\xAC";
    CHECK(matches(R"(title == "\u007F \u00E9 \u20ac \ud83c\udfac")", what));
    CHECK(matches("title == \"\\u007f \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x8E\xAC\"", what));
  }

  TEST_CASE("errors point at the column and say what would be right") {
    struct wrong {
      std::string_view text;
      std::string_view error;
    };

    static constexpr std::array<wrong, 26> table{{
        {"", "filter, column 1: expected a field, a value, 'not' or '(', but the filter ends here"},
        {"year == 5 ==", "filter, column 11: expected 'and', 'or' or the end, found '=='"},
        {"abcdefgh ==", "filter, column 12: expected a value after '=='"},
        {"year = 5", "filter, column 6: unknown '='; write '=='"},
        {"a && b", "filter, column 3: unknown '&&'; write 'and'"},
        {"a || b", "filter, column 3: unknown '||'; write 'or'"},
        {"!a", "filter, column 1: unknown '!'; write 'not'"},
        {"a AND b", "filter, column 3: 'AND' is neither a field nor a word of the language: both "
                    "are written in small letters"},
        {"title == \xC3\xA9", "filter, column 10: unknown '\xC3\xA9'; text stands in quotes"},
        {"'\xC3\xA9\xC3\xA9' in", "filter, column 8: expected a field after 'in'"},
        {"'x' in 'y'", "filter, column 8: expected a field after 'in'"},
        {"'x' == title", "filter, column 5: expected 'in' and a field after a value"},
        {"a in b", "filter, column 6: expected '[' after 'in'"},
        {"a in []", "filter, column 7: expected a value after '['"},
        {"a in [1, ]", "filter, column 10: expected a value after ','"},
        {"a in [1 2]", "filter, column 9: expected ',' or ']', found '2'"},
        {"a and (b or c", "filter, column 7: the parenthesis that opens here is not closed"},
        {"(a b)", "filter, column 4: expected a comparison, 'in', 'and' or 'or' after 'a', found "
                  "'b'"},
        {"(a == 1 b)", "filter, column 9: expected 'and', 'or' or ')', found 'b'"},
        {"a == 'x", "filter, column 6: the text that begins here has no closing quote"},
        {R"(a == "\x")", "filter, column 7: unknown escape; known are \\\" \\' \\\\ \\/ \\b \\f "
                         "\\n \\r \\t \\uXXXX"},
        {R"(a == "\u12g4")", "filter, column 7: \\u wants four hexadecimal digits"},
        {R"(a == "\ud83c")", "filter, column 7: half a surrogate pair is no character"},
        {"a == 1e999", "filter, column 6: the number is out of range"},
        {"a == 1.", "filter, column 8: expected a digit of a number"},
        {"a == 12px", "filter, column 8: a number ends before a letter"},
    }};
    for (const auto& [text, error] : table)
      CHECK_MESSAGE(error_of(text) == error, text);
  }

  TEST_CASE("ill-formed UTF-8 and control characters are refused with their column") {
    CHECK(error_of("a == '\xC3\xA9\xFF'") == "filter, column 8: not valid UTF-8");
    CHECK(error_of("\x80") == "filter, column 1: not valid UTF-8");
    CHECK(error_of(std::string_view{"a\0b", 3}) == "filter, column 2: a control character");
    CHECK(error_of("a == 'x\ny'")
          == "filter, column 8: a control character in a text is written \\u00XX");
  }

  TEST_CASE("bytes, nesting and nodes have limits") {
    const std::string long_text = "title == '" + std::string(2038, 'x') + "'";
    CHECK(error_of(long_text) == "filter: 2049 bytes, at most 2048 are allowed");
    CHECK(filter::parse(long_text, 2049).has_value());

    const auto nested = [](std::size_t depth) {
      return std::string(depth, '(') + "a" + std::string(depth, ')');
    };
    CHECK(normal(nested(32)) == "a");
    CHECK(error_of(nested(33))
          == "filter, column 33: parentheses and 'not' are nested more than 32 deep");
    std::string negations;
    for (int i = 0; i < 33; ++i)
      negations += "not ";
    CHECK(error_of(negations + "a")
          == "filter, column 129: parentheses and 'not' are nested more than 32 deep");

    std::string values = "a in [0"; // the comparison and 255 values: 256 nodes
    for (int i = 0; i < 254; ++i)
      values += ",1";
    CHECK(filter::parse(values + "]").has_value());
    CHECK(error_of(values + ",2]").starts_with("filter, column 517: more than 256 operators"));
  }

  TEST_CASE("an error shows only the beginning of a long token, cut between characters") {
    std::string text = "(a '";
    for (int i = 0; i < 100; ++i)
      text += "\xC3\xA9";
    const auto error = error_of(text + "')");
    CHECK(error.ends_with("...'"));
    CHECK(is_utf8(error));
    CHECK(error.size() < 140);
    CHECK(error_of("a and " + std::string(500, 'b') + "C").size() < 140);
  }
}

// -- properties over random expressions ----------------------------------------------------

namespace {

/// Writes random filters with random spelling: quotes, spaces, escapes, parentheses.
class filter_writer {
public:
  explicit filter_writer(std::uint64_t seed) : random_(seed) {}

  std::string expression(int depth) {
    switch (below(depth > 0 ? 6 : 2)) {
    case 0:
    case 1:
      return comparison();
    case 2:
      return "(" + space() + expression(depth - 1) + space() + ")";
    case 3:
      return "not " + space() + wrapped(depth - 1);
    case 4:
      return wrapped(depth - 1) + " and " + space() + wrapped(depth - 1);
    default:
      return expression(depth - 1) + " or " + expression(depth - 1);
    }
  }

  item random_item() {
    item made;
    made.id = item_id{pick({"1", "2", "é"})};
    if (flip())
      made.title = pick({"x", "Amélie", "a\"b", "tab\t"});
    for (std::size_t n = below(3); n > 0; --n)
      made.categories.emplace_back(pick({"x", "Amélie", "2"}));
    made.hidden = flip();
    made.created = from_millis(static_cast<std::int64_t>(below(3)) * 86'400'000);
    for (const auto* name : {"p", "q", "r"}) {
      switch (below(5)) {
      case 0:
        made.properties[name] = flip();
        break;
      case 1:
        made.properties[name] = static_cast<double>(below(5)) - 1.5;
        break;
      case 2:
        made.properties[name] = std::string{pick({"x", "Amélie", ""})};
        break;
      case 3:
        made.properties[name] = std::vector<std::string>{pick({"x", "y"})};
        break;
      default:
        break;
      }
    }
    return made;
  }

private:
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }

  bool flip() { return below(2) == 0; }

  const char* pick(std::initializer_list<const char*> choices) {
    return *(choices.begin() + static_cast<std::ptrdiff_t>(below(choices.size())));
  }

  std::string space() { return pick({"", " ", "\t", " \n "}); }

  std::string wrapped(int depth) {
    const auto inner = expression(depth);
    return inner.find(" or ") != std::string::npos && flip() ? "(" + inner + ")" : inner;
  }

  std::string field() {
    return pick({"id", "title", "category", "categories", "hidden", "created_at", "p", "q", "r"});
  }

  std::string value(bool of_date) {
    switch (below(4)) {
    case 0:
      return pick({"true", "false"});
    case 1:
      return pick({"-1.5", "-0.5", "0.5", "1.50", "25e-1", "0", "86400"});
    case 2:
      return of_date ? pick({"'1970-01-01'", "\"1970-01-02T00:00Z\""})
                     : pick({"'x'", "\"Am\\u00e9lie\"", "'Amélie'", "'a\"b'"});
    default:
      return of_date ? "86400" : pick({"\"tab\\t\"", "'y'", "''", "\"\\u0032\""});
    }
  }

  std::string comparison() {
    const auto name = field();
    const bool of_date = name == "created_at";
    switch (below(4)) {
    case 0:
      return name;
    case 1:
      return value(false) + " in " + name;
    case 2:
      return name + " in [" + value(of_date) + space() + "," + value(of_date) + "]";
    default:
      return name + space() + pick({"==", "!=", "<", "<=", ">", ">="}) + space() + value(of_date);
    }
  }

  std::mt19937_64 random_;
};

} // namespace

TEST_SUITE("model.filter") {

  TEST_CASE("parsing the normal form gives the same normal form and the same matches") {
    std::size_t matched = 0;
    std::size_t asked = 0;
    for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
      filter_writer writer{seed};
      const auto text = writer.expression(5);
      const auto first = filter::parse(text, 1 << 20);
      if (first.has_error()) {
        // The only refusals of well-formed text are the limits.
        REQUIRE_MESSAGE(first.error().context.find("more than") != std::string::npos,
                        text << " -> " << first.error().context);
        continue;
      }
      const auto printed = (*first)->to_string();
      const auto second = filter::parse(printed, 1 << 20);
      REQUIRE_MESSAGE(second.has_value(), printed << " -> " << second.error().context);
      REQUIRE((*second)->to_string() == printed);
      for (int i = 0; i < 10; ++i) {
        const auto what = writer.random_item();
        const bool matches = (*first)->matches(what);
        REQUIRE_MESSAGE((*second)->matches(what) == matches, text << " -> " << printed);
        matched += matches ? 1 : 0;
        ++asked;
      }
    }
    // A property that holds only because nothing ever matches would show nothing.
    CHECK(asked > 15000);
    CHECK(matched > asked / 5);
    CHECK(matched < asked * 4 / 5);
  }

  TEST_CASE("every cut of a filter is refused or taken, and never more than the text") {
    const std::string_view text =
        R"(not (year >= 1990 and "Amélie" in tags) or a in ["\ud83c\udfac", -1.5e1])";
    for (std::size_t length = 0; length <= text.size(); ++length) {
      const auto parsed = filter::parse(text.substr(0, length));
      if (parsed.has_error())
        CHECK(parsed.error().context.starts_with("filter, column "));
    }
    CHECK(filter::parse(text).has_value());
  }

} // TEST_SUITE
