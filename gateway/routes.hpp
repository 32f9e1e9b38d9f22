#pragma once

#include "gateway/http_session.hpp"
#include "gateway/io_worker.hpp"
#include "gateway/json_writer.hpp"
#include "gateway/query_reader.hpp"
#include "gateway/token_bucket.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::gateway {

/// One request on its way through its route.
struct route_call {
  io_worker& worker;
  http_session& session;
  http_request& request;
  const std::string& request_id;
  token_bucket& event_rate;        ///< of the connection
  std::vector<std::string> path{}; ///< the decoded values of the route's {parameters}
  std::string_view query{};        ///< raw, without the question mark

  [[nodiscard]] gateway_shared& shared() const noexcept { return worker.shared(); }

  [[nodiscard]] timestamp now() const noexcept { return shared().time.now(); }
};

using route_handler = awaitable<response> (*)(route_call&);

/// What a request's target and method lead to.
struct route_match {
  std::size_t route = 0;           ///< index into route_names()
  route_handler handler = nullptr; ///< null: `answer` is the answer
  response answer;
  bool upgrade = false;    ///< a WebSocket handshake for the live protocol that may go on
  bool proto = false;      ///< ... with the subprotocol troupe.v1+proto
  bool authorised = false; ///< ... and its header had the key
};

/// The names of the routes, for metrics: patterns, never paths with ids.
[[nodiscard]] const std::vector<std::string_view>& route_names();

/// "METHOD /pattern" of every route, to be compared with openapi.yaml.
[[nodiscard]] std::vector<std::string> route_list();

/// Finds the route, and answers at once what needs no handler: no route, wrong method, OPTIONS,
/// a missing key, a server that goes down, files of the console.
[[nodiscard]] route_match match_route(route_call& call);

/// Adds what every answer carries: CORS.
void finish_response(const route_call& call, response& out);

/// The problem as an answer to this call.
[[nodiscard]] response fail(const route_call& call, const failure& why);
[[nodiscard]] response fail(const route_call& call, http_fault why, std::string detail);

/// How the body is written, from Content-Type. Errors are answers (415).
struct body_kind {
  body_format format = body_format::json;
  bool fine = false;
  response wrong;
};

enum class body_rule : std::uint8_t { json, json_or_lines, json_or_patch };
[[nodiscard]] body_kind kind_of_body(const route_call& call, body_rule rule);

// -- the handlers, by file ---------------------------------------------------------------------

// routes_events.cpp
awaitable<response> post_events(route_call& call);

// routes_slates.cpp
awaitable<response> get_recommendations(route_call& call);
awaitable<response> post_recommendations(route_call& call);
awaitable<response> get_similar(route_call& call);
awaitable<response> get_popular(route_call& call);

// routes_items.cpp
awaitable<response> get_items(route_call& call);
awaitable<response> post_items(route_call& call);
awaitable<response> get_item(route_call& call);
awaitable<response> put_item(route_call& call);
awaitable<response> patch_item(route_call& call);
awaitable<response> delete_item(route_call& call);

// routes_users.cpp
awaitable<response> get_user(route_call& call);
awaitable<response> put_user(route_call& call);
awaitable<response> delete_user(route_call& call);
awaitable<response> get_profile(route_call& call);
awaitable<response> get_user_events(route_call& call);
awaitable<response> export_user(route_call& call);

// routes_node.cpp
awaitable<response> get_models(route_call& call);
awaitable<response> activate_model(route_call& call);
awaitable<response> rollback_model(route_call& call);
awaitable<response> get_health(route_call& call);
awaitable<response> get_ready(route_call& call);
awaitable<response> get_metrics(route_call& call);
awaitable<response> get_openapi(route_call& call);

/// Whether an Origin may use this server from a browser.
[[nodiscard]] bool origin_allowed(const gateway_shared& shared, std::string_view origin,
                                  std::string_view host);

/// Compares in a time that does not depend on where they differ.
[[nodiscard]] bool same_secret(std::string_view a, std::string_view b) noexcept;

} // namespace troupe::gateway
