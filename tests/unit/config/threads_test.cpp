#include "config/threads.hpp"

#include <doctest/doctest.h>

using namespace troupe::config;

TEST_SUITE("config.threads") {
  TEST_CASE("the cores are shared between connections and actors") {
    const auto of = [](std::size_t cores) { return threads_of(node_settings{}, cores); };
    CHECK(of(1).io == 1);
    CHECK(of(1).actors == 1);
    CHECK(of(2).io == 1);
    CHECK(of(2).actors == 1);
    CHECK(of(4).io == 1);
    CHECK(of(4).actors == 3);
    CHECK(of(32).io == 8);
    CHECK(of(32).actors == 24);
    CHECK(of(0).actors == 1); // a machine that does not say
  }

  TEST_CASE("what is set is taken as it is") {
    node_settings settings;
    settings.io_threads = 3;
    CHECK(threads_of(settings, 2).io == 3);
    CHECK(threads_of(settings, 2).actors == 1);
    settings.actor_threads = 5;
    CHECK(threads_of(settings, 2).actors == 5);
  }
}
