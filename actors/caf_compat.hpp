#pragma once

#include <caf/actor_system.hpp>
#include <caf/config.hpp>
#include <caf/duration.hpp>
#include <caf/message_priority.hpp>
#include <caf/result.hpp>
#include <caf/resumable.hpp>
#include <caf/spawn_options.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <cstddef>
#include <optional>
#include <utility>
#if CAF_MAJOR_VERSION >= 1
#include <caf/actor_from_state.hpp>
#endif

namespace troupe::actors {

/// The state of the actor that has its turn on this thread. An actor's handlers may be one set
/// that all actors of its kind share, if they find their state here: CAF 0.17 keeps a copy of
/// the set for each actor, 40 bytes for each handler.
template <class State>
class turn_of {
public:
  /// REQUIRES: called from a handler of an actor with this state.
  [[nodiscard]] static State& current() noexcept { return *running; }

  explicit turn_of(State* whose) noexcept : before_(std::exchange(running, whose)) {}

  ~turn_of() { running = before_; } // turns nest where tests run an actor inside of another's

  turn_of(const turn_of&) = delete;
  turn_of& operator=(const turn_of&) = delete;

private:
  static constinit inline thread_local State* running = nullptr;
  State* before_;
};

#if CAF_MAJOR_VERSION < 1
/// One request handler of a typed actor: takes `In...`, answers `Reply`.
template <class Reply, class... In>
using rpc = typename caf::replies_to<In...>::template with<Reply>;

/// Hosts a state class (constructor takes `pointer self` first, offers
/// `make_behavior()`). The state dies with the actor, as in CAF 1.x.
template <class State, class Handle>
class state_actor final : public Handle::base {
public:
  template <class... Args>
  explicit state_actor(caf::actor_config& cfg, Args&&... args) : Handle::base(cfg) {
    state_.emplace(this, std::forward<Args>(args)...);
  }

  const char* name() const override { return State::name; }

  caf::resumable::resume_result resume(caf::execution_unit* where,
                                       std::size_t messages_max) override {
    const turn_of<State> turn{state_ ? &*state_ : nullptr};
    return Handle::base::resume(where, messages_max);
  }

  void on_exit() override { state_.reset(); }

protected:
  typename Handle::behavior_type make_behavior() override { return state_->make_behavior(); }

private:
  std::optional<State> state_;
};

template <class State, class Spawner, class... Args>
auto spawn_state(Spawner& where, Args&&... args) {
  return where.template spawn<state_actor<State, typename State::handle>>(
      std::forward<Args>(args)...);
}

/// On a thread of its own: for the few actors that may block.
template <class State, class Spawner, class... Args>
auto spawn_detached_state(Spawner& where, Args&&... args) {
  return where.template spawn<state_actor<State, typename State::handle>, caf::detached>(
      std::forward<Args>(args)...);
}
#else
// States whose handlers are shared need a host of ours here too, which sets turn_of.
template <class Reply, class... In>
using rpc = caf::result<Reply>(In...);

template <class State, class Spawner, class... Args>
auto spawn_state(Spawner& where, Args&&... args) {
  return where.spawn(caf::actor_from_state<State>, std::forward<Args>(args)...);
}

template <class State, class Spawner, class... Args>
auto spawn_detached_state(Spawner& where, Args&&... args) {
  return where.template spawn<caf::detached>(caf::actor_from_state<State>,
                                             std::forward<Args>(args)...);
}
#endif

/// For a request whose answer is waited for under a deadline that the requester keeps itself
/// (one for a whole group of requests), or that ends with a request of the gateway. CAF 0.17
/// keeps the timer of an answered request until it would have expired and wakes the actor then:
/// four of them for each event would cost more than the event (docs/adr/0010).
/// Requests to an actor of the same process that died fail at once, timer or not.
inline const caf::duration no_timer{caf::infinite}; // tidy: allow

} // namespace troupe::actors
