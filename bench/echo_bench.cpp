// A bare Beast WebSocket server that sends back what it gets: the yardstick of `troupe bench`.
// One thread, no parsing, no work, compression off. Prints its port, ends on SIGTERM or SIGINT.

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

namespace {

namespace asio = boost::asio;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;
using executor = asio::io_context::executor_type;
using tcp_socket = asio::basic_stream_socket<asio::ip::tcp, executor>;

class connection : public std::enable_shared_from_this<connection> {
public:
  explicit connection(tcp_socket socket) : stream_(std::move(socket)) {}

  void start() {
    error_code ignored; // only slower without
    stream_.next_layer().set_option(asio::ip::tcp::no_delay{true}, ignored);
    stream_.async_accept([self = shared_from_this()](error_code bad) {
      if (!bad)
        self->read();
    });
  }

private:
  void read() {
    stream_.async_read(buffer_, [self = shared_from_this()](error_code bad, std::size_t) {
      if (!bad)
        self->write();
    });
  }

  void write() {
    stream_.text(stream_.got_text());
    stream_.async_write(buffer_.cdata(), [self = shared_from_this()](error_code bad, std::size_t) {
      self->buffer_.clear();
      if (!bad)
        self->read();
    });
  }

  websocket::stream<tcp_socket> stream_;
  boost::beast::flat_buffer buffer_;
};

using acceptor = asio::basic_socket_acceptor<asio::ip::tcp, executor>;

void accept(acceptor& from) {
  from.async_accept([&from](error_code bad, tcp_socket socket) {
    if (!bad)
      std::make_shared<connection>(std::move(socket))->start();
    if (from.is_open())
      accept(from);
  });
}

} // namespace

int main(int argc, char** argv) {
  const auto port = static_cast<asio::ip::port_type>(argc > 1 ? std::atoi(argv[1]) : 0);
  asio::io_context io{1};
  acceptor listening{io.get_executor(), {asio::ip::address_v4::loopback(), port}};
  asio::signal_set stop{io, SIGTERM, SIGINT};
  stop.async_wait([&io](error_code, int) { io.stop(); });
  accept(listening);
  std::printf("%d\n", static_cast<int>(listening.local_endpoint().port()));
  std::fflush(stdout);
  io.run();
}
