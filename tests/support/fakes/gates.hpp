#pragma once

#include "actors/interfaces.hpp"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

/// What a test holds of the actors in gated_actors.hpp. For the test coordinator's one thread.
namespace troupe::test {

/// What a gate holds; owned by the test. What is let through moves when actors run next.
struct gate {
  bool closed = false;
  std::deque<std::function<void()>> held;
  std::size_t passes = 0;     ///< of held messages
  std::function<void()> wake; ///< set by the actor at the gate

  /// Lets the oldest `count` messages through.
  void let_through(std::size_t count = static_cast<std::size_t>(-1)) {
    passes = std::min(count, held.size());
    if (passes > 0)
      wake();
  }

  void open() {
    closed = false;
    let_through();
  }

  /// For the actor at the gate: CAF lets a promise be fulfilled only in its actor's turn.
  void pass() {
    for (; passes > 0 && !held.empty(); --passes) {
      auto next = std::move(held.front());
      held.pop_front();
      next();
    }
  }
};

/// What a shard may be kept from.
struct shard_gates {
  gate scores;
  gate traits;
  gate lessons;
};

/// What connections were sent; owned by the test.
struct pushed {
  std::vector<actors::push_slate> slates;
  std::vector<actors::push_end> ends;
};

} // namespace troupe::test
