#include "model/seen_here.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <random>
#include <vector>

using namespace troupe;
using namespace troupe::model;

TEST_SUITE("model.seen_here") {

  TEST_CASE("it answers as the set does, for small sets and large ones") {
    std::mt19937_64 random{11};
    seen_here here; // kept from query to query, as a slice does
    for (const std::size_t size : std::vector<std::size_t>{0, 1, 63, 64, 65, 127, 3000, 25000}) {
      CAPTURE(size);
      seen_set all;
      std::vector<item_key> asked;
      for (std::size_t n = 0; n < size; ++n) {
        const item_key key{random()};
        all.insert(key, seen_set::bound_default);
        asked.push_back(key);
        asked.push_back(item_key{random()});
      }
      asked.push_back(item_key{0});
      here.start(all);
      for (const auto key : asked) {
        here.prefetch(key);
        REQUIRE(here.contains(key) == all.contains(key));
      }
    }
  }

  TEST_CASE("what the query before had seen is forgotten") {
    seen_set one;
    seen_set other;
    one.insert(item_key{7}, 100);
    other.insert(item_key{8}, 100);
    seen_here here;
    here.start(one);
    CHECK(here.contains(item_key{7}));
    here.start(other);
    CHECK_FALSE(here.contains(item_key{7}));
    CHECK(here.contains(item_key{8}));
  }

  TEST_CASE("keys chosen to fall on one place are all found") {
    // The hash multiplies by an odd number; its inverse makes keys whose products are 0 to 62.
    constexpr std::uint64_t factor = 0x9e3779b97f4a7c15U;
    std::uint64_t inverse = factor;
    for (int i = 0; i < 6; ++i)
      inverse *= 2 - factor * inverse;
    REQUIRE(factor * inverse == 1);
    seen_set all;
    for (std::uint64_t n = 0; n < 63; ++n)
      all.insert(item_key{n * inverse}, seen_set::bound_default);
    REQUIRE(all.tail().size() == 63);
    seen_here here;
    here.start(all);
    for (std::uint64_t n = 0; n < 63; ++n)
      CHECK(here.contains(item_key{n * inverse}));
    CHECK_FALSE(here.contains(item_key{63 * inverse}));
  }

} // TEST_SUITE

TEST_SUITE("model.key_table") {

  TEST_CASE("it finds each key with its block and no other") {
    std::mt19937_64 random{12};
    for (const std::size_t size : std::vector<std::size_t>{1, 2, 5, 64, 1000, 20000}) {
      CAPTURE(size);
      std::vector<key_table::entry> entries;
      for (std::size_t n = 0; n < size; ++n)
        entries.push_back({item_key{random()}, static_cast<std::uint8_t>(n % 17)});
      const key_table table{entries};
      REQUIRE(table.size() == size);
      for (const auto& one : entries) {
        const auto* block = table.find(one.key);
        REQUIRE(block != nullptr);
        REQUIRE(*block == one.block);
        REQUIRE(table.find(item_key{static_cast<std::uint64_t>(one.key) + 1}) == nullptr);
      }
      std::size_t visited = 0;
      table.for_each([&](const key_table::entry&) { ++visited; });
      CHECK(visited == size);
    }
  }

  TEST_CASE("keys chosen to fall on one place are found in time that does not grow") {
    constexpr std::uint64_t factor = 0x9e3779b97f4a7c15U;
    std::uint64_t inverse = factor;
    for (int i = 0; i < 6; ++i)
      inverse *= 2 - factor * inverse;
    std::vector<key_table::entry> entries;
    for (std::uint64_t n = 0; n < 5000; ++n)
      entries.push_back({item_key{n * inverse}, static_cast<std::uint8_t>(n % 5)});
    const key_table table{entries};
    std::size_t visited = 0;
    table.for_each([&](const key_table::entry&) { ++visited; });
    CHECK(visited == entries.size());
    for (const auto& one : entries) {
      const auto* block = table.find(one.key);
      REQUIRE(block != nullptr);
      REQUIRE(*block == one.block);
    }
    CHECK(table.find(item_key{5000 * inverse}) == nullptr);
  }

  TEST_CASE("the value that stands for a free place may be a key") {
    const item_key odd{0x9d39247e33776d41U};
    const item_key next{0x9d39247e33776d42U};
    const std::vector<key_table::entry> with{{odd, 1}, {next, 2}, {item_key{0}, 3}};
    const key_table table{with};
    for (const auto& one : with) {
      REQUIRE(table.find(one.key) != nullptr);
      CHECK(*table.find(one.key) == one.block);
    }
    const key_table without{std::vector<key_table::entry>{{item_key{5}, 0}}};
    CHECK(without.find(odd) == nullptr);
  }

} // TEST_SUITE
