#include "model/seen_here.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <random>
#include <unordered_map>
#include <vector>

using namespace troupe;
using namespace troupe::model;

namespace {

/// A slice's numbers of items: their order.
struct numbering {
  std::uint64_t reader;
  std::vector<item_key> keys;
  std::unordered_map<std::uint64_t, std::uint32_t> numbers = {};

  void add(item_key key) {
    numbers.emplace(static_cast<std::uint64_t>(key), static_cast<std::uint32_t>(keys.size()));
    keys.push_back(key);
  }

  [[nodiscard]] std::uint32_t number_of(item_key key) const {
    const auto found = numbers.find(static_cast<std::uint64_t>(key));
    return found == numbers.end() ? 0xffffffffU : found->second;
  }

  void start(seen_here& here, const seen_set& all) const {
    here.start(all, reader, keys, [this](item_key key) { return number_of(key); });
  }

  /// Asks about every item, as a query does.
  void check(seen_here& here, const seen_set& all) const {
    start(here, all);
    for (std::uint32_t number = 0; number < keys.size(); ++number) {
      here.prefetch(keys[number]);
      REQUIRE(here.contains(number, keys[number]) == all.contains(keys[number]));
    }
  }
};

} // namespace

TEST_SUITE("model.seen_here") {

  TEST_CASE("it answers as the set does, for small sets and large ones") {
    std::mt19937_64 random{11};
    seen_here here; // kept from query to query, as a slice does
    std::uint64_t reader = 0;
    for (const std::size_t size : std::vector<std::size_t>{0, 1, 63, 64, 65, 127, 3000, 25000}) {
      CAPTURE(size);
      seen_set all;
      numbering items{++reader, {}};
      items.add(item_key{0});
      for (std::size_t n = 0; n < size; ++n) {
        const item_key key{random()};
        all.insert(key, seen_set::bound_default);
        if (n % 3 > 0) // a third belongs to other slices
          items.add(key);
        items.add(item_key{random()});
      }
      for (int query = 0; query < 4; ++query)
        items.check(here, all);
      CHECK(here.is_laid_out() == !all.has_dropped());
    }
  }

  TEST_CASE("it stays right while the user goes on and the catalogue grows") {
    std::mt19937_64 random{13};
    seen_here here;
    seen_set all;
    numbering ours{1, {}};
    numbering theirs{2, {}};
    std::size_t laid_out = 0;
    for (int step = 0; step < 400; ++step) {
      const item_key known{random()};
      const item_key late{random()}; // seen before the slice has heard of it
      ours.add(known);
      (step % 2 == 0 ? ours : theirs).add(item_key{random()});
      all.insert(known, 300);
      all.insert(late, 300);
      ours.check(here, all);
      theirs.check(here, all);
      if (step % 3 == 0)
        ours.add(late);
      ours.start(here, all);
      laid_out += here.is_laid_out() ? 1U : 0U;
    }
    CHECK(laid_out > 50); // before keys left the set
    CHECK(all.has_dropped());
  }

  TEST_CASE("a set that is seldom asked is not laid out, nor one too small for the catalogue") {
    seen_set all;
    numbering items{1, {}};
    for (std::uint64_t n = 0; n < 128; ++n) {
      all.insert(item_key{n}, seen_set::bound_default);
      items.add(item_key{n});
    }
    seen_here here;
    items.start(here, all);
    CHECK_FALSE(here.is_laid_out());
    CHECK(here.contains(5, item_key{5}));
    items.start(here, all);
    CHECK_FALSE(here.is_laid_out());

    const auto before = all.heap_bytes();
    items.check(here, all);
    items.start(here, all);
    CHECK(here.is_laid_out());
    CHECK(all.heap_bytes() > before); // what is kept with a table counts

    numbering large{2, {}};
    for (std::uint64_t n = 0; n < 13'000; ++n)
      large.add(item_key{n});
    for (int query = 0; query < 4; ++query)
      large.check(here, all);
    CHECK_FALSE(here.is_laid_out());
  }

  TEST_CASE("what the query before had seen is forgotten") {
    seen_set one;
    seen_set other;
    one.insert(item_key{7}, 100);
    other.insert(item_key{8}, 100);
    numbering items{1, {}};
    items.add(item_key{7});
    items.add(item_key{8});
    seen_here here;
    items.start(here, one);
    CHECK(here.contains(0, item_key{7}));
    items.start(here, other);
    CHECK_FALSE(here.contains(0, item_key{7}));
    CHECK(here.contains(1, item_key{8}));
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
    numbering items{1, {}};
    for (std::uint64_t n = 0; n < 64; ++n)
      items.add(item_key{n * inverse});
    // A slice so large that nothing is laid out for it.
    const std::vector<item_key> keys(300'000, item_key{1});
    seen_here here;
    here.start(all, 1, keys, [](item_key) { return 0xffffffffU; });
    REQUIRE_FALSE(here.is_laid_out());
    for (std::uint32_t n = 0; n < 63; ++n)
      CHECK(here.contains(n, items.keys[n]));
    CHECK_FALSE(here.contains(63, items.keys[63]));
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
