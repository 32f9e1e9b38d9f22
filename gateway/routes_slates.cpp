#include "gateway/routes.hpp"

#include <cmath>

namespace troupe::gateway {

namespace {

slate_parts parts_of(const slate_options& how) {
  return {how.properties, how.request.explain};
}

response slate_response(const route_call& call, const result<slate_ptr>& answer,
                        slate_parts parts) {
  if (!answer)
    return fail(call, answer.error());
  response out;
  out.body.reserve(8192);
  append_json(out.body, **answer, parts);
  return out;
}

response scored_response(const route_call& call, const result<actors::scored_items>& answer) {
  if (!answer)
    return fail(call, answer.error());
  response out;
  out.body = R"({"items":[)";
  for (std::size_t i = 0; i < answer->items.size(); ++i) {
    if (i > 0)
      out.body += ',';
    append_json(out.body, answer->items[i], {});
  }
  out.body += answer->partial ? R"(],"partial":true})" : R"(],"partial":false})";
  return out;
}

result<slate_options> read_options(const route_call& call) {
  const auto& limits = call.shared().json;
  query_reader query{call.query};
  slate_options out;
  auto& how = out.request;
  if (query.has("surface"))
    how.surface = query.text("surface");
  how.k = query.whole("k", 0, 1, limits.k_max);
  how.filter = query.text("filter");
  how.exclude = query.ids("exclude", limits.exclude_max);
  how.pin = query.ids("pin", limits.exclude_max);
  how.diversity = query.number("diversity");
  if (query.has("category_cap"))
    how.category_cap = query.whole("category_cap", 0, 0, 1000000);
  how.explain = query.flag("explain", true);
  out.properties = query.flag("properties", true);
  if (query.error())
    return *query.error();
  if (auto ok = check_slate_options(out, limits); !ok)
    return ok.error();
  return out;
}

/// Index of the half-life that was asked for among those of the configuration.
result<std::size_t> half_life_index(const route_call& call, query_reader& query) {
  const auto& known = call.shared().settings.signals.popularity_half_lives_hours;
  const auto wanted = query.number("half_life_hours");
  if (query.error())
    return *query.error();
  if (!wanted)
    return known.empty() ? 0 : known.size() - 1;
  for (std::size_t i = 0; i < known.size(); ++i)
    if (std::abs(known[i] - *wanted) < 1e-9)
      return i;
  return failure{errc::invalid_argument,
                 fmt::format("half_life_hours: expected one of {}", fmt::join(known, ", "))};
}

} // namespace

awaitable<response> get_recommendations(route_call& call) {
  auto how = read_options(call);
  if (!how)
    co_return fail(call, how.error());
  const auto parts = parts_of(*how);
  actors::recommend ask{user_id{call.path[0]}, std::move(how->request)};
  const auto whom = call.shared().node.directory_of(ask.user);
  const auto answer =
      co_await call.worker.actors().ask<slate_ptr>(whom, std::move(ask), call.worker.now());
  co_return slate_response(call, answer, parts);
}

awaitable<response> post_recommendations(route_call& call) {
  const auto kind = kind_of_body(call, body_rule::json);
  if (!kind.fine)
    co_return kind.wrong;
  auto body = parse_slate_body(call.request.body(), call.now(), call.shared().json);
  if (!body)
    co_return fail(call, body.error());
  const auto parts = parts_of(body->how);
  if (body->user.empty()) {
    actors::recommend_anonymous ask{std::move(body->history), std::move(body->how.request)};
    // Visits have no home: the request's id spreads them.
    const auto whom = call.shared().node.directory_of(user_id{call.request_id});
    const auto answer =
        co_await call.worker.actors().ask<slate_ptr>(whom, std::move(ask), call.worker.now());
    co_return slate_response(call, answer, parts);
  }
  actors::recommend ask{std::move(body->user), std::move(body->how.request)};
  const auto whom = call.shared().node.directory_of(ask.user);
  const auto answer =
      co_await call.worker.actors().ask<slate_ptr>(whom, std::move(ask), call.worker.now());
  co_return slate_response(call, answer, parts);
}

awaitable<response> get_similar(route_call& call) {
  const auto& settings = call.shared().settings.slates;
  query_reader query{call.query};
  actors::read_similar ask;
  ask.id = item_id{call.path[0]};
  ask.k = query.whole("k", settings.k_default, 1, settings.k_max);
  ask.filter = query.text("filter");
  if (query.error())
    co_return fail(call, *query.error());
  const auto answer = co_await call.worker.actors().ask<actors::scored_items>(
      call.shared().node.catalog, std::move(ask), call.worker.now());
  co_return scored_response(call, answer);
}

awaitable<response> get_popular(route_call& call) {
  const auto& settings = call.shared().settings.slates;
  query_reader query{call.query};
  actors::read_popular ask;
  ask.k = query.whole("k", settings.k_default, 1, settings.k_max);
  ask.filter = query.text("filter");
  const auto index = half_life_index(call, query);
  if (!index)
    co_return fail(call, index.error());
  ask.half_life = *index;
  const auto answer = co_await call.worker.actors().ask<actors::scored_items>(
      call.shared().node.catalog, std::move(ask), call.worker.now());
  co_return scored_response(call, answer);
}

} // namespace troupe::gateway
