#pragma once

#include "base/clock.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>

namespace troupe::apps {

/// Runs `io` on this thread until `fulfilled()` or the timeout; says whether it was fulfilled.
template <class Predicate>
bool run_until(boost::asio::io_context& io, const clock& time, std::chrono::milliseconds timeout,
               Predicate fulfilled) {
  const auto deadline = time.steady() + timeout;
  while (!fulfilled()) {
    const auto now = time.steady();
    if (now >= deadline)
      return false;
    io.restart();
    io.run_one_for(deadline - now);
  }
  return true;
}

} // namespace troupe::apps
