#include "model/seen_set.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <set>
#include <vector>

using namespace troupe;
using namespace troupe::model;

TEST_SUITE("model.seen_set") {

  TEST_CASE("it holds what was put in, once") {
    seen_set keys;
    std::set<item_key> truth;
    std::mt19937_64 random{5};
    for (int n = 0; n < 5000; ++n) {
      const item_key key{random() % 3000};
      CHECK(keys.insert(key, 20000) == truth.insert(key).second);
    }
    CHECK(keys.size() == truth.size());
    for (std::uint64_t n = 0; n < 3000; ++n)
      CHECK(keys.contains(item_key{n}) == truth.contains(item_key{n}));
    auto all = keys.keys();
    std::sort(all.begin(), all.end());
    CHECK(std::equal(all.begin(), all.end(), truth.begin(), truth.end()));
  }

  TEST_CASE("keys spread like hashes, and their neighbours, are told apart") {
    seen_set keys;
    std::set<item_key> truth;
    std::mt19937_64 random{6};
    for (int n = 0; n < 3000; ++n) {
      const item_key key{random()};
      CHECK(keys.insert(key, 20000) == truth.insert(key).second);
    }
    for (const auto key : truth) {
      CHECK(keys.contains(key));
      const item_key next{static_cast<std::uint64_t>(key) + 1};
      CHECK(keys.contains(next) == truth.contains(next));
    }
    CHECK_FALSE(keys.contains(item_key{0}));
    CHECK_FALSE(keys.contains(item_key{~std::uint64_t{0}}));
  }

  TEST_CASE("beyond its bound the oldest leave, at most an eighth at a time") {
    for (const std::size_t bound : std::vector<std::size_t>{1, 2, 7, 16, 100, 1000, 20000}) {
      CAPTURE(bound);
      seen_set keys;
      for (std::uint64_t n = 0; n < 3 * bound + 5; ++n) {
        keys.insert(item_key{n}, bound);
        CHECK(keys.contains(item_key{n}));
        REQUIRE(keys.size() <= bound);
        if (n >= bound)
          REQUIRE(keys.size() + std::max<std::size_t>(1, bound / 8) >= bound);
      }
      CHECK_FALSE(keys.contains(item_key{0}));
    }
    seen_set none;
    none.insert(item_key{1}, 0);
    CHECK(none.size() == 0);
  }

  TEST_CASE("from its keys it goes on as the original does") {
    for (const std::size_t bound : std::vector<std::size_t>{1, 9, 64, 300, 5000}) {
      CAPTURE(bound);
      seen_set original;
      seen_set restored;
      for (std::uint64_t n = 0; n < 2000; ++n) {
        original.insert(item_key{n * 7919}, bound);
        restored.insert(item_key{n * 7919}, bound);
        if (n % 37 == 0)
          restored = seen_set::from_keys(restored.keys(), bound);
      }
      CHECK(original.keys() == restored.keys());
    }
  }

  TEST_CASE("a copy is cheap and keeps what it had") {
    seen_set keys;
    for (std::uint64_t n = 0; n < 20000; ++n)
      keys.insert(item_key{mix_bits(n)}, 20000);
    const seen_set copy = keys;
    for (std::uint64_t n = 20000; n < 25000; ++n)
      keys.insert(item_key{mix_bits(n)}, 20000);
    CHECK(copy.contains(item_key{mix_bits(0)}));
    CHECK_FALSE(keys.contains(item_key{mix_bits(0)}));
    CHECK_FALSE(copy.contains(item_key{mix_bits(20000)}));
  }

  TEST_CASE("an insert costs a logarithm on average") {
    seen_set keys;
    constexpr std::uint64_t inserts = 100'000;
    for (std::uint64_t n = 0; n < inserts; ++n)
      keys.insert(item_key{mix_bits(n)}, 20000);
    CHECK(keys.work() < inserts * 16);
  }

} // TEST_SUITE
