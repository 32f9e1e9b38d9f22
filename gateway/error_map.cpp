#include "gateway/error_map.hpp"

#include "actors/interfaces.hpp"
#include "gateway/json_writer.hpp"

#include <caf/sec.hpp>

namespace troupe::gateway {

namespace {

constexpr unsigned retry_seconds = 1;

problem known(unsigned status, errc code, std::string_view title, const failure& why,
              unsigned retry_after = 0) {
  return {status, to_string(code), title, why.context, retry_after};
}

} // namespace

problem problem_of(const failure& why) {
  switch (why.code) {
  case errc::invalid_argument:
    return known(400, why.code, "The request is wrong", why);
  case errc::not_found:
    return known(404, why.code, "There is no such thing", why);
  case errc::overloaded:
    return known(503, why.code, "The server is at a limit", why, retry_seconds);
  case errc::timeout:
    return known(504, why.code, "No answer in time", why, retry_seconds);
  case errc::unavailable:
    return known(503, why.code, "A part is not there", why, retry_seconds);
  case errc::too_large:
    return known(413, why.code, "The request is too large", why);
  case errc::already_exists:
    return known(409, why.code, "It exists already", why);
  case errc::out_of_space:
    return known(507, why.code, "The disk is full", why, 10);
  case errc::none:
  case errc::corrupt_data:
  case errc::internal:
  case errc::unsupported_format:
    break;
  }
  return known(500, why.code == errc::none ? errc::internal : why.code, "The server failed", why);
}

problem problem_of(http_fault why, std::string detail) {
  switch (why) {
  case http_fault::bad_request:
    return {400, "invalid_argument", "The request is wrong", std::move(detail)};
  case http_fault::unauthenticated:
    return {401, "unauthenticated", "A key is needed", std::move(detail)};
  case http_fault::forbidden:
    return {403, "forbidden", "Not allowed", std::move(detail)};
  case http_fault::no_route:
    return {404, "not_found", "There is no such thing", std::move(detail)};
  case http_fault::method_not_allowed:
    return {405, "method_not_allowed", "Not with this method", std::move(detail)};
  case http_fault::request_timeout:
    return {408, "request_timeout", "The request came too slowly", std::move(detail)};
  case http_fault::body_too_large:
    return {413, "too_large", "The request is too large", std::move(detail)};
  case http_fault::uri_too_long:
    return {414, "uri_too_long", "The request target is too long", std::move(detail)};
  case http_fault::unsupported_media_type:
    return {415, "unsupported_media_type", "Not this kind of body", std::move(detail)};
  case http_fault::upgrade_required:
    return {426, "upgrade_required", "A WebSocket handshake is needed", std::move(detail)};
  case http_fault::rate_limited:
    return {429, "rate_limited", "Too fast", std::move(detail), retry_seconds};
  case http_fault::header_too_large:
    return {431, "header_too_large", "The header is too large", std::move(detail)};
  case http_fault::not_implemented:
    return {501, "not_implemented", "Not known here", std::move(detail)};
  case http_fault::too_many_connections:
    return {503, "overloaded", "The server is at a limit", std::move(detail), retry_seconds};
  case http_fault::draining:
    return {503, "unavailable", "A part is not there", std::move(detail), retry_seconds};
  case http_fault::version_not_supported:
    return {505, "version_not_supported", "Not this version of HTTP", std::move(detail)};
  }
  return {500, "internal", "The server failed", std::move(detail)};
}

std::string_view reason_phrase(unsigned status) noexcept {
  struct phrase {
    unsigned status;
    std::string_view text;
  };

  constexpr phrase phrases[]{{200, "OK"},
                             {204, "No Content"},
                             {207, "Multi-Status"},
                             {304, "Not Modified"},
                             {400, "Bad Request"},
                             {401, "Unauthorized"},
                             {403, "Forbidden"},
                             {404, "Not Found"},
                             {405, "Method Not Allowed"},
                             {408, "Request Timeout"},
                             {409, "Conflict"},
                             {413, "Content Too Large"},
                             {414, "URI Too Long"},
                             {415, "Unsupported Media Type"},
                             {426, "Upgrade Required"},
                             {429, "Too Many Requests"},
                             {431, "Request Header Fields Too Large"},
                             {500, "Internal Server Error"},
                             {501, "Not Implemented"},
                             {503, "Service Unavailable"},
                             {504, "Gateway Timeout"},
                             {505, "HTTP Version Not Supported"},
                             {507, "Insufficient Storage"}};
  for (const auto& known : phrases)
    if (known.status == status)
      return known.text;
  return "Unknown";
}

void append_json(std::string& out, const problem& what, std::string_view request_id) {
  out += R"({"type":"urn:troupe:problem:)";
  out += what.code;
  out += R"(","title":)";
  append_text(out, what.title);
  out += R"(,"status":)";
  append_number(out, std::uint64_t{what.status});
  out += R"(,"detail":)";
  append_text(out, is_utf8(what.detail) ? std::string_view{what.detail} : "(not UTF-8)");
  out += R"(,"code":")";
  out += what.code;
  out += '"';
  if (what.retry_after > 0) {
    out += R"(,"retry_after":)";
    append_number(out, std::uint64_t{what.retry_after});
  }
  if (!request_id.empty()) {
    out += R"(,"request_id":)";
    append_text(out, request_id);
  }
  out += '}';
}

failure failure_of(const caf::error& why) {
  if (why.category() == caf::detail::error_factory<errc>::category) {
    const auto& context = why.context();
    return {static_cast<errc>(why.code()), !context.empty() && context.match_element<std::string>(0)
                                               ? context.get_as<std::string>(0)
                                               : std::string{}};
  }
  if (why == caf::sec::request_timeout)
    return {errc::timeout, "no answer in time"};
  return {errc::unavailable, "the part that answers this is not there"};
}

} // namespace troupe::gateway
