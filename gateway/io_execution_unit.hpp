#pragma once

#include <caf/execution_unit.hpp>
#include <caf/resumable.hpp>

#include <cstddef>
#include <deque>
#include <functional>

namespace troupe::gateway {

/// Where actors run that are woken by what a gateway thread sends: on that thread, as soon as
/// what it has read is handled. An event goes from the socket through directory, session and
/// shards and back to the socket without waking another thread, which costs more than most of
/// these actors' messages (docs/adr/0013). What is too much for one thread goes to CAF's
/// workers, and so does everything that other threads send.
/// Thread safety: none; on the gateway's thread only.
class io_execution_unit final : public caf::execution_unit {
public:
  /// Actors that may wait here; one more goes to CAF's workers.
  static constexpr std::size_t waiting_max = 32;
  /// Actors run before the thread looks after its sockets again.
  static constexpr std::size_t turn_actors = 32;
  /// Messages of one actor before the next one has its turn.
  static constexpr std::size_t turn_messages = 8;

  /// `ask_for_turn` has the thread call `turn` soon, and not from within the call.
  io_execution_unit(caf::actor_system& system, std::function<void()> ask_for_turn);
  ~io_execution_unit() override;
  io_execution_unit(const io_execution_unit&) = delete;
  io_execution_unit& operator=(const io_execution_unit&) = delete;

  void exec_later(caf::resumable* what) override;

  /// Runs those that wait, and asks for another turn if some still do.
  void turn();

  /// Gives everything to CAF's workers, from now on.
  void close();

private:
  void hand_over(caf::resumable* what);
  void resume(caf::resumable* what);

  std::function<void()> ask_for_turn_;
  std::deque<caf::resumable*> waiting_; ///< each holds a reference
  bool asked_ = false;
  bool closed_ = false;
};

} // namespace troupe::gateway
