#include "apps/troupe/client/live_connection.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>

#include <utility>

namespace troupe::apps {

namespace asio = boost::asio;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;

live_connection::live_connection(asio::io_context& io, handlers on)
    : resolver_(io.get_executor()), socket_(io.get_executor()), on_(std::move(on)) {
  // A slate of 200 items with all properties stays below this.
  socket_.read_message_max(std::size_t{4} << 20);
}

void live_connection::open(const address& to) {
  resolver_.async_resolve(to.host, to.port,
                          [self = shared_from_this(), to](error_code bad, auto found) {
                            if (bad)
                              return self->end(bad.message());
                            asio::async_connect(self->socket_.next_layer(), found,
                                                [self, to](error_code failed, const auto&) {
                                                  if (failed)
                                                    return self->end(failed.message());
                                                  self->shake_hands(to);
                                                });
                          });
}

void live_connection::shake_hands(const address& to) {
  error_code ignored; // without it the connection works, only slower
  socket_.next_layer().set_option(asio::ip::tcp::no_delay{true}, ignored);
  socket_.set_option(websocket::stream_base::timeout::suggested(boost::beast::role_type::client));
  socket_.set_option(websocket::stream_base::decorator([](websocket::request_type& request) {
    request.set(boost::beast::http::field::sec_websocket_protocol, "troupe.v1+json");
  }));
  socket_.async_handshake(to.authority(), to.path.size() > 1 ? to.path : "/v1/live",
                          [self = shared_from_this()](error_code bad) {
                            if (bad)
                              return self->end(bad.message());
                            self->open_ = true;
                            self->socket_.text(true);
                            self->read();
                            if (self->on_.opened)
                              self->on_.opened();
                            if (!self->waiting_.empty() && !self->writing_)
                              self->write(); // given to send before it was open
                          });
}

void live_connection::read() {
  socket_.async_read(incoming_, [self = shared_from_this()](error_code bad, std::size_t) {
    if (bad == websocket::error::closed) {
      const auto& why = self->socket_.reason();
      return self->end(std::to_string(why.code) + " "
                       + std::string{why.reason.data(), why.reason.size()});
    }
    if (bad)
      return self->end(bad.message());
    const auto data = self->incoming_.cdata();
    if (self->on_.message)
      self->on_.message({static_cast<const char*>(data.data()), data.size()});
    self->incoming_.consume(data.size());
    self->read();
  });
}

void live_connection::send(std::string text) {
  waiting_.push_back(std::move(text));
  if (open_ && !writing_)
    write();
}

void live_connection::write() {
  writing_ = true;
  socket_.async_write(asio::buffer(waiting_.front()),
                      [self = shared_from_this()](error_code bad, std::size_t) {
                        self->writing_ = false;
                        if (bad)
                          return; // the read sees it too, and ends
                        self->waiting_.pop_front();
                        if (!self->waiting_.empty() && self->open_)
                          self->write();
                      });
}

void live_connection::close() {
  if (!open_)
    return;
  open_ = false;
  socket_.async_close(websocket::close_code::normal,
                      [self = shared_from_this()](error_code) { self->end("closed"); });
}

void live_connection::end(std::string_view why) {
  open_ = false;
  if (std::exchange(ended_, true))
    return;
  if (on_.closed)
    on_.closed(why);
  on_ = {}; // handlers may hold whoever holds this connection
}

} // namespace troupe::apps
