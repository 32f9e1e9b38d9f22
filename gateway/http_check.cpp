#include "gateway/http_check.hpp"

#include "base/ids.hpp"

#include <algorithm>
#include <string>

namespace troupe::gateway {

namespace {

using verdict = std::optional<problem>;

problem bad(std::string detail) {
  return problem_of(http_fault::bad_request, std::move(detail));
}

bool is_token_char(char c) noexcept {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
    return true;
  return c != '\0' && std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_name(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return lower(x) == lower(y);
         });
}

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

bool is_hex(char c) noexcept {
  return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'f');
}

/// Path and query of RFC 3986, nothing else: no fragment, no space, no raw non-ASCII.
bool is_target_char(char c) noexcept {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
    return true;
  return c != '\0' && std::string_view{"-._~!$&'()*+,;=:@/?%"}.find(c) != std::string_view::npos;
}

verdict check_target(std::string_view method, std::string_view target) {
  if (target == "*")
    return method == "OPTIONS" ? verdict{} : bad("the target * is for OPTIONS only");
  if (target.empty() || target.front() != '/')
    return bad("the request target is not a path");
  for (std::size_t i = 0; i < target.size(); ++i) {
    if (!is_target_char(target[i]))
      return bad("the request target holds a character that must be percent-encoded");
    if (target[i] == '%'
        && (i + 2 >= target.size() || !is_hex(target[i + 1]) || !is_hex(target[i + 2])))
      return bad("the request target holds a broken percent-encoding");
  }
  return {};
}

verdict check_request_line(std::string_view line, const head_limits& limits, bool& http_1_1) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last)
    return bad("the request line is not METHOD TARGET VERSION");
  const auto method = line.substr(0, first);
  const auto target = line.substr(first + 1, last - first - 1);
  const auto version = line.substr(last + 1);
  if (!is_token(method) || method.size() > 32)
    return bad("the method is not a token");
  if (target.size() > limits.target_bytes_max)
    return problem_of(http_fault::uri_too_long,
                      "at most " + std::to_string(limits.target_bytes_max) + " bytes are allowed");
  if (version.size() != 8 || !version.starts_with("HTTP/") || version[6] != '.' || version[5] < '0'
      || version[5] > '9' || version[7] < '0' || version[7] > '9')
    return bad("the request line does not end in HTTP/1.1");
  if (version != "HTTP/1.1" && version != "HTTP/1.0")
    return problem_of(http_fault::version_not_supported, "HTTP/1.1 and HTTP/1.0 are spoken here");
  http_1_1 = version == "HTTP/1.1";
  return check_target(method, target);
}

bool is_value_char(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20U ? byte != 0x7fU : c == '\t';
}

/// host [":" port]: no user, no path, no list, no white space.
bool is_host(std::string_view value) noexcept {
  const auto fine = [](char c) { return is_token_char(c) || c == ':' || c == '[' || c == ']'; };
  return std::all_of(value.begin(), value.end(), fine);
}

/// What the fields of a head say together.
struct framing {
  unsigned hosts = 0;
  unsigned lengths = 0;
  unsigned encodings = 0;
  bool http_1_1 = true;
};

verdict check_length(std::string_view value) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (value.empty() || value.size() > 18 || !std::all_of(value.begin(), value.end(), digit))
    return bad("Content-Length is not one number");
  return {};
}

verdict check_field(std::string_view line, framing& seen) {
  if (line.front() == ' ' || line.front() == '\t')
    return bad("a header field is folded");
  const auto colon = line.find(':');
  if (colon == std::string_view::npos)
    return bad("a header field has no colon");
  const auto name = line.substr(0, colon);
  const auto value = trim(line.substr(colon + 1));
  if (!is_token(name))
    return bad("the name of a header field is not a token");
  if (!std::all_of(value.begin(), value.end(), is_value_char))
    return bad("a header field holds a control character");
  if (same_name(name, "Host")) {
    ++seen.hosts;
    return is_host(value) && (seen.http_1_1 ? !value.empty() : true) ? verdict{}
                                                                     : bad("Host is malformed");
  }
  if (same_name(name, "Content-Length")) {
    ++seen.lengths;
    return check_length(value);
  }
  if (same_name(name, "Transfer-Encoding")) {
    ++seen.encodings;
    if (!same_name(value, "chunked"))
      return problem_of(http_fault::not_implemented,
                        "the only transfer coding known here is one final chunked");
  }
  return {};
}

verdict check_framing(const framing& seen) {
  if (seen.http_1_1 && seen.hosts != 1)
    return bad("Host must be given exactly once");
  if (seen.hosts > 1)
    return bad("Host is given twice");
  if (seen.lengths > 1)
    return bad("Content-Length is given twice");
  if (seen.encodings > 1)
    return bad("Transfer-Encoding is given twice");
  if (seen.encodings > 0 && seen.lengths > 0)
    return bad("Content-Length and Transfer-Encoding exclude each other");
  if (seen.encodings > 0 && !seen.http_1_1)
    return bad("HTTP/1.0 knows no Transfer-Encoding");
  return {};
}

/// The next line without its CRLF; nothing if it ends in a bare LF or holds a bare CR.
std::optional<std::string_view> next_line(std::string_view& rest) noexcept {
  const auto end = rest.find('\n');
  if (end == std::string_view::npos || end == 0 || rest[end - 1] != '\r')
    return std::nullopt;
  const auto line = rest.substr(0, end - 1);
  rest.remove_prefix(end + 1);
  if (line.find('\r') != std::string_view::npos)
    return std::nullopt;
  return line;
}

} // namespace

std::optional<std::size_t> head_end(std::string_view bytes) noexcept {
  for (auto at = bytes.find('\n'); at != std::string_view::npos; at = bytes.find('\n', at + 1)) {
    const auto rest = bytes.substr(at + 1);
    if (rest.starts_with("\r\n"))
      return at + 3;
    if (rest.starts_with('\n'))
      return at + 2;
  }
  return std::nullopt;
}

std::optional<problem> check_head(std::string_view head, const head_limits& limits) {
  if (head.size() > limits.bytes_max)
    return problem_of(http_fault::header_too_large,
                      "at most " + std::to_string(limits.bytes_max) + " bytes are allowed");
  framing seen;
  auto line = next_line(head);
  if (!line)
    return bad("a line does not end in CR LF");
  if (auto wrong = check_request_line(*line, limits, seen.http_1_1))
    return wrong;
  std::size_t fields = 0;
  for (line = next_line(head); line && !line->empty(); line = next_line(head)) {
    if (++fields > limits.fields_max)
      return problem_of(http_fault::header_too_large,
                        "at most " + std::to_string(limits.fields_max) + " fields are allowed");
    if (auto wrong = check_field(*line, seen))
      return wrong;
  }
  if (!line)
    return bad("a line does not end in CR LF");
  return check_framing(seen);
}

} // namespace troupe::gateway
