#include "gateway/json_codec.hpp"
#include "gateway/json_writer.hpp"
#include "tests/fuzz/bulk_check.hpp"

#include <string>

// Whatever the bytes, the readers of events and of recommendation bodies refuse them with a
// proper error, or give events that hold every limit and that are the same after being written
// and read again.

namespace {

using namespace troupe;
using fuzz::require;

const timestamp now = from_millis(1'800'000'000'000);

gateway::json_limits small_limits() {
  gateway::json_limits limits;
  limits.bulk_max = 8; // so that short inputs reach it
  limits.exclude_max = 4;
  return limits;
}

const gateway::json_limits limits = small_limits();

void check_taken(const event& what, std::string_view input) {
  require(check_event(what, now).has_value(), "an event that was read holds the limits", input);
  require(is_utf8(what.context), "the context is UTF-8", input);
  std::string written;
  gateway::append_json(written, what);
  const auto again = gateway::parse_event(written, {now, {}, {}}, limits);
  require(again.has_value(), "a written event can be read", input);
  require(*again == what, "an event that was written and read is the same", input);
}

void run_list(std::string_view input, gateway::body_format format) {
  const gateway::event_defaults defaults{now, {}, [] { return std::string{"made"}; }};
  fuzz::require_bulk(gateway::parse_events(input, format, defaults, limits), limits, input,
                     check_taken);
}

void run_slate_body(std::string_view input) {
  const auto body = gateway::parse_slate_body(input, now, limits);
  if (!body) {
    fuzz::require_refusal(body.error(), input);
    return;
  }
  require(gateway::check_slate_options(body->how, limits).has_value(), "the options hold", input);
  require(body->history.size() <= gateway::history_max, "the history is bounded", input);
  require(body->user.empty() || body->history.empty(), "a user or a history", input);
  require(body->user.empty() || check_id(body->user.value, "user_id"), "the user id", input);
  for (const auto& entry : body->history)
    check_taken(entry, input);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = fuzz::text_of(data, size);
  const gateway::event_defaults of_user{now, "u1", {}};
  if (const auto one = gateway::parse_event(input, of_user, limits)) {
    require(one->user.value == "u1", "the event is the user's", input);
    check_taken(*one, input);
  } else {
    fuzz::require_refusal(one.error(), input);
  }
  run_list(input, gateway::body_format::json);
  run_list(input, gateway::body_format::ndjson);
  run_slate_body(input);
  return 0;
}
