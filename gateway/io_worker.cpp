#include "gateway/io_worker.hpp"

#include "base/log.hpp"
#include "base/stable_hash.hpp"
#include "gateway/http_session.hpp"
#include "gateway/live_session.hpp"
#include "gateway/routes.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <sys/socket.h>
#include <unistd.h>

namespace troupe::gateway {

namespace {

using reuse_port = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

constexpr std::chrono::milliseconds tick_interval{100};
constexpr unsigned ticks_per_sweep = 5;
constexpr int backlog = 4096;

std::vector<std::string> split_origins(const std::string& text) {
  std::vector<std::string> out;
  std::string_view rest{text};
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    auto part = rest.substr(0, comma);
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    while (!part.empty() && part.front() == ' ')
      part.remove_prefix(1);
    while (!part.empty() && part.back() == ' ')
      part.remove_suffix(1);
    if (!part.empty())
      out.emplace_back(part);
  }
  return out;
}

json_limits json_limits_of(const config::settings& how) {
  return {how.gateway.json_depth_max, how.gateway.bulk_max, how.slates.k_max,
          how.slates.filter_bytes_max, how.slates.exclude_max};
}

} // namespace

gateway_shared::gateway_shared(const config::settings& how, actors::node_handles doors,
                               const clock& clock_used, metrics& registry,
                               std::function<bool()> is_ready)
    : settings(how), json(json_limits_of(how)), head{how.gateway.header_bytes_max, 100, 8192},
      node(std::move(doors)), time(clock_used), series(registry),
      probe(registry, how, route_names()),
      connections(how.gateway.connections_max, how.gateway.connections_per_address_max, probe),
      ready(std::move(is_ready)), origins(split_origins(how.gateway.allowed_origins)) {}

io_worker::io_worker(gateway_shared& shared, caf::actor_system& system, unsigned index)
    : shared_(shared), index_(index), io_(std::make_shared<asio::io_context>(1)),
      acceptor_(io_->get_executor()), timer_(io_->get_executor()) {
  const io_actor::options how{shared.settings.gateway.in_flight_max,
                              shared.settings.slates.request_timeout};
  handle_ = system.spawn<io_actor>(io_, how);
  actor_ = static_cast<io_actor*>(caf::actor_cast<caf::abstract_actor*>(handle_));
  actor_->on_slate = [this](actors::push_slate& push) {
    const auto at = live_.find(static_cast<std::uint64_t>(push.connection));
    if (at != live_.end())
      at->second->push(std::move(push.what));
  };
  actor_->on_end = [this](const actors::push_end& push) {
    const auto at = live_.find(static_cast<std::uint64_t>(push.connection));
    if (at != live_.end())
      at->second->end(push.why);
  };
  actor_->on_idle = [this] { flush_marked(); };
  // Ids must not repeat over restarts: the time of day, the process and the thread make the salt.
  id_salt_ = mix_bits(static_cast<std::uint64_t>(to_millis(shared.time.now()))
                      ^ mix_bits(static_cast<std::uint64_t>(::getpid()) << 16U ^ index)
                      ^ static_cast<std::uint64_t>(now().time_since_epoch().count()));
}

io_worker::~io_worker() {
  join();
}

result<std::uint16_t> io_worker::listen(std::uint16_t port, bool share) {
  const auto& how = shared_.settings.gateway;
  error_code error;
  const auto address = asio::ip::make_address(how.host, error);
  if (error)
    return failure{errc::invalid_argument,
                   fmt::format("gateway.host: '{}' is not an IP address", how.host)};
  const asio::ip::tcp::endpoint where{address, port};
  const auto failed = [&] {
    return failure{errc::already_exists,
                   fmt::format("cannot listen on {}:{}: {}", how.host, port, error.message())};
  };
  if (share && index_ == 0 && port != 0) {
    // Sharing would also share with another process: one bind without it finds that out.
    asio::basic_socket_acceptor<asio::ip::tcp, executor> alone{io_->get_executor()};
    if (alone.open(where.protocol(), error)
        || alone.set_option(asio::socket_base::reuse_address{true}, error)
        || alone.bind(where, error))
      return failed();
  }
  if (acceptor_.open(where.protocol(), error)
      || acceptor_.set_option(asio::socket_base::reuse_address{true}, error)
      || (share && acceptor_.set_option(reuse_port{true}, error)) || acceptor_.bind(where, error)
      || acceptor_.listen(backlog, error))
    return failed();
  return acceptor_.local_endpoint().port();
}

