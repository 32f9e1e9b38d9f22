#pragma once

#include "base/clock.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

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

/// Waits for the network until a moment, to the microsecond: `run_one_for` alone would let epoll
/// round up to the next millisecond, and a generator that sends late measures itself.
class network_step {
public:
  explicit network_step(boost::asio::io_context& io) : io_(io), timer_(io) {}

  /// Handles what has come, and waits for something to come until then if nothing has.
  void step(std::chrono::steady_clock::time_point until,
            std::chrono::steady_clock::time_point now) {
    io_.restart();
    if (until > now && io_.poll() == 0) {
      if (timer_.expiry() != until) {
        timer_.expires_at(until);
        timer_.async_wait([](boost::system::error_code) {});
      }
      io_.restart();
      io_.run_one();
    }
    io_.poll();
  }

private:
  boost::asio::io_context& io_;
  boost::asio::steady_timer timer_;
};

} // namespace troupe::apps
