#include "gateway/routes.hpp"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <openssl/crypto.h>

#include <algorithm>

namespace troupe::gateway {

namespace {

namespace http = beast::http;
using http::verb;

struct route {
  verb method;
  std::string_view pattern; ///< {} stands for one segment
  route_handler handler;
};

constexpr std::string_view live_pattern = "/v1/live";

constexpr route routes[]{
    {verb::post, "/v1/events", post_events},
    {verb::get, "/v1/users/{user_id}/recommendations", get_recommendations},
    {verb::post, "/v1/recommendations", post_recommendations},
    {verb::get, "/v1/items/{item_id}/similar", get_similar},
    {verb::get, "/v1/popular", get_popular},
    {verb::get, "/v1/items", get_items},
    {verb::post, "/v1/items", post_items},
    {verb::get, "/v1/items/{item_id}", get_item},
    {verb::put, "/v1/items/{item_id}", put_item},
    {verb::patch, "/v1/items/{item_id}", patch_item},
    {verb::delete_, "/v1/items/{item_id}", delete_item},
    {verb::get, "/v1/users/{user_id}", get_user},
    {verb::put, "/v1/users/{user_id}", put_user},
    {verb::delete_, "/v1/users/{user_id}", delete_user},
    {verb::get, "/v1/users/{user_id}/profile", get_profile},
    {verb::get, "/v1/users/{user_id}/events", get_user_events},
    {verb::get, "/v1/users/{user_id}/export", export_user},
    {verb::get, "/v1/models", get_models},
    {verb::post, "/v1/models/rollback", rollback_model},
    {verb::post, "/v1/models/{version}/activate", activate_model},
    {verb::get, live_pattern, nullptr},
    {verb::get, "/healthz", get_health},
    {verb::get, "/readyz", get_ready},
    {verb::get, "/metrics", get_metrics},
    {verb::get, "/openapi.json", get_openapi},
};

constexpr std::size_t route_count = std::size(routes);
constexpr std::size_t console_route = route_count; ///< names that stand behind the table's
constexpr std::size_t unknown_route = route_count + 1;

/// Splits a path that begins with '/' at its first segment.
std::string_view take_segment(std::string_view& rest) noexcept {
  rest.remove_prefix(1);
  const auto end = std::min(rest.find('/'), rest.size());
  const auto out = rest.substr(0, end);
  rest.remove_prefix(end);
  return out;
}

/// Whether the raw path has the pattern's form; the parameters' raw values go to `values`.
bool matches(std::string_view pattern, std::string_view path,
             std::vector<std::string_view>& values) {
  values.clear();
  while (!pattern.empty() && !path.empty()) {
    const auto wanted = take_segment(pattern);
    const auto given = take_segment(path);
    if (wanted.starts_with('{'))
      values.push_back(given);
    else if (wanted != given)
      return false;
  }
  return pattern.empty() && path.empty();
}

bool method_fits(verb wanted, verb given) noexcept {
  return wanted == given || (wanted == verb::get && given == verb::head);
}

/// What stands at a path: the route of this method, and all methods that are there.
struct found {
  const route* which = nullptr;
  std::size_t index = unknown_route;
  std::string allow;
  std::vector<std::string_view> values;
};

found find_route(std::string_view path, verb method) {
  found out;
  std::vector<std::string_view> values;
  for (std::size_t i = 0; i < route_count; ++i) {
    const auto& candidate = routes[i];
    if (!matches(candidate.pattern, path, values))
      continue;
    out.allow += std::string{http::to_string(candidate.method)};
    out.allow += candidate.method == verb::get ? ", HEAD, " : ", ";
    if (out.which == nullptr && method_fits(candidate.method, method)) {
      out.which = &candidate;
      out.index = i;
      out.values = values;
    }
  }
  if (!out.allow.empty())
    out.allow += "OPTIONS";
  return out;
}

bool has_key(const route_call& call) {
  const auto& key = call.shared().settings.gateway.api_key;
  if (key.empty())
    return true;
  constexpr std::string_view scheme = "Bearer ";
  const std::string_view given = call.request[http::field::authorization];
  return given.size() > scheme.size() && beast::iequals(given.substr(0, scheme.size()), scheme)
         && same_secret(given.substr(scheme.size()), key);
}

response file_response(const route_call& call, const static_file& file) {
  response out;
  out.type = file.type;
  out.fields = "ETag: " + file.etag
               + "\r\nCache-Control: no-cache\r\n"
                 "Content-Security-Policy: default-src 'self'; connect-src 'self' ws: wss:; "
                 "img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'\r\n"
                 "Referrer-Policy: no-referrer\r\n";
  if (std::string_view{call.request[http::field::if_none_match]} == file.etag)
    out.status = 304;
  else
    out.body = file.body;
  return out;
}

response options_response(const route_call& call, const std::string& allow) {
  response out;
  out.status = 204;
  out.fields = "Allow: " + allow + "\r\n";
  const std::string_view origin = call.request[http::field::origin];
  if (!origin.empty() && origin_allowed(call.shared(), origin, call.request[http::field::host]))
    out.fields +=
        "Access-Control-Allow-Methods: " + allow
        + "\r\nAccess-Control-Allow-Headers: Authorization, Content-Type, X-Request-Id\r\n"
          "Access-Control-Max-Age: 600\r\n";
  return out;
}

/// Chooses the first subprotocol that the server knows; JSON if none is offered.
bool wants_proto(const http_request& request) {
  for (const auto offered : http::token_list{request[http::field::sec_websocket_protocol]}) {
    if (offered == "troupe.v1+json")
      return false;
    if (offered == "troupe.v1+proto")
      return true;
  }
  return false;
}

route_match match_live(const route_call& call, route_match out) {
  if (!beast::websocket::is_upgrade(call.request)) {
    out.answer = fail(call, http_fault::upgrade_required, "this is the door of the live protocol");
    out.answer.fields += "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    return out;
  }
  const std::string_view origin = call.request[http::field::origin];
  if (!origin.empty() && !origin_allowed(call.shared(), origin, call.request[http::field::host])) {
    out.answer =
        fail(call, http_fault::forbidden, "this origin is not among gateway.allowed_origins");
    return out;
  }
  out.upgrade = true;
  out.proto = wants_proto(call.request);
  out.authorised = has_key(call);
  return out;
}

route_match match_missing(const route_call& call, std::string_view path, const found& at,
                          route_match out) {
  if (!at.allow.empty()) {
    out.answer = call.request.method() == verb::options
                     ? options_response(call, at.allow)
                     : fail(call, http_fault::method_not_allowed, "this path takes " + at.allow);
    if (out.answer.status == 405)
      out.answer.fields += "Allow: " + at.allow + "\r\n";
    return out;
  }
  if (call.request.target() == "*") {
    out.answer = options_response(call, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    return out;
  }
  const auto* file = call.shared().files.find(path);
  if (file == nullptr) {
    out.answer = call.request.method() == verb::unknown
                     ? fail(call, http_fault::not_implemented, "this method is not known here")
                     : fail(call, http_fault::no_route, "nothing is at this path");
    return out;
  }
  out.route = console_route;
  if (method_fits(verb::get, call.request.method())) {
    out.answer = file_response(call, *file);
  } else if (call.request.method() == verb::options) {
    out.answer = options_response(call, "GET, HEAD, OPTIONS");
  } else {
    out.answer = fail(call, http_fault::method_not_allowed, "this path takes GET");
    out.answer.fields += "Allow: GET, HEAD, OPTIONS\r\n";
  }
  return out;
}

} // namespace

const std::vector<std::string_view>& route_names() {
  static const auto names = [] {
    std::vector<std::string_view> out;
    for (const auto& entry : routes)
      out.push_back(entry.pattern);
    out.push_back("console");
    out.push_back("unknown");
    return out;
  }();
  return names;
}

std::vector<std::string> route_list() {
  std::vector<std::string> out;
  for (const auto& entry : routes)
    out.push_back(std::string{http::to_string(entry.method)} + " " + std::string{entry.pattern});
  return out;
}

route_match match_route(route_call& call) {
  const std::string_view target = call.request.target();
  const auto mark = std::min(target.find('?'), target.size());
  const auto path = target.substr(0, mark);
  if (mark < target.size())
    call.query = target.substr(mark + 1);
  route_match out;
  const auto at = find_route(path, call.request.method());
  out.route = at.index;
  if (at.which == nullptr)
    return match_missing(call, path, at, std::move(out));
  for (const auto raw : at.values) {
    auto value = percent_decode(raw, false);
    if (auto ok = check_id(value.value_or(""), "the id in the path"); !ok) {
      out.answer = fail(call, ok.error());
      return out;
    }
    call.path.push_back(std::move(*value));
  }
  const bool versioned = path.starts_with("/v1/");
  if (versioned && call.shared().draining.load(std::memory_order_relaxed)) {
    out.answer = fail(call, http_fault::draining, "the server is going down");
    return out;
  }
  if (at.which->pattern == live_pattern)
    return match_live(call, std::move(out));
  if (versioned && !has_key(call)) {
    out.answer = fail(call, http_fault::unauthenticated, "send Authorization: Bearer KEY");
    out.answer.fields += "WWW-Authenticate: Bearer\r\n";
    return out;
  }
  out.handler = at.which->handler;
  return out;
}

void finish_response(const route_call& call, response& out) {
  const std::string_view origin = call.request[http::field::origin];
  if (origin.empty() || !origin_allowed(call.shared(), origin, call.request[http::field::host]))
    return;
  out.fields += "Access-Control-Allow-Origin: ";
  out.fields += origin;
  out.fields += "\r\nVary: Origin\r\nAccess-Control-Expose-Headers: X-Request-Id, Retry-After\r\n";
}

response fail(const route_call& call, const failure& why) {
  return response_of(problem_of(why), call.request_id);
}

response fail(const route_call& call, http_fault why, std::string detail) {
  return response_of(problem_of(why, std::move(detail)), call.request_id);
}

body_kind kind_of_body(const route_call& call, body_rule rule) {
  const std::string_view given = call.request[http::field::content_type];
  auto media = given.substr(0, given.find(';'));
  while (!media.empty() && (media.back() == ' ' || media.back() == '\t'))
    media.remove_suffix(1);
  body_kind out;
  out.fine = true;
  if (beast::iequals(media, "application/json"))
    return out;
  if (rule == body_rule::json_or_patch && beast::iequals(media, "application/merge-patch+json"))
    return out;
  if (rule == body_rule::json_or_lines && beast::iequals(media, "application/x-ndjson")) {
    out.format = body_format::ndjson;
    return out;
  }
  out.fine = false;
  out.wrong = fail(call, http_fault::unsupported_media_type,
                   rule == body_rule::json_or_lines
                       ? "send Content-Type: application/json or application/x-ndjson"
                       : "send Content-Type: application/json");
  return out;
}

bool origin_allowed(const gateway_shared& shared, std::string_view origin, std::string_view host) {
  for (const auto& allowed : shared.origins)
    if (allowed == "*" || allowed == origin)
      return true;
  const auto scheme = origin.find("://");
  return scheme != std::string_view::npos && !host.empty() && origin.substr(scheme + 3) == host;
}

bool same_secret(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

} // namespace troupe::gateway
