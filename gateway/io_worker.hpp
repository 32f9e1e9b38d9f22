#pragma once

#include "actors/interfaces.hpp"
#include "base/clock.hpp"
#include "config/settings.hpp"
#include "gateway/admission.hpp"
#include "gateway/asio_types.hpp"
#include "gateway/gateway_probe.hpp"
#include "gateway/http_check.hpp"
#include "gateway/io_actor.hpp"
#include "gateway/json_codec.hpp"
#include "gateway/static_files.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace troupe::gateway {

using steady_point = std::chrono::steady_clock::time_point;

/// What all threads of the gateway share; constant after the start but for atomics.
struct gateway_shared {
  gateway_shared(const config::settings& how, actors::node_handles doors, const clock& clock_used,
                 metrics& registry, std::function<bool()> is_ready);

  const config::settings settings;
  const json_limits json;
  const head_limits head;
  actors::node_handles node;
  const clock& time;
  metrics& series;
  gateway_probe probe;
  admission connections;
  std::function<bool()> ready;
  static_files files;
  std::vector<std::string> origins; ///< allowed ones; "*" for all
  std::atomic<bool> draining{false};
};

/// A connection as its thread sees it. All members run on that thread.
class connection {
public:
  virtual ~connection() = default;

  /// Called about once a second: check your deadlines.
  virtual void sweep(steady_point now) = 0;

  /// Finish what you are doing and go.
  virtual void drain() = 0;

  /// Go at once.
  virtual void abort() = 0;
};

class live_session;

/// One thread of the gateway: its io_context, its door to the actors, its connections.
/// Everything but the constructor, `start` and `post` runs on that thread.
class io_worker {
public:
  io_worker(gateway_shared& shared, caf::actor_system& system, unsigned index);
  ~io_worker();
  io_worker(const io_worker&) = delete;
  io_worker& operator=(const io_worker&) = delete;

  /// Binds to the configured host and `port` (0: any), and gives the port. `share`: other
  /// workers of this server bind to it too.
  [[nodiscard]] result<std::uint16_t> listen(std::uint16_t port, bool share);

  void start();

  /// Whether it has a thread.
  [[nodiscard]] bool running() const noexcept { return thread_.joinable(); }

  /// Runs `what` on the worker's thread. Thread safety: any thread.
  void post(std::function<void()> what);

  void begin_drain();
  /// Ends every connection at once.
  void abort_all();
  /// Leaves the run loop; the thread then ends.
  void finish();
  void join();

  /// Drops what other threads still had sent here. After join.
  void discard();

  [[nodiscard]] gateway_shared& shared() noexcept { return shared_; }

  [[nodiscard]] io_actor& actors() noexcept { return *actor_; }

  [[nodiscard]] actors::push_sink_actor sink() const { return handle_; }

  [[nodiscard]] asio::io_context& io() noexcept { return *io_; }

  [[nodiscard]] steady_point now() const noexcept { return shared_.time.steady(); }

  /// A number for a new live connection, unique in the process.
  [[nodiscard]] actors::connection_id next_connection() noexcept;

  /// An id nobody else makes: of requests, and of events that came without one.
  [[nodiscard]] std::string make_id(std::string_view prefix);

  std::list<connection*>::iterator add(connection* which);
  void remove(std::list<connection*>::iterator which);
  void add_live(actors::connection_id id, live_session* which);
  void remove_live(actors::connection_id id);

  /// Has `which` write what it has collected once the present batch is handled.
  void mark(std::weak_ptr<live_session> which);

private:
  void accept();
  void on_accept(error_code error, tcp_socket socket);
  void refuse(tcp_socket socket);
  void tick();
  void flush_marked();

  gateway_shared& shared_;
  const unsigned index_;
  std::shared_ptr<asio::io_context> io_;
  asio::basic_socket_acceptor<asio::ip::tcp, executor> acceptor_;
  asio::basic_waitable_timer<std::chrono::steady_clock,
                             asio::wait_traits<std::chrono::steady_clock>, executor>
      timer_;
  actors::push_sink_actor handle_;
  io_actor* actor_ = nullptr;
  std::list<connection*> connections_;
  std::unordered_map<std::uint64_t, live_session*> live_;
  std::vector<std::weak_ptr<live_session>> marked_;
  std::vector<std::weak_ptr<live_session>> flushing_;
  std::uint64_t connections_made_ = 0;
  std::uint64_t ids_made_ = 0;
  std::uint64_t id_salt_ = 0;
  std::uint64_t refused_seen_ = 0;
  std::uint64_t expired_seen_ = 0;
  std::size_t in_flight_shown_ = 0;
  unsigned ticks_ = 0;
  bool accept_waits_ = false;
  bool draining_ = false;
  std::thread thread_;
};

} // namespace troupe::gateway
