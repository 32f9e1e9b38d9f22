#include "gateway/http_check.hpp"
#include "gateway/query_reader.hpp"
#include "tests/fuzz/require.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <algorithm>
#include <string>

// Whatever the bytes of a request's head: a problem, or a head that Beast, which reads it next,
// understands the same way (its fields are the lines, its framing is what the check saw), or
// refuses. The second is what request smuggling lives on.

namespace {

using namespace troupe;
using fuzz::require;
namespace http = boost::beast::http;

void check_agreement(std::string_view head, std::string_view input) {
  http::request_parser<http::string_body> parser;
  parser.header_limit(1U << 20U);
  parser.body_limit(std::uint64_t{1} << 62U);
  boost::beast::error_code error;
  parser.put(boost::asio::buffer(head.data(), head.size()), error);
  if (error && error != http::error::need_more)
    return; // refused, then
  require(parser.is_header_done(), "Beast sees the same end", input);
  const auto& request = parser.get();
  const auto lines = std::count(head.begin(), head.end(), '\n');
  require(std::distance(request.begin(), request.end()) == lines - 2, "one field a line", input);
  require(request.count(http::field::host) == 1 || request.version() == 10, "one Host", input);
  require(request.count(http::field::content_length) <= 1, "at most one length", input);
  const bool chunked = request.count(http::field::transfer_encoding) == 1;
  require(parser.chunked() == chunked, "chunked where it says so", input);
  require(!chunked || request.count(http::field::content_length) == 0, "one framing", input);
  const std::string_view target = request.target();
  const auto path = target.substr(0, target.find('?'));
  require(gateway::percent_decode(path, false).has_value(), "the path can be decoded", input);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = fuzz::text_of(data, size);
  gateway::head_limits limits;
  limits.fields_max = 8; // so that short inputs reach them
  limits.target_bytes_max = 64;
  limits.bytes_max = 2048;
  const auto end = gateway::head_end(input);
  const auto head = input.substr(0, end.value_or(input.size()));
  const auto wrong = gateway::check_head(head, limits);
  if (!wrong) {
    require(end.has_value(), "a head that is fine has an end", input);
    check_agreement(head, input);
    return 0;
  }
  require(wrong->status == 400 || wrong->status == 414 || wrong->status == 431
              || wrong->status == 501 || wrong->status == 505,
          "the status", input);
  require(!wrong->detail.empty() && is_utf8(wrong->detail), "the detail is UTF-8", input);
  return 0;
}
