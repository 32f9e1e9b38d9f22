#include "apps/troupe/import/reject_log.hpp"

#include "tests/unit/apps/text_file.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::apps;

TEST_SUITE("apps.reject_log") {

  TEST_CASE("every reject is counted and written with file, line and reason") {
    const test::scratch_directory dir;
    {
      auto log =
          reject_log::open({.strict = false, .shown_max = 0, .write = dir.path() / "rejects"});
      REQUIRE(log.has_value());
      CHECK(log->add({"a.csv", 7}, "3 fields instead of 4"));
      CHECK(log->add({"a.csv", 9}, "rating \"x\" is not a number"));
      CHECK(log->count() == 2);
    }
    CHECK(dir.read("rejects")
          == "a.csv:7: 3 fields instead of 4\na.csv:9: rating \"x\" is not a number\n");
  }

  TEST_CASE("when strict the first reject is the error") {
    auto log = reject_log::open({.strict = true, .shown_max = 0, .write = {}});
    REQUIRE(log.has_value());
    const auto added = log->add({"a.csv", 7}, "wrong");
    REQUIRE(added.has_error());
    CHECK(added.error().code == errc::invalid_argument);
    CHECK(added.error().context == "a.csv:7: wrong");
  }

  TEST_CASE("a file that cannot be written is said at once") {
    const auto log = reject_log::open({.strict = false, .shown_max = 0, .write = "/nowhere/x"});
    REQUIRE(log.has_error());
    CHECK(log.error().context == "/nowhere/x: No such file or directory");
  }

} // TEST_SUITE
