#include "gateway/io_execution_unit.hpp"

#include <caf/actor_system.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include <utility>

namespace troupe::gateway {

io_execution_unit::io_execution_unit(caf::actor_system& system, std::function<void()> ask_for_turn)
    : caf::execution_unit(&system), ask_for_turn_(std::move(ask_for_turn)) {}

io_execution_unit::~io_execution_unit() {
  close();
}

void io_execution_unit::exec_later(caf::resumable* what) {
  if (closed_ || waiting_.size() >= waiting_max)
    return hand_over(what);
  waiting_.push_back(what);
  if (!asked_) {
    asked_ = true;
    ask_for_turn_();
  }
}

void io_execution_unit::turn() {
  asked_ = true; // what wakes actors from in here need not ask
  for (std::size_t ran = 0; ran < turn_actors && !waiting_.empty(); ++ran) {
    auto* next = waiting_.front();
    waiting_.pop_front();
    resume(next);
  }
  asked_ = !waiting_.empty();
  if (asked_)
    ask_for_turn_();
}

void io_execution_unit::close() {
  closed_ = true;
  for (auto* what : std::exchange(waiting_, {}))
    hand_over(what);
}

void io_execution_unit::hand_over(caf::resumable* what) {
  system().scheduler().enqueue(what);
}

void io_execution_unit::resume(caf::resumable* what) {
  switch (what->resume(this, turn_messages)) {
  case caf::resumable::resume_later: // keeps its reference
    return exec_later(what);
  case caf::resumable::done:
  case caf::resumable::awaiting_message:
    caf::intrusive_ptr_release(what);
    return;
  case caf::resumable::shutdown_execution_unit: // CAF's own helpers of its workers
    return;
  }
}

} // namespace troupe::gateway
