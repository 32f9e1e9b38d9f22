#include "gateway/http_session.hpp"

#include "base/log.hpp"
#include "gateway/live_session.hpp"
#include "gateway/routes.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include <algorithm>
#include <array>

namespace troupe::gateway {

namespace {

namespace http = beast::http;

constexpr auto nothrow = asio::as_tuple(asio::use_awaitable_t<executor>{});

bool is_request_id(std::string_view text) noexcept {
  const auto fine = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.'
           || c == '_' || c == '-';
  };
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), fine);
}

std::string_view view_of(const beast::flat_buffer& buffer) {
  const auto data = buffer.data();
  return {static_cast<const char*>(data.data()), data.size()};
}

} // namespace

response response_of(const problem& what, std::string_view request_id) {
  response out;
  out.status = what.status;
  out.type = "application/problem+json";
  append_json(out.body, what, request_id);
  if (what.retry_after > 0)
    out.fields = fmt::format("Retry-After: {}\r\n", what.retry_after);
  return out;
}

void http_session::start(io_worker& worker, tcp_socket socket, admission::ticket place) {
  auto session = std::make_shared<http_session>(worker, std::move(socket), std::move(place));
  asio::co_spawn(worker.io().get_executor(), session->run(), asio::detached);
}

http_session::http_session(io_worker& worker, tcp_socket socket, admission::ticket place)
    : worker_(worker), socket_(std::move(socket)), place_(std::move(place)),
      registered_(worker.add(this)),
      event_rate_(worker.shared().settings.gateway.events_per_second_max,
                  worker.shared().settings.gateway.events_burst, worker.now()) {
  worker_.shared().probe.connections_http.add(1);
}

http_session::~http_session() {
  worker_.remove(registered_);
  worker_.shared().probe.connections_http.add(-1);
}

void http_session::enter(phase next, std::chrono::seconds limit) {
  phase_ = next;
  deadline_ = worker_.now() + limit;
}

void http_session::close() {
  error_code ignored;
  socket_.shutdown(asio::socket_base::shutdown_both, ignored);
  socket_.close(ignored);
}

void http_session::sweep(steady_point now) {
  if (!deadline_ || now < *deadline_ || !socket_.is_open())
    return;
  deadline_.reset();
  if (phase_ != phase::working)
    worker_.shared().probe.timed_out(phase_ == phase::idle   ? http_wait::idle
                                     : phase_ == phase::head ? http_wait::head
                                     : phase_ == phase::body ? http_wait::body
                                                             : http_wait::write);
  if (phase_ == phase::head || phase_ == phase::body) {
    // The reader wakes with an error; one attempt to say why goes out before.
    const auto answer = response_of(
        problem_of(http_fault::request_timeout, "the request was not complete in time"), {});
    std::string text;
    keep_alive_ = false;
    write_head(text, answer);
    text += answer.body;
    error_code ignored;
    socket_.non_blocking(true, ignored);
    socket_.write_some(asio::buffer(text), ignored);
  }
  close();
}

void http_session::drain() {
  draining_ = true;
  if (phase_ == phase::idle)
    close();
}

void http_session::abort() {
  close();
}

awaitable<void> http_session::run() {
  const auto keep = shared_from_this();
  // co_await stands alone here and elsewhere: inside && and ?: gcc 12 gets it wrong.
  while (keep_alive_ && !draining_) {
    bool go_on = co_await read_head();
    if (go_on)
      go_on = co_await read_request();
    if (go_on)
      go_on = co_await serve();
    if (upgraded_)
      co_return;
    if (!go_on)
      break;
  }
  close();
}

