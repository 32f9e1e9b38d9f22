#include "config/units.hpp"

#include <doctest/doctest.h>

using namespace troupe::config;
using std::chrono::milliseconds;

TEST_SUITE("config.units") {

  TEST_CASE("durations are digits and one unit") {
    CHECK(parse_duration("200ms") == milliseconds{200});
    CHECK(parse_duration("5s") == milliseconds{5000});
    CHECK(parse_duration("10m") == milliseconds{600'000});
    CHECK(parse_duration("2h") == milliseconds{7'200'000});
    CHECK(parse_duration("1d") == milliseconds{86'400'000});
    CHECK(parse_duration("0s") == milliseconds{0});
    for (const auto* wrong : {"", "5", "s", "-5s", "5 s", "5sec", "1.5s", "5s ",
                              "99999999999999999999s", "9999999999999d", "0x5s"})
      CHECK_MESSAGE(!parse_duration(wrong), wrong);
  }

  TEST_CASE("sizes are bytes, with or without a binary unit") {
    CHECK(parse_bytes("512") == 512U);
    CHECK(parse_bytes("512B") == 512U);
    CHECK(parse_bytes("16KiB") == 16384U);
    CHECK(parse_bytes("64MiB") == 67108864U);
    CHECK(parse_bytes("1GiB") == 1073741824U);
    for (const auto* wrong : {"", "MiB", "64MB", "64 MiB", "-1", "1.5GiB", "9999999999GiB"})
      CHECK_MESSAGE(!parse_bytes(wrong), wrong);
  }

  TEST_CASE("what is printed reads back and is short") {
    CHECK(duration_text(milliseconds{90'000}) == "90s");
    CHECK(duration_text(milliseconds{120'000}) == "2m");
    CHECK(duration_text(milliseconds{50}) == "50ms");
    CHECK(duration_text(milliseconds{0}) == "0s");
    CHECK(bytes_text(65536) == "64KiB");
    CHECK(bytes_text(1000) == "1000B");
    CHECK(bytes_text(0) == "0B");
    for (const int value : {0, 1, 999, 1000, 60'000, 61'000, 3'600'000, 86'400'001}) {
      CHECK(parse_duration(duration_text(milliseconds{value})) == milliseconds{value});
      const auto bytes = static_cast<std::size_t>(value);
      CHECK(parse_bytes(bytes_text(bytes)) == bytes);
    }
  }

} // TEST_SUITE
