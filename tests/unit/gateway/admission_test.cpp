#include "gateway/admission.hpp"

#include "base/metrics.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

using namespace troupe;
using namespace troupe::gateway;

namespace {

struct door {
  door(std::size_t total, std::size_t per_address) : places{total, per_address, probe} {}

  bool shows(const std::string& line) const {
    return registry.expose().find("\n" + line + "\n") != std::string::npos;
  }

  metrics registry;
  config::settings settings;
  gateway_probe probe{registry, settings, {}};
  admission places;
};

} // namespace

TEST_SUITE("gateway.admission") {

  TEST_CASE("connections are taken up to the limit, and again when one goes") {
    door at{2, 10};
    auto first = at.places.enter("a");
    auto second = at.places.enter("b");
    REQUIRE(first);
    REQUIRE(second);
    CHECK(at.places.open() == 2);
    CHECK_FALSE(at.places.enter("c"));
    CHECK(at.shows(R"(troupe_gateway_connections_refused_total{limit="total"} 1)"));
    first.reset();
    CHECK(at.places.open() == 1);
    CHECK(at.places.enter("c"));
  }

  TEST_CASE("one address cannot take the places of the others") {
    door at{10, 2};
    const auto first = at.places.enter("a");
    auto second = at.places.enter("a");
    CHECK_FALSE(at.places.enter("a"));
    CHECK(at.shows(R"(troupe_gateway_connections_refused_total{limit="address"} 1)"));
    CHECK(at.shows(R"(troupe_gateway_connections_refused_total{limit="total"} 0)"));
    CHECK(at.places.enter("b"));
    CHECK(at.places.open() == 2); // the one of b has gone again, the refused one never counted
    second.reset();
    CHECK(at.places.enter("a"));
  }

  TEST_CASE("a ticket that was moved counts once") {
    door at{10, 10};
    {
      auto entered = at.places.enter("a");
      admission::ticket kept = std::move(*entered);
      entered.reset();
      CHECK(at.places.open() == 1);
      admission::ticket other;
      other = std::move(kept);
      CHECK(at.places.open() == 1);
    }
    CHECK(at.places.open() == 0);
  }

  TEST_CASE("the wait ends when the last connection goes, or in time") {
    door at{10, 10};
    at.places.wait_until_empty(std::chrono::hours{1}); // none is open: no wait
    auto kept = at.places.enter("a");
    at.places.wait_until_empty(std::chrono::milliseconds{1});
    CHECK(at.places.open() == 1);
    std::thread leaver{[&] { kept.reset(); }};
    at.places.wait_until_empty(std::chrono::hours{1});
    CHECK(at.places.open() == 0);
    leaver.join();
  }

  TEST_CASE("many threads never hold more places than there are") {
    door at{8, 3};
    std::atomic<bool> exceeded{false};
    std::atomic<int> entered{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        const std::string address(1, static_cast<char>('a' + t % 2));
        for (int i = 0; i < 500; ++i) {
          const auto first = at.places.enter(address);
          const auto second = at.places.enter(address);
          entered += (first ? 1 : 0) + (second ? 1 : 0);
          if (at.places.open() > 6) // two addresses of at most three
            exceeded = true;
        }
      });
    for (auto& each : threads)
      each.join();
    CHECK_FALSE(exceeded);
    CHECK(entered > 0);
    CHECK(at.places.open() == 0);
  }

} // TEST_SUITE
