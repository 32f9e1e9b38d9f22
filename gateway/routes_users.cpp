#include "gateway/routes.hpp"

namespace troupe::gateway {

namespace {

using actors::profile_view;

constexpr std::size_t page_default = 100;
constexpr std::size_t page_max = 1000;
constexpr std::size_t export_page = 500;

awaitable<result<profile_view>> read_known(route_call& call) {
  actors::read_profile ask{user_id{call.path[0]}};
  const auto whom = call.shared().node.directory_of(ask.user);
  auto answer =
      co_await call.worker.actors().ask<profile_view>(whom, std::move(ask), call.worker.now());
  if (answer && answer->seq == 0 && answer->properties.empty())
    co_return failure{errc::not_found, "nothing is known of this user"};
  co_return answer;
}

awaitable<result<actors::event_page>> read_page(route_call& call, std::uint64_t before,
                                                std::size_t limit) {
  actors::read_events ask{user_id{call.path[0]}, before, limit};
  const auto whom = call.shared().node.directory_of(ask.user);
  co_return co_await call.worker.actors().ask<actors::event_page>(whom, std::move(ask),
                                                                  call.worker.now());
}

} // namespace

awaitable<response> get_user(route_call& call) {
  const auto answer = co_await read_known(call);
  if (!answer)
    co_return fail(call, answer.error());
  response out;
  append_user_json(out.body, *answer);
  co_return out;
}

awaitable<response> get_profile(route_call& call) {
  const auto answer = co_await read_known(call);
  if (!answer)
    co_return fail(call, answer.error());
  response out;
  append_json(out.body, *answer);
  co_return out;
}

awaitable<response> put_user(route_call& call) {
  const auto kind = kind_of_body(call, body_rule::json);
  if (!kind.fine)
    co_return kind.wrong;
  auto ask = parse_user(call.request.body(), user_id{call.path[0]}, call.shared().json);
  if (!ask)
    co_return fail(call, ask.error());
  const auto whom = call.shared().node.directory_of(ask->user);
  const auto answer =
      co_await call.worker.actors().ask<actors::done>(whom, std::move(*ask), call.worker.now());
  if (!answer)
    co_return fail(call, answer.error());
  response out;
  out.status = 204;
  co_return out;
}

awaitable<response> delete_user(route_call& call) {
  actors::erase_user ask{user_id{call.path[0]}};
  const auto whom = call.shared().node.directory_of(ask.user);
  const auto answer =
      co_await call.worker.actors().ask<actors::done>(whom, std::move(ask), call.worker.now());
  if (!answer)
    co_return fail(call, answer.error());
  response out;
  out.status = 204;
  co_return out;
}

awaitable<response> get_user_events(route_call& call) {
  query_reader query{call.query};
  const auto before = query.whole("before", 0, 0, std::size_t{1} << 62U);
  const auto limit = query.whole("limit", page_default, 1, page_max);
  if (query.error())
    co_return fail(call, *query.error());
  const auto answer = co_await read_page(call, before, limit);
  if (!answer)
    co_return fail(call, answer.error());
  response out;
  out.body = R"({"events":[)";
  for (std::size_t i = 0; i < answer->events.size(); ++i) {
    if (i > 0)
      out.body += ',';
    append_json(out.body, answer->events[i]);
  }
  out.body += R"(],"next_before":)";
  if (answer->next_before == 0)
    out.body += "null";
  else
    append_number(out.body, answer->next_before);
  out.body += '}';
  co_return out;
}

awaitable<response> export_user(route_call& call) {
  const auto who = co_await read_known(call);
  if (!who)
    co_return fail(call, who.error());
  std::string part = R"({"user":)";
  append_json(part, *who);
  part += "}\n";
  response out;
  out.sent = true;
  if (!co_await call.session.begin_stream("application/x-ndjson"))
    co_return out;
  // One page in memory at a time, however long the history is.
  std::uint64_t before = 0;
  do {
    const auto page = co_await read_page(call, before, export_page);
    if (!page) {
      out.status = 504; // the body is cut off: a client sees that its last chunk is missing
      call.session.abort();
      co_return out;
    }
    for (const auto& entry : page->events) {
      part += R"({"event":)";
      append_json(part, entry);
      part += "}\n";
    }
    before = page->next_before;
    if (!co_await call.session.stream(part))
      co_return out;
    part.clear();
  } while (before != 0);
  co_await call.session.end_stream();
  co_return out;
}

} // namespace troupe::gateway
