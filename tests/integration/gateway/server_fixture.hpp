#pragma once

#include "base/metrics.hpp"
#include "gateway/server.hpp"
#include "tests/integration/gateway/fake_node.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <caf/actor_system_config.hpp>
#include <sys/socket.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace troupe::test {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;

/// Receives give up after this long: a server that says nothing fails the test.
inline void limit_receives(asio::ip::tcp::socket& socket) {
  const timeval limit{10, 0};
  ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

/// The clock of the machine, that a test can push forward.
class shifted_clock final : public clock {
public:
  [[nodiscard]] timestamp now() const noexcept override { return system_clock().now() + shift(); }

  [[nodiscard]] std::chrono::steady_clock::time_point steady() const noexcept override {
    return system_clock().steady() + shift();
  }

  void advance(std::chrono::milliseconds by) noexcept { millis_ += by.count(); }

private:
  [[nodiscard]] std::chrono::milliseconds shift() const noexcept {
    return std::chrono::milliseconds{millis_.load()};
  }

  std::atomic<std::int64_t> millis_{0};
};

/// A server on a free port in front of fakes.
struct server_fixture {
  explicit server_fixture(const std::function<void(config::settings&)>& adjust =
                              [](config::settings&) {}) {
    settings.gateway.port = 0;
    settings.gateway.events_per_second_max = 0;
    settings.node.io_threads = 1;
    settings.node.shutdown_timeout = std::chrono::seconds{5};
    adjust(settings);
    actors::node_handles node;
    node.directories = {actors::spawn_state<fake_directory>(system, control)};
    node.catalog = actors::spawn_state<fake_catalog>(system, control);
    node.models = actors::spawn_state<fake_models>(system);
    auto started = gateway::server::start(settings, system, std::move(node), time, registry,
                                          [this] { return ready.load(); });
    if (started)
      server = std::move(*started);
    else
      why = started.error();
  }

  ~server_fixture() { server.reset(); }

  /// A metric's value as /metrics shows it; nothing if the series is not there.
  [[nodiscard]] std::optional<double> metric(const std::string& series) const {
    const auto text = registry.expose();
    const auto at = text.find("\n" + series + " ");
    if (at == std::string::npos)
      return std::nullopt;
    return std::stod(text.substr(at + series.size() + 2));
  }

  /// Whether the metric gets there while the server answers further requests.
  [[nodiscard]] bool reaches(const std::string& series, double value) const;

  config::settings settings;
  caf::actor_system_config config;
  caf::actor_system system{config.set("scheduler.max-threads", 1)};
  std::shared_ptr<fake_control> control = std::make_shared<fake_control>();
  shifted_clock time;
  metrics registry;
  std::atomic<bool> ready{true};
  std::unique_ptr<gateway::server> server;
  failure why;
};

/// Sends raw bytes and reads raw answers.
class raw_client {
public:
  explicit raw_client(const server_fixture& to) {
    socket_.connect({asio::ip::make_address("127.0.0.1"), to.server->port()});
    socket_.set_option(asio::ip::tcp::no_delay{true});
    limit_receives(socket_);
  }

  void send(std::string_view bytes) {
    error_code ignored; // the server may have closed already: its answer says why
    asio::write(socket_, asio::buffer(bytes.data(), bytes.size()), ignored);
  }

  struct answer {
    unsigned status = 0; ///< 0: closed without one
    std::string head;
    std::string body;

    [[nodiscard]] bool has(std::string_view text) const {
      return head.find(text) != std::string::npos;
    }
  };

  /// Reads one answer (with Content-Length, chunked, or none).
  answer read(bool head_only = false) {
    answer out;
    while (in_.find("\r\n\r\n") == std::string::npos)
      if (!more())
        return out;
    const auto end = in_.find("\r\n\r\n") + 4;
    out.head = in_.substr(0, end);
    in_.erase(0, end);
    out.status = static_cast<unsigned>(std::stoul(out.head.substr(9, 3)));
    if (out.has("Transfer-Encoding: chunked")) {
      while (in_.find("0\r\n\r\n") == std::string::npos && more()) {
      }
      out.body = std::exchange(in_, {});
      return out;
    }
    const auto at = out.head.find("Content-Length: ");
    const auto size =
        at == std::string::npos || head_only ? 0 : std::stoul(out.head.substr(at + 16));
    while (in_.size() < size)
      if (!more())
        break;
    out.body = in_.substr(0, size);
    in_.erase(0, size);
    return out;
  }

  answer ask(std::string_view method, std::string_view target, std::string_view body = {},
             std::string_view fields = "Content-Type: application/json\r\n") {
    std::string text{method};
    text += " ";
    text += target;
    text += " HTTP/1.1\r\nHost: localhost\r\n";
    text += fields;
    if (!body.empty() || method == "POST" || method == "PUT" || method == "PATCH")
      text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    text += "\r\n";
    text += body;
    send(text);
    return read(method == "HEAD");
  }

  /// Whether the server has closed its side (waits for it).
  bool closed() {
    while (more())
      in_.clear();
    return ended_;
  }

  asio::ip::tcp::socket& socket() noexcept { return socket_; }

private:
  bool more() {
    char buffer[65536];
    error_code error;
    const auto size = socket_.read_some(asio::buffer(buffer), error);
    ended_ = error == asio::error::eof || error == asio::error::connection_reset;
    in_.append(buffer, size);
    return !error;
  }

  asio::io_context io_;
  asio::ip::tcp::socket socket_{io_};
  std::string in_;
  bool ended_ = false;
};

inline bool server_fixture::reaches(const std::string& series, double value) const {
  raw_client client{*this};
  for (int i = 0; i < 20000; ++i) {
    if (metric(series).value_or(0) >= value)
      return true;
    if (client.ask("GET", "/healthz").status != 200)
      return false;
  }
  return false;
}

/// A live connection that reads and writes one message at a time.
class live_client {
public:
  explicit live_client(const server_fixture& to, const std::string& protocol = {},
                       const std::string& fields = {}) {
    auto& socket = stream_.next_layer();
    socket.connect({asio::ip::make_address("127.0.0.1"), to.server->port()});
    socket.set_option(asio::ip::tcp::no_delay{true});
    limit_receives(socket);
    stream_.set_option(beast::websocket::stream_base::decorator(
        [protocol, fields](beast::websocket::request_type& request) {
          if (!protocol.empty())
            request.set(beast::http::field::sec_websocket_protocol, protocol);
          const auto colon = fields.find(": ");
          if (colon != std::string::npos)
            request.set(fields.substr(0, colon), fields.substr(colon + 2));
        }));
    stream_.handshake(handshake, "localhost", "/v1/live", handshake_error);
  }

  void send(std::string_view text) {
    error_code ignored;
    stream_.write(asio::buffer(text.data(), text.size()), ignored);
  }

  /// The next message; empty when the connection is closed.
  std::string read() {
    beast::flat_buffer buffer;
    error = {};
    stream_.read(buffer, error);
    return error ? std::string{} : beast::buffers_to_string(buffer.data());
  }

  /// Reads until a message of this name comes, and gives it.
  std::string read_until(std::string_view name) {
    const auto begin = "{\"" + std::string{name} + "\"";
    for (;;) {
      auto text = read();
      if (text.empty() || text.starts_with(begin))
        return text;
    }
  }

  std::string ask(std::string_view text, std::string_view answer) {
    send(text);
    return read_until(answer);
  }

  /// Reads until the server closes, and gives its code.
  unsigned close_code() {
    while (!read().empty()) {
    }
    return stream_.reason().code;
  }

  std::string close_reason() const { return std::string{stream_.reason().reason.c_str()}; }

  auto& stream() noexcept { return stream_; }

  beast::websocket::response_type handshake;
  error_code handshake_error;
  error_code error;

private:
  asio::io_context io_;
  beast::websocket::stream<asio::ip::tcp::socket> stream_{io_};
};

} // namespace troupe::test
