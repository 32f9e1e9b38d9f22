#include "tests/integration/gateway/server_fixture.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <sys/socket.h>

#include <utility>

namespace troupe::test {

void limit_receives(asio::ip::tcp::socket& socket) {
  const timeval limit{10, 0};
  ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

server_fixture::server_fixture(const std::function<void(config::settings&)>& adjust) {
  settings.gateway.port = 0;
  settings.gateway.events_per_second_max = 0;
  settings.node.io_threads = 1;
  settings.node.shutdown_timeout = std::chrono::seconds{5};
  adjust(settings);
  auto started = gateway::server::start(settings, system, fake_node(system, registry, control),
                                        time, registry, [this] { return ready.load(); });
  if (started)
    server = std::move(*started);
  else
    why = started.error();
}

server_fixture::~server_fixture() {
  server.reset();
}

std::optional<double> server_fixture::metric(const std::string& series) const {
  const auto text = registry.expose();
  const auto at = text.find("\n" + series + " ");
  if (at == std::string::npos)
    return std::nullopt;
  return std::stod(text.substr(at + series.size() + 2));
}

bool server_fixture::reaches(const std::string& series, double value) const {
  raw_client client{*this};
  for (int i = 0; i < 20000; ++i) {
    if (metric(series).value_or(0) >= value)
      return true;
    if (client.ask("GET", "/healthz").status != 200)
      return false;
  }
  return false;
}

raw_client::raw_client(const server_fixture& to) {
  socket_.connect({asio::ip::make_address("127.0.0.1"), to.server->port()});
  socket_.set_option(asio::ip::tcp::no_delay{true});
  limit_receives(socket_);
}

void raw_client::send(std::string_view bytes) {
  error_code ignored; // the server may have closed already: its answer says why
  asio::write(socket_, asio::buffer(bytes.data(), bytes.size()), ignored);
}

raw_client::answer raw_client::read(bool head_only) {
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
  const auto size = at == std::string::npos || head_only ? 0 : std::stoul(out.head.substr(at + 16));
  while (in_.size() < size)
    if (!more())
      break;
  out.body = in_.substr(0, size);
  in_.erase(0, size);
  return out;
}

raw_client::answer raw_client::ask(std::string_view method, std::string_view target,
                                   std::string_view body, std::string_view fields) {
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

bool raw_client::closed() {
  while (more())
    in_.clear();
  return ended_;
}

bool raw_client::more() {
  char buffer[65536];
  error_code error;
  const auto size = socket_.read_some(asio::buffer(buffer), error);
  ended_ = error == asio::error::eof || error == asio::error::connection_reset;
  in_.append(buffer, size);
  return !error;
}

live_client::live_client(const server_fixture& to, const std::string& protocol,
                         const std::string& fields) {
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

void live_client::send(std::string_view text) {
  error_code ignored;
  stream_.write(asio::buffer(text.data(), text.size()), ignored);
}

std::string live_client::read() {
  beast::flat_buffer buffer;
  error = {};
  stream_.read(buffer, error);
  return error ? std::string{} : beast::buffers_to_string(buffer.data());
}

std::string live_client::read_until(std::string_view name) {
  const auto begin = "{\"" + std::string{name} + "\"";
  for (;;) {
    auto text = read();
    if (text.empty() || text.starts_with(begin))
      return text;
  }
}

std::string live_client::ask(std::string_view text, std::string_view answer) {
  send(text);
  return read_until(answer);
}

unsigned live_client::close_code() {
  while (!read().empty()) {
  }
  return stream_.reason().code;
}

std::string live_client::close_reason() const {
  return std::string{stream_.reason().reason.c_str()};
}

live_client::~live_client() = default;

} // namespace troupe::test
