#include "gateway/token_bucket.hpp"

#include <doctest/doctest.h>

using namespace troupe::gateway;
using namespace std::chrono_literals;

namespace {

const token_bucket::time_point start{1h};

int taken(token_bucket& bucket, token_bucket::time_point now, int tries) {
  int count = 0;
  for (int i = 0; i < tries; ++i)
    count += bucket.take(now) ? 1 : 0;
  return count;
}

} // namespace

TEST_SUITE("gateway.token_bucket") {

  TEST_CASE("the burst passes at once, then nothing") {
    token_bucket bucket{10, 5, start};
    CHECK(taken(bucket, start, 100) == 5);
    CHECK(taken(bucket, start, 100) == 0);
  }

  TEST_CASE("the rate fills it up again, never beyond the burst") {
    token_bucket bucket{10, 5, start};
    CHECK(taken(bucket, start, 100) == 5);
    CHECK(taken(bucket, start + 99ms, 100) == 0);
    CHECK(taken(bucket, start + 200ms, 100) == 2); // what 99 ms have brought is not lost
    CHECK(taken(bucket, start + 24h, 100) == 5);
  }

  TEST_CASE("over a long time it passes the rate and one burst") {
    token_bucket bucket{7, 3, start};
    int count = 0;
    for (int i = 0; i <= 10'000; ++i)
      count += bucket.take(start + i * 1ms) ? 1 : 0;
    CHECK(count >= 72);
    CHECK(count <= 73); // 10 s at 7 a second, and 3
  }

  TEST_CASE("a burst below one is one, so that something passes at all") {
    token_bucket bucket{1, 0, start};
    CHECK(taken(bucket, start, 10) == 1);
    CHECK(taken(bucket, start + 1s, 10) == 1);
  }

  TEST_CASE("rate 0 is no limit") {
    token_bucket bucket{0, 1, start};
    CHECK(taken(bucket, start, 1000) == 1000);
  }

  TEST_CASE("a clock that stands still or goes back brings nothing") {
    token_bucket bucket{1000, 2, start};
    CHECK(taken(bucket, start, 10) == 2);
    CHECK(taken(bucket, start - 1h, 10) == 0);
  }

} // TEST_SUITE