awaitable<bool> http_session::read_head() {
  const auto& limits = worker_.shared().settings.gateway;
  enter(buffer_.size() > 0 ? phase::head : phase::idle,
        buffer_.size() > 0 ? limits.header_timeout : limits.keep_alive_timeout);
  request_id_.clear();
  for (;;) {
    const auto seen = view_of(buffer_);
    if (const auto end = head_end(seen.substr(0, limits.header_bytes_max + 2))) {
      take_request_id();
      if (const auto why = check_head(seen.substr(0, *end), worker_.shared().head)) {
        worker_.shared().probe.malformed_requests.add();
        co_await refuse(*why);
        co_return false;
      }
      co_return true;
    }
    if (seen.size() > limits.header_bytes_max) {
      worker_.shared().probe.malformed_requests.add();
      const auto why =
          problem_of(http_fault::header_too_large,
                     fmt::format("at most {} bytes are allowed", limits.header_bytes_max));
      co_await refuse(why);
      co_return false;
    }
    const auto [error, size] = co_await socket_.async_read_some(buffer_.prepare(4096), nothrow);
    if (error)
      co_return false;
    buffer_.commit(size);
    if (phase_ == phase::idle)
      enter(phase::head, limits.header_timeout);
  }
}

awaitable<bool> http_session::read_request() {
  const auto& limits = worker_.shared().settings.gateway;
  enter(phase::body, limits.body_timeout);
  parser in;
  in.header_limit(static_cast<std::uint32_t>(limits.header_bytes_max + 2));
  in.body_limit(limits.body_bytes_max);
  const auto [error, size] = co_await http::async_read_header(socket_, buffer_, in, nothrow);
  keep_alive_ = !error && in.keep_alive();
  if (error == http::error::body_limit) {
    worker_.shared().probe.body_refused.add();
    const auto why = problem_of(http_fault::body_too_large,
                                fmt::format("at most {} bytes are allowed", limits.body_bytes_max));
    co_await refuse(why);
    co_return false;
  }
  if (error) {
    worker_.shared().probe.malformed_requests.add();
    const auto why = problem_of(http_fault::bad_request, error.message());
    co_await refuse(why);
    co_return false;
  }
  const auto id = in.get()["X-Request-Id"];
  if (is_request_id(id))
    request_id_.assign(id);
  bool whole = in.is_done();
  if (!whole)
    whole = co_await read_body(in);
  if (!whole)
    co_return false;
  request_ = in.release();
  co_return true;
}

awaitable<bool> http_session::read_body(parser& in) {
  const auto& limits = worker_.shared().settings.gateway;
  if (beast::iequals(in.get()[http::field::expect], "100-continue")) {
    constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    const auto [error, size] = co_await asio::async_write(socket_, asio::buffer(go_on), nothrow);
    if (error)
      co_return false;
  }
  const auto [error, size] = co_await http::async_read(socket_, buffer_, in, nothrow);
  if (!error)
    co_return true;
  if (error == http::error::body_limit) {
    worker_.shared().probe.body_refused.add();
    const auto why = problem_of(http_fault::body_too_large,
                                fmt::format("at most {} bytes are allowed", limits.body_bytes_max));
    co_await refuse(why);
  } else if (error.category() == http::make_error_code(http::error::bad_chunk).category()
             && error != http::error::partial_message) {
    worker_.shared().probe.malformed_requests.add();
    const auto why = problem_of(http_fault::bad_request, error.message());
    co_await refuse(why);
  }
  co_return false;
}

void http_session::take_request_id() {
  request_id_ = worker_.make_id("");
}

awaitable<bool> http_session::serve() {
  phase_ = phase::working;
  deadline_.reset(); // the actors' deadline holds here
  const auto begun = worker_.now();
  head_only_ = request_.method() == http::verb::head;
  chunked_ = request_.version() >= 11;
  route_call call{worker_, *this, request_, request_id_, event_rate_};
  auto matched = match_route(call);
  if (matched.upgrade) {
    upgraded_ = true;
    deadline_.reset();
    live_session::start(worker_, std::move(socket_), std::move(place_), request_, matched.proto,
                        matched.authorised);
    co_return true;
  }
  // Not in one expression: gcc 12 would copy the answer bitwise into the coroutine's frame.
  response answer = std::move(matched.answer);
  if (matched.handler != nullptr)
    answer = co_await matched.handler(call);
  finish_response(call, answer);
  bool written = answer.sent;
  if (!written)
    written = co_await write(answer);
  const auto seconds = std::chrono::duration<double>(worker_.now() - begun).count();
  worker_.shared().probe.request(matched.route, answer.status, seconds);
  TROUPE_LOG(debug, "gateway.request", "id={} route={} status={} seconds={:.6f}", request_id_,
             route_names()[matched.route], answer.status, seconds);
  co_return written;
}

