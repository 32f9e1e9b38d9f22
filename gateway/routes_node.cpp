#include "gateway/openapi_json.hpp"
#include "gateway/routes.hpp"

#include <charconv>
#include <utility>

namespace troupe::gateway {

namespace {

response status_response(std::string_view status) {
  response out;
  out.body = fmt::format(R"({{"status":"{}"}})", status);
  out.fields = "Cache-Control: no-store\r\n";
  return out;
}

} // namespace

awaitable<response> get_models(route_call& call) {
  actors::read_snapshots ask;
  const auto answer = co_await call.worker.actors().ask<actors::snapshot_list>(
      call.shared().node.models, ask, call.worker.now());
  if (!answer)
    co_return fail(call, answer.error());
  response out;
  append_json(out.body, *answer);
  co_return out;
}

namespace {

template <class Request>
awaitable<response> switch_model(route_call& call, Request ask) {
  const auto answer = co_await call.worker.actors().ask<actors::snapshot_info>(
      call.shared().node.models, std::move(ask), call.worker.now());
  response out;
  if (!answer && answer.error().code == errc::timeout) {
    // The registry goes on, and nothing but a damaged version or another switch can end that.
    out.status = 202;
    out.body = R"({"status":"activating"})";
    out.fields = "Location: /v1/models\r\n";
    co_return out;
  }
  if (!answer)
    co_return fail(call, answer.error());
  append_json(out.body, *answer);
  co_return out;
}

} // namespace

awaitable<response> activate_model(route_call& call) {
  const auto& text = call.path[0];
  actors::activate_snapshot ask;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), ask.version);
  if (read.ec != std::errc{} || read.ptr != text.data() + text.size()
      || ask.version > storage::snapshot_version_max) {
    const failure wrong{errc::invalid_argument,
                        "version: a whole number from 0, as /v1/models lists them"};
    co_return fail(call, wrong);
  }
  co_return co_await switch_model(call, ask);
}

awaitable<response> rollback_model(route_call& call) {
  actors::rollback_snapshot ask;
  co_return co_await switch_model(call, ask);
}

awaitable<response> get_health(route_call&) {
  co_return status_response("ok");
}

awaitable<response> get_ready(route_call& call) {
  if (call.shared().draining.load(std::memory_order_relaxed))
    co_return fail(call, http_fault::draining, "the server is going down");
  if (call.shared().ready && !call.shared().ready())
    co_return fail(call, http_fault::draining, "the node is starting");
  co_return status_response("ready");
}

awaitable<response> get_metrics(route_call& call) {
  actors::read_metrics ask;
  auto answer = co_await call.worker.actors().ask<actors::metrics_text>(
      call.shared().node.metrics_reader, ask, call.worker.now());
  response out;
  out.type = "text/plain; version=0.0.4; charset=utf-8";
  // Milliseconds of work, so done here only if too much waits for actors: then it is wanted most.
  out.body = answer ? std::move(answer->text) : call.shared().series.expose();
  co_return out;
}

awaitable<response> get_openapi(route_call&) {
  response out;
  out.body.assign(openapi_json());
  co_return out;
}

} // namespace troupe::gateway
