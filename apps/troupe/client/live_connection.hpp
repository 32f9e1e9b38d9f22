#pragma once

#include "apps/troupe/client/address.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace troupe::apps {

/// A client's WebSocket on an io_context that one thread runs; everything happens on that
/// thread. Lives as long as it is open or somebody holds it. The caller bounds what it sends.
class live_connection : public std::enable_shared_from_this<live_connection> {
public:
  struct handlers {
    std::function<void()> opened;
    std::function<void(std::string_view)> message;    ///< one whole text message
    std::function<void(std::string_view why)> closed; ///< once, also if it never opened
  };

  live_connection(boost::asio::io_context& io, handlers on);

  /// Connects and shakes hands; `opened` or `closed` follows. An empty path becomes /v1/live.
  void open(const address& to);

  /// Sends a text message behind those that wait.
  void send(std::string text);

  /// Messages given to `send` and not yet handed to the kernel.
  [[nodiscard]] std::size_t pending() const noexcept { return waiting_.size(); }

  [[nodiscard]] bool is_open() const noexcept { return open_; }

  /// Sends what waits no more, says goodbye; `closed` follows.
  void close();

  /// Calls no handler any more: whoever they belong to is going away.
  void forget() { on_ = {}; }

private:
  using stream = boost::beast::websocket::stream<boost::asio::basic_stream_socket<
      boost::asio::ip::tcp, boost::asio::io_context::executor_type>>;

  void shake_hands(const address& to);
  void read();
  void write();
  void end(std::string_view why);

  boost::asio::ip::basic_resolver<boost::asio::ip::tcp, boost::asio::io_context::executor_type>
      resolver_;
  stream socket_;
  handlers on_;
  boost::beast::flat_buffer incoming_;
  std::deque<std::string> waiting_;
  bool open_ = false;
  bool ended_ = false;
  bool writing_ = false;
};

} // namespace troupe::apps
