#pragma once

#include "gateway/io_worker.hpp"
#include "gateway/token_bucket.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::gateway {

namespace beast = boost::beast;
using http_request = beast::http::request<beast::http::string_body>;

/// What a route answers with.
struct response {
  unsigned status = 200;
  std::string_view type = "application/json";
  std::string body;
  std::string fields; ///< further header lines, each ending in CR LF
  bool sent = false;  ///< the handler wrote the answer itself
};

/// The answer to a problem; `request_id` goes into its body.
[[nodiscard]] response response_of(const problem& what, std::string_view request_id);

/// One HTTP connection: reads requests one after another, checks them strictly, has them
/// answered and writes the answers. Becomes a live_session on a WebSocket handshake. Deadlines
/// are watched by the worker's sweep, not by timers.
class http_session final : public connection, public std::enable_shared_from_this<http_session> {
public:
  static void start(io_worker& worker, tcp_socket socket, admission::ticket place);

  http_session(io_worker& worker, tcp_socket socket, admission::ticket place);
  ~http_session() override;

  void sweep(steady_point now) override;
  void drain() override;
  void abort() override;

  /// Begins an answer whose length is not known; the handler sets `response::sent` afterwards.
  awaitable<bool> begin_stream(std::string_view type);
  awaitable<bool> stream(std::string_view part);
  awaitable<bool> end_stream();

private:
  using parser = beast::http::request_parser<beast::http::string_body>;
  enum class phase { idle, head, body, working, writing };

  awaitable<void> run();
  /// Reads a head into the buffer. False: the connection is over (an answer may have been sent).
  awaitable<bool> read_head();
  /// Reads the request whose head is in the buffer.
  awaitable<bool> read_request();
  awaitable<bool> read_body(parser& in);
  /// Answers the request. False: the connection ends here.
  awaitable<bool> serve();
  awaitable<bool> write(const response& what);
  awaitable<void> refuse(const problem& what);
  void write_head(std::string& out, const response& what) const;
  void take_request_id();
  void enter(phase next, std::chrono::seconds limit);
  void close();

  io_worker& worker_;
  tcp_socket socket_;
  admission::ticket place_;
  std::list<connection*>::iterator registered_;
  beast::flat_buffer buffer_;
  http_request request_;
  std::string request_id_;
  std::string out_; ///< head of the answer; its capacity is reused
  token_bucket event_rate_;
  phase phase_ = phase::idle;
  std::optional<steady_point> deadline_;
  bool keep_alive_ = true;
  bool head_only_ = false;
  bool draining_ = false;
  bool chunked_ = false;
  bool upgraded_ = false;
};

} // namespace troupe::gateway