void http_session::write_head(std::string& out, const response& what) const {
  fmt::format_to(std::back_inserter(out), "HTTP/1.1 {} {}\r\nServer: troupe\r\n", what.status,
                 reason_phrase(what.status));
  if (what.status != 204 && what.status != 304)
    fmt::format_to(std::back_inserter(out),
                   "Content-Type: {}\r\nContent-Length: {}\r\nX-Content-Type-Options: nosniff\r\n",
                   what.type, what.body.size());
  if (!request_id_.empty())
    fmt::format_to(std::back_inserter(out), "X-Request-Id: {}\r\n", request_id_);
  out += what.fields;
  out += keep_alive_ && !draining_ ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
}

awaitable<bool> http_session::write(const response& what) {
  enter(phase::writing, worker_.shared().settings.gateway.write_timeout);
  out_.clear();
  write_head(out_, what);
  const std::array<asio::const_buffer, 2> parts{asio::buffer(out_), head_only_ || what.status == 204
                                                                        ? asio::const_buffer{}
                                                                        : asio::buffer(what.body)};
  const auto [error, size] = co_await asio::async_write(socket_, parts, nothrow);
  deadline_.reset();
  co_return !error;
}

awaitable<void> http_session::refuse(const problem& what) {
  keep_alive_ = false;
  head_only_ = false;
  const auto answer = response_of(what, request_id_);
  if (!co_await write(answer))
    co_return;
  // Closing with unread bytes would reset the connection and could take the answer with it.
  error_code ignored;
  socket_.shutdown(asio::socket_base::shutdown_send, ignored);
  enter(phase::writing, std::chrono::seconds{1});
  std::array<char, 4096> rest{};
  std::size_t read = 0;
  for (; read < (std::size_t{1} << 20);) {
    const auto [error, size] = co_await socket_.async_read_some(asio::buffer(rest), nothrow);
    if (error)
      co_return;
    read += size;
  }
}

awaitable<bool> http_session::begin_stream(std::string_view type) {
  enter(phase::writing, worker_.shared().settings.gateway.write_timeout);
  if (!chunked_)
    keep_alive_ = false; // HTTP/1.0: the end of the connection ends the body
  out_.clear();
  fmt::format_to(std::back_inserter(out_),
                 "HTTP/1.1 200 OK\r\nServer: troupe\r\nContent-Type: {}\r\n"
                 "X-Content-Type-Options: nosniff\r\nX-Request-Id: {}\r\n{}Connection: {}\r\n\r\n",
                 type, request_id_, chunked_ ? "Transfer-Encoding: chunked\r\n" : "",
                 keep_alive_ && !draining_ ? "keep-alive" : "close");
  const auto [error, size] = co_await asio::async_write(socket_, asio::buffer(out_), nothrow);
  co_return !error;
}

awaitable<bool> http_session::stream(std::string_view part) {
  if (part.empty() || head_only_)
    co_return true;
  enter(phase::writing, worker_.shared().settings.gateway.write_timeout);
  out_.clear();
  if (chunked_)
    fmt::format_to(std::back_inserter(out_), "{:x}\r\n", part.size());
  const std::array<asio::const_buffer, 3> parts{asio::buffer(out_), asio::buffer(part),
                                                chunked_ ? asio::buffer("\r\n", 2)
                                                         : asio::const_buffer{}};
  const auto [error, size] = co_await asio::async_write(socket_, parts, nothrow);
  co_return !error;
}

awaitable<bool> http_session::end_stream() {
  if (!chunked_ || head_only_)
    co_return true;
  const auto [error, size] =
      co_await asio::async_write(socket_, asio::buffer("0\r\n\r\n", 5), nothrow);
  deadline_.reset();
  co_return !error;
}

} // namespace troupe::gateway
