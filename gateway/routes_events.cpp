#include "gateway/routes.hpp"

namespace troupe::gateway {

namespace {

using actors::ingest;
using actors::ingest_ack;

/// Events of one body that are on their way at the same time: less than a user may have
/// unacknowledged (users.writes_pending_max), so that one user's import is not refused.
constexpr std::size_t wave_max = 32;

struct event_answer {
  bool known = false; ///< the event could not be read: there is an error already
  result<ingest_ack> what = failure{};
};

void append_result(std::string& out, std::string_view id, const ingest_ack& ack) {
  out += R"({"event_id":)";
  append_text(out, id);
  out += R"(,"seq":)";
  append_number(out, ack.seq);
  out += ack.duplicate ? R"(,"duplicate":true})" : R"(,"duplicate":false})";
}

/// Sends entries [begin, end) and waits for all their answers.
awaitable<void> send_wave(route_call& call, bulk_body<event>& body,
                          std::vector<event_answer>& answers, std::size_t begin, std::size_t end) {
  std::size_t open = 0;
  for (auto i = begin; i < end; ++i)
    open += body.entries[i].what ? 1U : 0U;
  if (open == 0)
    co_return;
  constexpr auto token = asio::use_awaitable_t<executor>{};
  co_await asio::async_initiate<decltype(token), void()>(
      [&, open](auto handler) {
        using handler_type = decltype(handler);

        struct wave {
          handler_type done;
          std::size_t open;
        };

        const auto state = std::make_shared<wave>(wave{std::move(handler), open});
        for (auto i = begin; i < end; ++i) {
          if (!body.entries[i].what)
            continue;
          ingest message{std::move(*body.entries[i].what)};
          const auto& whom = call.shared().node.directory_of(message.what.user);
          call.worker.actors().ask<ingest_ack>(
              whom, std::move(message), call.worker.now(),
              [state, &answer = answers[i]](result<ingest_ack> what) {
                answer.what = std::move(what);
                if (--state->open == 0)
                  std::move(state->done)();
              });
        }
      },
      token);
}

response list_response(const route_call& call, const bulk_body<event>& body,
                       const std::vector<event_answer>& answers) {
  response out;
  std::string results;
  std::size_t accepted = 0;
  std::size_t duplicates = 0;
  unsigned retry_after = 0;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (i > 0)
      results += ',';
    const auto& answer = answers[i].what;
    if (answer) {
      ++accepted;
      duplicates += answer->duplicate ? 1U : 0U;
      append_result(results, body.entries[i].id, *answer);
      continue;
    }
    const auto what = problem_of(answer.error());
    retry_after = std::max(retry_after, what.retry_after);
    results += '{';
    if (!body.entries[i].id.empty()) {
      results += R"("event_id":)";
      append_text(results, is_utf8(body.entries[i].id) ? body.entries[i].id : "");
      results += ',';
    }
    results += R"("error":)";
    append_json(results, what, {});
    results += '}';
  }
  out.status = accepted == answers.size() ? 200 : 207;
  if (retry_after > 0)
    out.fields = fmt::format("Retry-After: {}\r\n", retry_after);
  out.body = fmt::format(R"({{"accepted":{},"duplicates":{},"failed":{},"results":[{}]}})",
                         accepted - duplicates, duplicates, answers.size() - accepted, results);
  static_cast<void>(call);
  return out;
}

} // namespace

awaitable<response> post_events(route_call& call) {
  if (!call.event_rate.take(call.worker.now())) {
    call.shared().probe.events_rate_refused.add();
    co_return fail(call, http_fault::rate_limited, "this connection sends events too fast");
  }
  const auto kind = kind_of_body(call, body_rule::json_or_lines);
  if (!kind.fine)
    co_return kind.wrong;
  const event_defaults defaults{call.now(), {}, [&] { return call.worker.make_id("srv-"); }};
  auto body = parse_events(call.request.body(), kind.format, defaults, call.shared().json);
  if (!body) {
    if (body.error().code == errc::too_large)
      call.shared().probe.bulk_refused.add();
    co_return fail(call, body.error());
  }
  call.shared().probe.events.add(static_cast<double>(body->entries.size()));
  std::vector<event_answer> answers(body->entries.size());
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (body->entries[i].what)
      body->entries[i].id = body->entries[i].what->id.value;
    else
      answers[i].what = body->entries[i].what.error();
  }
  for (std::size_t begin = 0; begin < answers.size(); begin += wave_max)
    co_await send_wave(call, *body, answers, begin, std::min(begin + wave_max, answers.size()));
  if (!body->single)
    co_return list_response(call, *body, answers);
  if (!answers[0].what)
    co_return fail(call, answers[0].what.error());
  response out;
  append_result(out.body, body->entries[0].id, *answers[0].what);
  co_return out;
}

} // namespace troupe::gateway
