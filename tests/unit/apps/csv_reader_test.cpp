#include "apps/troupe/import/csv_reader.hpp"

#include "tests/unit/apps/text_file.hpp"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

using namespace troupe;
using namespace troupe::apps;
using status = csv_reader::status;
using record = std::vector<std::string>;

namespace {

/// Records as they are; a malformed one as "!", its line and the complaint.
std::vector<record> records_of(std::string_view text, csv_dialect dialect = {}) {
  const test::scratch_directory dir;
  auto source = line_source::open(dir.write("t.csv", text));
  REQUIRE(source.has_value());
  csv_reader reader{std::move(*source), dialect};
  std::vector<record> out;
  for (;;) {
    const auto got = reader.next();
    REQUIRE(got.has_value());
    if (*got == status::end)
      return out;
    if (*got == status::malformed)
      out.push_back({"!", std::to_string(reader.line()), reader.complaint()});
    else
      out.push_back(reader.fields());
  }
}

} // namespace

TEST_SUITE("apps.csv_reader") {

  TEST_CASE("fields are what stands between delimiters") {
    CHECK(records_of("a,b,c\n1,,3\n,\n")
          == std::vector<record>{{"a", "b", "c"}, {"1", "", "3"}, {"", ""}});
    CHECK(records_of("a\tb\n", {.delimiter = '\t', .quotes = true})
          == std::vector<record>{{"a", "b"}});
    CHECK(records_of("one\n\n\ntwo") == std::vector<record>{{"one"}, {"two"}});
    CHECK(records_of(" a , b \n") == std::vector<record>{{" a ", " b "}});
  }

  TEST_CASE("quoted fields hold delimiters, quotes and ends of lines") {
    CHECK(records_of("11,\"American President, The (1995)\",Comedy\n")
          == std::vector<record>{{"11", "American President, The (1995)", "Comedy"}});
    CHECK(records_of("\"say \"\"hi\"\"\",\"\"\n") == std::vector<record>{{"say \"hi\"", ""}});
    CHECK(records_of("\"two\nlines\",x\nnext,y\n")
          == std::vector<record>{{"two\nlines", "x"}, {"next", "y"}});
    CHECK(records_of("\"\"\"\"\n") == std::vector<record>{{"\""}});
  }

  TEST_CASE("a malformed record is skipped with its line and a reason, and the next one is read") {
    CHECK(records_of("a\nb\"c,d\ne\n")
          == std::vector<record>{
              {"a"}, {"!", "2", "a quote inside a field that does not begin with one"}, {"e"}});
    CHECK(records_of("\"a\"b,c\nd\n")
          == std::vector<record>{{"!", "1", "text after the end of a quoted field"}, {"d"}});
    CHECK(records_of("x\n\"open,1\n2\n")
          == std::vector<record>{{"x"}, {"!", "2", "a quoted field without an end"}});
  }

  TEST_CASE("without quotes a quote is a character") {
    CHECK(records_of("1|\"Quoted\" Title|x\"\n", {.delimiter = '|', .quotes = false})
          == std::vector<record>{{"1", "\"Quoted\" Title", "x\""}});
  }

  TEST_CASE("the line of a record is the one it begins on") {
    const test::scratch_directory dir;
    auto source = line_source::open(dir.write("t.csv", "a\n\"b\nb\"\n\nc\n"));
    REQUIRE(source.has_value());
    csv_reader reader{std::move(*source), {}};
    std::vector<std::uint64_t> lines;
    for (auto got = reader.next(); *got != status::end; got = reader.next())
      lines.push_back(reader.line());
    CHECK(lines == std::vector<std::uint64_t>{1, 2, 5});
    CHECK(reader.name() == "t.csv");
  }

} // TEST_SUITE
