#pragma once

#include "actors/interfaces.hpp"
#include "base/error.hpp"

#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

namespace troupe::test {

/// Asks once and keeps the answer.
template <class Reply, class Handle, class Message>
class asker {
public:
  using handle = caf::typed_actor<caf::reacts_to<actors::done>>;
  using slot = std::shared_ptr<std::optional<result<Reply>>>;
  static constexpr const char* name = "asker";

  asker(typename handle::pointer self, Handle whom, Message what, slot into)
      : self_(self), whom_(std::move(whom)), what_(std::move(what)), into_(std::move(into)) {}

  typename handle::behavior_type make_behavior() {
    self_->request(whom_, caf::infinite, std::move(what_))
        .then(
            [this](const Reply& reply) {
              *into_ = reply;
              self_->quit();
            },
            [this](const caf::error& why) {
              *into_ = actors::to_failure(why);
              self_->quit();
            });
    return {[](const actors::done&) {}};
  }

private:
  typename handle::pointer self_;
  Handle whom_;
  Message what_;
  slot into_;
};

/// Runs actors on the test's own thread and clock: no sleeps, no races. `ask` asks and runs
/// until nothing moves; `send_off` asks and lets the test decide when what runs.
struct actor_fixture {
  /// An answer to come; `result` is set when the asker has it.
  template <class Reply>
  struct pending {
    std::shared_ptr<std::optional<result<Reply>>> slot =
        std::make_shared<std::optional<result<Reply>>>();

    [[nodiscard]] bool arrived() const { return slot->has_value(); }

    /// REQUIRES: arrived().
    [[nodiscard]] const result<Reply>& get() const { return **slot; }
  };

  actor_fixture() {
    // A clock at zero confuses CAF's timeouts; sessions keep deadlines on a grid, begin on it.
    scheduler.clock().current_time = caf::actor_clock::time_point{std::chrono::hours{1}};
  }

  /// Runs until nothing is left to do at this time.
  std::size_t run() { return scheduler.run(); }

  template <class Reply, class Handle, class Message>
  pending<Reply> send_off(const Handle& whom, Message what) {
    pending<Reply> out;
    const auto one =
        actors::spawn_state<asker<Reply, Handle, Message>>(system, whom, std::move(what), out.slot);
    // Its first turn sends the request, so that requests stand in the mailbox in this order.
    if (scheduler.prioritize(one))
      scheduler.run_once();
    return out;
  }

  /// Asks and runs; time stands still, so an answer that needs a deadline does not come.
  template <class Reply, class Handle, class Message>
  result<Reply> ask(const Handle& whom, Message what) {
    const auto answer = send_off<Reply>(whom, std::move(what));
    run();
    return answer.arrived() ? answer.get() : failure{errc::timeout, "no answer at this time"};
  }

  caf::actor_system_config config;
  caf::actor_system system{(config.set("scheduler.policy", caf::atom("testing")), config)};
  caf::scheduler::test_coordinator& scheduler =
      dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
};

} // namespace troupe::test
