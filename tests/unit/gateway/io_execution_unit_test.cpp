#include "gateway/io_execution_unit.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/ref_counted.hpp>
#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <future>
#include <vector>

using troupe::gateway::io_execution_unit;

namespace {

/// Something to run: says where it ran, and waits again as often as it is told to.
class task final : public caf::ref_counted, public caf::resumable {
public:
  explicit task(std::function<void(caf::execution_unit*)> what, int times = 1)
      : what_(std::move(what)), left_(times) {}

  resume_result resume(caf::execution_unit* where, std::size_t) override {
    what_(where);
    return --left_ > 0 ? resume_later : done;
  }

  void intrusive_ptr_add_ref_impl() override { ref(); }

  void intrusive_ptr_release_impl() override { deref(); }

private:
  std::function<void(caf::execution_unit*)> what_;
  int left_;
};

struct unit_fixture {
  caf::actor_system_config config;
  caf::actor_system system{config.set("scheduler.max-threads", 1)};
  int turns_asked = 0;
  io_execution_unit unit{system, [this] { ++turns_asked; }};
  std::vector<int> ran; ///< on this unit, in order

  void add(int number, int times = 1) {
    unit.exec_later(new task(
        [this, number](caf::execution_unit* where) {
          CHECK(where == &unit);
          ran.push_back(number);
        },
        times));
  }
};

} // namespace

TEST_SUITE("gateway.io_execution_unit") {
  TEST_CASE_FIXTURE(unit_fixture, "what waits runs in order, for one turn asked") {
    add(1);
    add(2);
    CHECK(turns_asked == 1);
    CHECK(ran.empty());
    unit.turn();
    CHECK(ran == std::vector{1, 2});
    CHECK(turns_asked == 1);
    add(3);
    CHECK(turns_asked == 2);
    unit.turn();
    CHECK(ran == std::vector{1, 2, 3});
  }

  TEST_CASE_FIXTURE(unit_fixture, "one that is not done runs again behind the others") {
    add(1, 3);
    add(2);
    unit.turn();
    CHECK(ran == std::vector{1, 2, 1, 1});
  }

  TEST_CASE_FIXTURE(unit_fixture, "a turn ends, so that the sockets have theirs") {
    const auto much = static_cast<int>(3 * io_execution_unit::turn_actors);
    add(7, much);
    int turns = 0;
    for (; turns < turns_asked; ++turns)
      unit.turn();
    CHECK(turns == 3);
    CHECK(static_cast<int>(ran.size()) == much);
  }

  TEST_CASE_FIXTURE(unit_fixture, "what is too much here goes to CAF's workers") {
    for (std::size_t i = 0; i < io_execution_unit::waiting_max; ++i)
      add(static_cast<int>(i));
    std::promise<caf::execution_unit*> elsewhere;
    unit.exec_later(new task([&](caf::execution_unit* where) { elsewhere.set_value(where); }));
    CHECK(elsewhere.get_future().get() != &unit);
    CHECK(ran.empty());
    unit.turn();
    CHECK(ran.size() == io_execution_unit::waiting_max);
  }

  TEST_CASE_FIXTURE(unit_fixture, "closing leaves nothing behind") {
    std::promise<caf::execution_unit*> waited;
    std::promise<caf::execution_unit*> late;
    unit.exec_later(new task([&](caf::execution_unit* where) { waited.set_value(where); }));
    unit.close();
    unit.exec_later(new task([&](caf::execution_unit* where) { late.set_value(where); }));
    CHECK(waited.get_future().get() != &unit);
    CHECK(late.get_future().get() != &unit);
    unit.turn();
  }
}
