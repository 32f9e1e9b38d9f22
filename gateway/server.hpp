#pragma once

#include "actors/interfaces.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/metrics.hpp"
#include "config/settings.hpp"

#include <cstdint>
#include <functional>
#include <memory>

namespace caf {
class actor_system;
}

namespace troupe::gateway {

/// The doors of a node: HTTP and WebSocket on one port. Runs on its own threads
/// (`node.io_threads`); the actor system, the clock and the metrics outlive it.
/// Thread safety: the members are called from one thread.
class server {
public:
  /// Binds and serves. `ready` says whether the node takes work (/readyz); it is called on
  /// gateway threads. Errors: invalid_argument (address, console), already_exists (the port).
  [[nodiscard]] static result<std::unique_ptr<server>>
  start(const config::settings& settings, caf::actor_system& system, actors::node_handles node,
        const clock& time, metrics& registry, std::function<bool()> ready);

  ~server(); ///< stops

  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// The port it listens on: the configured one, or what was free.
  [[nodiscard]] std::uint16_t port() const noexcept;

  /// Connections that are open now.
  [[nodiscard]] std::size_t connections() const;

  /// Takes no connection any more, says so on /readyz, lets requests finish, tells live
  /// connections to go (close code 1001), and waits until all are gone or
  /// `node.shutdown_timeout` has passed. Call before the actors are told to drain.
  void drain();

  /// Ends what is left and the threads. Afterwards no actor of the gateway is alive.
  void stop();

private:
  struct impl;
  explicit server(std::unique_ptr<impl> inside);
  std::unique_ptr<impl> impl_;
};

} // namespace troupe::gateway
