#include "gateway/routes.hpp"

#include <map>

namespace troupe::gateway {

namespace {

using actors::items_ack;

constexpr std::size_t page_default = 100;
constexpr std::size_t page_max = 1000;
constexpr std::size_t search_bytes_max = 256;
/// Items of one message to the catalogue: one write of the store each.
constexpr std::size_t chunk_max = 500;

response item_response(const route_call& call, const result<item_ptr>& answer) {
  if (!answer)
    return fail(call, answer.error());
  response out;
  append_json(out.body, **answer);
  return out;
}

struct item_error {
  std::string id;
  failure why;
};

response bulk_response(std::size_t accepted, const std::map<std::size_t, item_error>& errors) {
  response out;
  out.status = errors.empty() ? 200 : 207;
  out.body = fmt::format(R"({{"accepted":{},"failed":{},"errors":[)", accepted, errors.size());
  unsigned retry_after = 0;
  bool first = true;
  for (const auto& [index, error] : errors) {
    const auto what = problem_of(error.why);
    retry_after = std::max(retry_after, what.retry_after);
    out.body += first ? R"({"index":)" : R"(,{"index":)";
    first = false;
    append_number(out.body, std::uint64_t{index});
    if (!error.id.empty()) {
      out.body += R"(,"item_id":)";
      append_text(out.body, error.id);
    }
    out.body += R"(,"error":)";
    append_json(out.body, what, {});
    out.body += '}';
  }
  out.body += "]}";
  if (retry_after > 0)
    out.fields = fmt::format("Retry-After: {}\r\n", retry_after);
  return out;
}

} // namespace

awaitable<response> get_items(route_call& call) {
  query_reader query{call.query};
  actors::read_items ask;
  ask.after = item_id{query.text("after")};
  ask.limit = query.whole("limit", page_default, 1, page_max);
  ask.search = query.text("search");
  if (query.error())
    co_return fail(call, *query.error());
  if (ask.search.size() > search_bytes_max)
    co_return fail(call, http_fault::bad_request,
                   fmt::format("search: at most {} bytes are allowed", search_bytes_max));
  const auto answer = co_await call.worker.actors().ask<actors::item_page>(
      call.shared().node.catalog, std::move(ask), call.worker.now());
  if (!answer)
    co_return fail(call, answer.error());
  response out;
  out.body = R"({"items":[)";
  for (std::size_t i = 0; i < answer->items.size(); ++i) {
    if (i > 0)
      out.body += ',';
    append_json(out.body, *answer->items[i], {.vector = false}); // a page would be megabytes
  }
  out.body += R"(],"next_after":)";
  if (answer->next_after.empty())
    out.body += "null";
  else
    append_text(out.body, answer->next_after.value);
  out.body += '}';
  co_return out;
}

awaitable<response> post_items(route_call& call) {
  const auto kind = kind_of_body(call, body_rule::json_or_lines);
  if (!kind.fine)
    co_return kind.wrong;
  auto body = parse_items(call.request.body(), kind.format, call.now(), call.shared().json);
  if (!body) {
    if (body.error().code == errc::too_large)
      call.shared().probe.bulk_refused.add();
    co_return fail(call, body.error());
  }
  if (body->single && !body->entries[0].what)
    co_return fail(call, body->entries[0].what.error());
  std::map<std::size_t, item_error> errors;
  std::size_t accepted = 0;
  for (std::size_t next = 0; next < body->entries.size();) {
    actors::upsert_items chunk;
    std::vector<std::size_t> indices;
    for (; next < body->entries.size() && indices.size() < chunk_max; ++next) {
      auto& entry = body->entries[next];
      if (entry.what) {
        indices.push_back(next);
        chunk.items.push_back(std::move(*entry.what));
      } else {
        errors.emplace(next, item_error{std::move(entry.id), entry.what.error()});
      }
    }
    if (indices.empty())
      continue;
    const auto answer = co_await call.worker.actors().ask<items_ack>(
        call.shared().node.catalog, std::move(chunk), call.worker.now());
    if (answer)
      accepted += indices.size();
    else if (body->single)
      co_return fail(call, answer.error());
    else
      for (const auto index : indices)
        errors.emplace(index, item_error{body->entries[index].id, answer.error()});
  }
  co_return bulk_response(accepted, errors);
}

awaitable<response> get_item(route_call& call) {
  actors::read_item ask{item_id{call.path[0]}};
  const auto answer = co_await call.worker.actors().ask<item_ptr>(
      call.shared().node.catalog, std::move(ask), call.worker.now());
  co_return item_response(call, answer);
}

awaitable<response> put_item(route_call& call) {
  const auto kind = kind_of_body(call, body_rule::json);
  if (!kind.fine)
    co_return kind.wrong;
  auto read = parse_item(call.request.body(), call.now(), call.shared().json, call.path[0]);
  if (!read)
    co_return fail(call, read.error());
  actors::upsert_items ask;
  ask.items.push_back(std::move(*read));
  const auto answer = co_await call.worker.actors().ask<items_ack>(
      call.shared().node.catalog, std::move(ask), call.worker.now());
  if (!answer)
    co_return fail(call, answer.error());
  response out;
  out.body = fmt::format(R"({{"written":{}}})", answer->written);
  co_return out;
}

awaitable<response> patch_item(route_call& call) {
  const auto kind = kind_of_body(call, body_rule::json_or_patch);
  if (!kind.fine)
    co_return kind.wrong;
  auto ask = parse_patch(call.request.body(), item_id{call.path[0]}, call.shared().json);
  if (!ask)
    co_return fail(call, ask.error());
  const auto answer = co_await call.worker.actors().ask<item_ptr>(
      call.shared().node.catalog, std::move(*ask), call.worker.now());
  co_return item_response(call, answer);
}

awaitable<response> delete_item(route_call& call) {
  actors::remove_item ask{item_id{call.path[0]}};
  const auto answer = co_await call.worker.actors().ask<actors::done>(
      call.shared().node.catalog, std::move(ask), call.worker.now());
  if (!answer)
    co_return fail(call, answer.error());
  response out;
  out.status = 204;
  co_return out;
}

} // namespace troupe::gateway
