#pragma once

#include "apps/troupe/client/address.hpp"
#include "base/error.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::apps {

/// `text` as one segment or value of a URL.
[[nodiscard]] std::string percent_encoded(std::string_view text);

struct rest_answer {
  unsigned status = 0;
  std::string body;
};

/// One kept-alive HTTP connection with at most one request in flight, on an io_context that one
/// thread runs. Connects again by itself when the server has closed it between requests.
class rest_connection : public std::enable_shared_from_this<rest_connection> {
public:
  using answer_handler = std::function<void(result<rest_answer>)>;

  /// `key` goes along as Authorization: Bearer, unless it is empty.
  rest_connection(boost::asio::io_context& io, address to, std::string key = {});

  /// Sends a request; `body` empty: none. REQUIRES: !busy().
  void request(std::string_view method, std::string_view target, std::string body,
               answer_handler done);

  [[nodiscard]] bool busy() const noexcept { return static_cast<bool>(done_); }

private:
  using tcp = boost::asio::ip::tcp;

  void connect();
  void write();
  void read();
  void finish(result<rest_answer> what);
  void fail(std::string_view what, boost::system::error_code why);

  address to_;
  std::string key_;
  tcp::resolver resolver_;
  tcp::socket socket_;
  boost::beast::flat_buffer incoming_;
  boost::beast::http::request<boost::beast::http::string_body> request_;
  std::optional<boost::beast::http::response_parser<boost::beast::http::string_body>> parser_;
  answer_handler done_;
  bool used_ = false; ///< an answer came on this connection before
};

} // namespace troupe::apps
