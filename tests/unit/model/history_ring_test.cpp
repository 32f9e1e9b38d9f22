#include "model/history_ring.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace troupe;
using namespace troupe::model;

namespace {

/// An event as it was pushed, with an id of its own.
struct pushed {
  std::string item;
  history_ring::entry what;
};

void check_same(const history_ring::entry& got, const pushed& want) {
  CHECK(got.item == want.item);
  CHECK(got.type == want.what.type);
  CHECK(got.value == want.what.value);
  CHECK(got.time == want.what.time);
  CHECK(got.sequence == want.what.sequence);
  CHECK(got.traits_known == want.what.traits_known);
  CHECK(got.holds_seen == want.what.holds_seen);
}

/// Random events: ids of every length, times of every distance, values short and long.
class random_events {
public:
  explicit random_events(unsigned seed) : random_(seed) {}

  pushed next(std::size_t weights) {
    static const std::vector<std::optional<float>> values{
        std::nullopt, 0.0F, 3.5F, -2.0F, 0.1F, 1e-38F, 3.4e38F, std::optional<float>{1234.567F}};
    pushed made;
    made.item.resize(pick(20) == 0 ? 256 : 1 + pick(12));
    for (auto& letter : made.item)
      letter = static_cast<char>(pick(256));
    made.what.type = static_cast<std::uint8_t>(pick(history_ring::types_max));
    made.what.value = values[pick(values.size())];
    made.what.time = from_millis(static_cast<std::int64_t>(wide_(random_)) & mask_of(pick(45)));
    made.what.sequence = static_cast<float>(pick(weights)) / 4;
    made.what.traits_known = pick(2) == 0;
    made.what.holds_seen = pick(3) == 0;
    return made;
  }

  std::size_t pick(std::size_t below) { return static_cast<std::size_t>(random_()) % below; }

private:
  static std::int64_t mask_of(std::size_t bits) { return (std::int64_t{1} << bits) - 1; }

  std::mt19937 random_;
  std::uniform_int_distribution<std::uint64_t> wide_;
};

void push(history_ring& ring, const pushed& what, std::size_t bound) {
  auto given = what.what;
  given.item = what.item;
  ring.push(given, bound);
}

} // namespace

TEST_SUITE("model.history_ring") {

  TEST_CASE("it gives back what went in, whatever the bound") {
    for (const std::size_t bound : std::vector<std::size_t>{1, 2, 7, 8, 9, 16, 50, 200}) {
      CAPTURE(bound);
      random_events events{static_cast<unsigned>(bound)};
      history_ring ring;
      std::deque<pushed> truth;
      for (int n = 0; n < 700; ++n) {
        truth.push_back(events.next(n < 300 ? 3 : 40));
        push(ring, truth.back(), bound);
        if (truth.size() > bound)
          truth.pop_front();
        if (events.pick(50) == 0)
          ring.shrink_to_fit();
        if (events.pick(9) == 0) {
          const auto back = events.pick(truth.size());
          ring.release_seen(back);
          truth[truth.size() - 1 - back].what.holds_seen = false;
        }
        REQUIRE(ring.size() == truth.size());
        check_same(ring.newest(0), truth.back());
        check_same(ring.newest(truth.size() - 1), truth.front());
        const auto back = events.pick(truth.size());
        check_same(ring.newest(back), truth[truth.size() - 1 - back]);
      }
      const history_ring copy = ring;
      for (std::size_t back = 0; back < truth.size(); ++back)
        check_same(copy.newest(back), truth[truth.size() - 1 - back]);
    }
  }

  TEST_CASE("emptied in the middle of a stride it goes on") {
    history_ring ring;
    random_events events{1};
    for (std::size_t round = 0; round < 40; ++round) {
      std::vector<pushed> some;
      for (std::size_t n = 0; n < 1 + round % 11; ++n) {
        some.push_back(events.next(2));
        push(ring, some.back(), 100);
      }
      for (std::size_t n = 0; n < some.size(); ++n) {
        check_same(ring.newest(ring.size() - 1), some[n]);
        ring.pop();
      }
      CHECK(ring.size() == 0);
    }
  }

  TEST_CASE("it finds the marked items among the newest only") {
    history_ring ring;
    for (int n = 0; n < 30; ++n) {
      pushed one{"i" + std::to_string(n), {}};
      one.what.holds_seen = n % 3 == 0;
      push(ring, one, 100);
    }
    CHECK(ring.holds_seen("i27", 3));
    CHECK_FALSE(ring.holds_seen("i27", 2));
    CHECK_FALSE(ring.holds_seen("i28", 30)); // there, without the mark
    CHECK(ring.holds_seen("i0", 30));
    CHECK_FALSE(ring.holds_seen("i0", 29));
    CHECK(ring.holds_seen("i0", 1000));
    CHECK(ring.held_seen(7) == std::vector<std::string_view>{"i24", "i27"});
    ring.release_seen(2);
    CHECK_FALSE(ring.holds_seen("i27", 30));
    CHECK(ring.held_seen(7) == std::vector<std::string_view>{"i24"});
    CHECK(ring.held_seen(0).empty());
  }

  TEST_CASE("more sequence weights than it can tell apart share the last one") {
    history_ring ring;
    for (std::size_t n = 0; n < 2 * history_ring::weights_max; ++n) {
      pushed one{"x", {}};
      one.what.sequence = static_cast<float>(n);
      push(ring, one, 2 * history_ring::weights_max);
    }
    const auto weight_of = [&](std::size_t n) { return ring.newest(ring.size() - 1 - n).sequence; };
    CHECK(weight_of(0) == 0);
    CHECK(weight_of(3) == 3);
    CHECK(weight_of(history_ring::weights_max - 1) == history_ring::weights_max - 1);
    CHECK(weight_of(history_ring::weights_max + 7) == history_ring::weights_max - 1);
  }

  TEST_CASE("a click within hours takes 7 bytes beside its item's id, a later rating 11") {
    const auto bytes_each = [](std::optional<float> value, std::int64_t step_ms) {
      history_ring ring;
      constexpr std::int64_t events = 800;
      for (std::int64_t n = 0; n < events; ++n) {
        pushed one{"4711", {}};
        one.what.value = value;
        one.what.time = from_millis(1'700'000'000'000 + n * step_ms);
        push(ring, one, events);
      }
      ring.shrink_to_fit();
      return static_cast<double>(ring.heap_bytes()) / events - 4;
    };
    CHECK(bytes_each(std::nullopt, 10'000) <= 7);
    CHECK(bytes_each(4.5F, 10'000) <= 9);
    CHECK(bytes_each(4.5F, 300'000'000) <= 11);
  }

  TEST_CASE("what a push moves does not grow with the bound") {
    const auto moved_each = [](std::size_t bound) {
      history_ring ring;
      std::size_t moved = 0;
      constexpr std::size_t events = 20'000;
      for (std::size_t n = 0; n < events; ++n) {
        const auto item = "item-" + std::to_string(n);
        history_ring::entry one;
        one.item = item;
        moved += ring.push(one, bound);
      }
      return static_cast<double>(moved) / events;
    };
    CHECK(moved_each(200) < 20);
    CHECK(moved_each(5000) < 20);
  }

} // TEST_SUITE
