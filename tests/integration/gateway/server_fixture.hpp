#pragma once

#include "base/metrics.hpp"
#include "gateway/server.hpp"
#include "tests/integration/gateway/fake_node.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <caf/actor_system_config.hpp>

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
void limit_receives(asio::ip::tcp::socket& socket);

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
                              [](config::settings&) {});

  ~server_fixture();

  /// A metric's value as /metrics shows it; nothing if the series is not there.
  [[nodiscard]] std::optional<double> metric(const std::string& series) const;

  /// Whether the metric gets there while the server answers further requests.
  [[nodiscard]] bool reaches(const std::string& series, double value) const;

  config::settings settings;
  metrics registry;
  caf::actor_system_config config;
  caf::actor_system system{config.set("scheduler.max-threads", 1)};
  std::shared_ptr<fake_control> control = std::make_shared<fake_control>();
  shifted_clock time;
  std::atomic<bool> ready{true};
  std::unique_ptr<gateway::server> server;
  failure why;
};

/// Sends raw bytes and reads raw answers.
class raw_client {
public:
  explicit raw_client(const server_fixture& to);

  void send(std::string_view bytes);

  struct answer {
    unsigned status = 0; ///< 0: closed without one
    std::string head;
    std::string body;

    [[nodiscard]] bool has(std::string_view text) const {
      return head.find(text) != std::string::npos;
    }
  };

  /// Reads one answer (with Content-Length, chunked, or none).
  answer read(bool head_only = false);

  answer ask(std::string_view method, std::string_view target, std::string_view body = {},
             std::string_view fields = "Content-Type: application/json\r\n");

  /// Whether the server has closed its side (waits for it).
  bool closed();

  asio::ip::tcp::socket& socket() noexcept { return socket_; }

private:
  bool more();

  asio::io_context io_;
  asio::ip::tcp::socket socket_{io_};
  std::string in_;
  bool ended_ = false;
};

/// A live connection that reads and writes one message at a time.
class live_client {
public:
  explicit live_client(const server_fixture& to, const std::string& protocol = {},
                       const std::string& fields = {});

  void send(std::string_view text);

  /// The next message; empty when the connection is closed.
  std::string read();

  /// Reads until a message of this name comes, and gives it.
  std::string read_until(std::string_view name);

  std::string ask(std::string_view text, std::string_view answer);

  /// Reads until the server closes, and gives its code.
  unsigned close_code();

  [[nodiscard]] std::string close_reason() const;

  ~live_client();
  live_client(const live_client&) = delete;
  live_client& operator=(const live_client&) = delete;

  auto& stream() noexcept { return stream_; }

  beast::websocket::response_type handshake;
  error_code handshake_error;
  error_code error;

private:
  asio::io_context io_;
  beast::websocket::stream<asio::ip::tcp::socket> stream_{io_};
};

} // namespace troupe::test
