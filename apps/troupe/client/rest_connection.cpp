#include "apps/troupe/client/rest_connection.hpp"

#include <boost/asio/connect.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <fmt/format.h>

#include <utility>

namespace troupe::apps {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
                       || std::string_view{"-._~"}.find(c) != std::string_view::npos;
    out += plain ? std::string{c} : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

rest_connection::rest_connection(asio::io_context& io, address to, std::string key)
    : to_(std::move(to)), key_(std::move(key)), resolver_(io), socket_(io) {}

void rest_connection::request(std::string_view method, std::string_view target, std::string body,
                              answer_handler done) {
  done_ = std::move(done);
  request_ = {};
  request_.version(11);
  request_.method_string({method.data(), method.size()});
  request_.target({target.data(), target.size()});
  request_.set(http::field::host, to_.authority());
  if (!key_.empty())
    request_.set(http::field::authorization, "Bearer " + key_);
  if (!body.empty())
    request_.set(http::field::content_type, "application/json");
  request_.body() = std::move(body);
  request_.prepare_payload();
  if (socket_.is_open())
    write();
  else
    connect();
}

void rest_connection::connect() {
  used_ = false;
  incoming_.clear();
  resolver_.async_resolve(
      to_.host, to_.port, [self = shared_from_this()](error_code bad, auto found) {
        if (bad)
          return self->fail("resolve", bad);
        asio::async_connect(self->socket_, found, [self](error_code failed, const auto&) {
          if (failed)
            return self->fail("connect", failed);
          error_code ignored; // only slower without
          self->socket_.set_option(asio::ip::tcp::no_delay{true}, ignored);
          self->write();
        });
      });
}

void rest_connection::write() {
  http::async_write(socket_, request_, [self = shared_from_this()](error_code bad, std::size_t) {
    if (bad)
      return self->fail("write", bad);
    self->read();
  });
}

void rest_connection::read() {
  parser_.emplace();
  parser_->body_limit(std::uint64_t{64} << 20);
  http::async_read(socket_, incoming_, *parser_,
                   [self = shared_from_this()](error_code bad, std::size_t) {
                     if (bad)
                       return self->fail("read", bad);
                     self->used_ = true;
                     auto answer = self->parser_->release();
                     if (!answer.keep_alive()) {
                       error_code ignored; // the server closes it in any case
                       self->socket_.close(ignored);
                     }
                     self->finish(rest_answer{answer.result_int(), std::move(answer.body())});
                   });
}

void rest_connection::fail(std::string_view what, error_code why) {
  error_code ignored; // it is of no use any more
  socket_.close(ignored);
  // The server may have closed an idle connection just before the request; then it has not
  // read it, and sending it on a fresh one is safe.
  if (std::exchange(used_, false))
    return connect();
  finish(
      failure{errc::unavailable, fmt::format("{}: {}: {}", to_.authority(), what, why.message())});
}

void rest_connection::finish(result<rest_answer> what) {
  const auto done = std::exchange(done_, nullptr);
  done(std::move(what));
}

} // namespace troupe::apps
