#include "apps/troupe/bench/event_source.hpp"
#include "apps/troupe/bench/latency_histogram.hpp"
#include "apps/troupe/bench/process_stats.hpp"
#include "apps/troupe/client/address.hpp"
#include "apps/troupe/client/rest_connection.hpp"
#include "tests/support/temp_dir.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

using namespace troupe;
using namespace troupe::apps;
using std::chrono::nanoseconds;

TEST_SUITE("apps.latency_histogram") {

  TEST_CASE("quantiles are at most 1/128 above the exact ones, over nine orders of magnitude") {
    std::mt19937_64 random{7};
    std::lognormal_distribution<double> draw{12, 4};
    latency_histogram measured;
    std::vector<std::int64_t> exact;
    for (int i = 0; i < 20'000; ++i) {
      const auto value = static_cast<std::int64_t>(std::min(draw(random), 1e12));
      exact.push_back(value);
      measured.record(nanoseconds{value});
    }
    std::sort(exact.begin(), exact.end());
    for (const double share : {0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
      const auto rank = std::max(std::ceil(share * 20'000), 1.0);
      const auto want = static_cast<double>(exact[static_cast<std::size_t>(rank) - 1]);
      const auto got = static_cast<double>(measured.quantile(share).count());
      CHECK(got >= want);
      CHECK(got <= want * (1 + 1.0 / 128) + 1);
    }
    CHECK(measured.count() == 20'000);
    CHECK(measured.max().count() == exact.back());
  }

  TEST_CASE("small values are exact, what is negative or too long is bounded") {
    latency_histogram measured;
    CHECK(measured.quantile(0.99).count() == 0);
    for (int i = 0; i < 256; ++i)
      measured.record(nanoseconds{i});
    CHECK(measured.quantile(0.5).count() == 127);
    CHECK(measured.mean().count() == 127);
    measured.record(nanoseconds{-5});
    CHECK(measured.quantile(0).count() == 0);
    measured.record(std::chrono::hours{24});
    CHECK(measured.max().count() == (std::int64_t{1} << 40) - 1);
    CHECK(measured.quantile(1) == measured.max());
  }

  TEST_CASE("two histograms added are one of all values") {
    latency_histogram one;
    latency_histogram two;
    for (int i = 0; i < 99; ++i)
      one.record(nanoseconds{1000});
    two.record(nanoseconds{5'000'000});
    one.add(two);
    CHECK(one.count() == 100);
    CHECK(one.quantile(0.99).count() < 1010);
    CHECK(one.quantile(1).count() == 5'000'000);
  }

} // TEST_SUITE

TEST_SUITE("apps.event_source") {

  TEST_CASE("Zipf's law: the weight of a rank falls with its power") {
    std::mt19937_64 random{1};
    auto draw = zipf(1000, 1.0);
    std::vector<int> counts(1000);
    for (int i = 0; i < 200'000; ++i)
      ++counts[draw(random)];
    // H(1000) = 7.485: the first rank has 13.36 %, the tenth a tenth of that.
    CHECK(counts[0] > 26'000);
    CHECK(counts[0] < 27'500);
    CHECK(counts[9] > 2'450);
    CHECK(counts[9] < 2'900);
    auto flat = zipf(10, 0);
    CHECK(flat.probabilities()[0] == doctest::Approx(0.1));
    CHECK(flat.probabilities()[9] == doctest::Approx(0.1));
  }

  TEST_CASE("the same seed gives the same events, and every event has its own id") {
    load_plan plan;
    plan.items = {"a", "b \"quoted\"", "c"};
    plan.run = "r";
    event_source one{plan};
    event_source two{plan};
    for (std::uint64_t i = 0; i < 50; ++i)
      CHECK(one.next(3, i, "u") == two.next(3, i, "u"));
    CHECK(one.event_id(3, 4) != one.event_id(34, 4));
    CHECK(one.event_id(3, 14) != one.event_id(31, 4));
    CHECK(one.next(1, 2, "").starts_with(R"({"event_id":"r-1-2","item_id":")"));
  }

} // TEST_SUITE

TEST_SUITE("apps.process_stats") {

  TEST_CASE("processor time is found behind a name of any shape") {
    const auto seconds = cpu_seconds_of_stat(
        "42 (a ) b (c) S 1 42 42 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 4 0 100 1 2", 100);
    REQUIRE(seconds.has_value());
    CHECK(*seconds == 3.0);
    CHECK(cpu_seconds_of_stat("nonsense", 100).has_error());
  }

  TEST_CASE("this process has memory, and a process that is not there is not_found") {
    const auto own = read_process(static_cast<int>(getpid()));
    REQUIRE(own.has_value());
    CHECK(own->resident_bytes > std::uint64_t{1} << 20);
    const auto none = read_process(0x7fffffff);
    REQUIRE(none.has_error());
    CHECK(none.error().code == errc::not_found);
  }

  TEST_CASE("the sync probe leaves nothing behind and says where it cannot write") {
    const test::temp_dir dir;
    const auto took = probe_sync(dir.path(), 3);
    REQUIRE(took.has_value());
    CHECK(took->p50_ms > 0);
    CHECK(took->p50_ms <= took->p99_ms);
    CHECK(std::filesystem::is_empty(dir.path()));
    CHECK(probe_sync("/nowhere", 1).has_error());
  }

} // TEST_SUITE

TEST_SUITE("apps.address") {

  TEST_CASE("a URL is host, port and path") {
    const auto full = parse_address("ws://127.0.0.1:9000/v1/live");
    REQUIRE(full.has_value());
    CHECK(full->authority() == "127.0.0.1:9000");
    CHECK(full->path == "/v1/live");
    const auto bare = parse_address("http://localhost");
    REQUIRE(bare.has_value());
    CHECK(bare->authority() == "localhost:80");
    for (const auto* wrong : {"", "localhost:80", "wss://x", "https://x", "ws://", "ftp://x"})
      CHECK_MESSAGE(parse_address(wrong).has_error(), wrong);
  }

  TEST_CASE("ids are percent-encoded byte by byte") {
    CHECK(percent_encoded("a-b_c.d~9") == "a-b_c.d~9");
    CHECK(percent_encoded("a/b c\xC3\xA9") == "a%2Fb%20c%C3%A9");
  }

} // TEST_SUITE