void io_worker::start() {
  accept();
  tick();
  thread_ = std::thread{[this] {
    auto keep = asio::make_work_guard(*io_);
    io_->run();
  }};
}

void io_worker::post(std::function<void()> what) {
  asio::post(io_->get_executor(), std::move(what));
}

void io_worker::join() {
  if (thread_.joinable())
    thread_.join();
}

void io_worker::discard() {
  io_->restart();
  io_->poll();
}

void io_worker::accept() {
  acceptor_.async_accept(
      [this](error_code error, tcp_socket socket) { on_accept(error, std::move(socket)); });
}

void io_worker::on_accept(error_code error, tcp_socket socket) {
  if (error == asio::error::operation_aborted || draining_)
    return;
  if (error) { // out of descriptors, mostly: try again with the next tick
    TROUPE_LOG(warn, "gateway.accept_failed", "why={}", error.message());
    accept_waits_ = true;
    return;
  }
  error_code ignored;
  socket.set_option(asio::ip::tcp::no_delay{true}, ignored);
  const auto peer = socket.remote_endpoint(ignored);
  if (auto ticket = shared_.connections.enter(peer.address().to_string()))
    http_session::start(*this, std::move(socket), std::move(*ticket));
  else
    refuse(std::move(socket));
  accept();
}

void io_worker::refuse(tcp_socket socket) {
  // One attempt without waiting: whoever is refused costs nothing more.
  static const auto answer = [] {
    std::string body;
    append_json(body, problem_of(http_fault::too_many_connections, "too many connections"), {});
    return fmt::format("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
                       "Content-Type: application/problem+json\r\nContent-Length: {}\r\n\r\n{}",
                       body.size(), body);
  }();
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(answer), ignored);
  socket.shutdown(asio::socket_base::shutdown_send, ignored);
}

void io_worker::tick() {
  const auto present = now();
  actor_->expire(present);
  const auto in_flight = actor_->in_flight();
  shared_.probe.in_flight.add(static_cast<double>(in_flight)
                              - static_cast<double>(in_flight_shown_));
  in_flight_shown_ = in_flight; // the gauge is the sum over the threads
  if (const auto refused = actor_->refused(); refused != refused_seen_) {
    shared_.probe.in_flight_refused.add(static_cast<double>(refused - refused_seen_));
    refused_seen_ = refused;
  }
  if (const auto expired = actor_->expired(); expired != expired_seen_) {
    shared_.probe.in_flight_expired.add(static_cast<double>(expired - expired_seen_));
    expired_seen_ = expired;
  }
  if (++ticks_ % ticks_per_sweep == 0)
    for (auto at = connections_.begin(); at != connections_.end();)
      (*at++)->sweep(present); // a connection may remove itself
  flush_marked();
  if (accept_waits_ && !draining_) {
    accept_waits_ = false;
    accept();
  }
  timer_.expires_after(tick_interval);
  timer_.async_wait([this](error_code error) {
    if (!error)
      tick();
  });
}

void io_worker::begin_drain() {
  draining_ = true;
  error_code ignored;
  acceptor_.close(ignored);
  for (auto at = connections_.begin(); at != connections_.end();)
    (*at++)->drain();
}

void io_worker::abort_all() {
  for (auto at = connections_.begin(); at != connections_.end();)
    (*at++)->abort();
}

void io_worker::finish() {
  error_code ignored;
  acceptor_.close(ignored);
  timer_.cancel();
  actor_->close();
  io_->stop();
}

actors::connection_id io_worker::next_connection() noexcept {
  return actors::connection_id{std::uint64_t{index_} << 48U | ++connections_made_};
}

std::string io_worker::make_id(std::string_view prefix) {
  return fmt::format("{}{:016x}{:x}", prefix, id_salt_, ++ids_made_);
}

std::list<connection*>::iterator io_worker::add(connection* which) {
  return connections_.insert(connections_.end(), which);
}

void io_worker::remove(std::list<connection*>::iterator which) {
  connections_.erase(which);
}

void io_worker::add_live(actors::connection_id id, live_session* which) {
  live_.emplace(static_cast<std::uint64_t>(id), which);
}

void io_worker::remove_live(actors::connection_id id) {
  live_.erase(static_cast<std::uint64_t>(id));
}

void io_worker::mark(std::weak_ptr<live_session> which) {
  marked_.push_back(std::move(which));
}

void io_worker::flush_marked() {
  flushing_.swap(marked_);
  for (const auto& entry : flushing_)
    if (const auto session = entry.lock())
      session->flush();
  flushing_.clear();
}

} // namespace troupe::gateway
