#pragma once

#include "gateway/json_codec.hpp"
#include "gateway/live_codec.hpp"
#include "tests/fuzz/require.hpp"

#include <string>
#include <variant>

/// What a message of the live protocol holds once a codec has taken it, whichever it was.
namespace troupe::fuzz {

inline void check_options(const gateway::slate_options& how, const gateway::json_limits& limits,
                          std::string_view input) {
  require(gateway::check_slate_options(how, limits).has_value(), "the slate options hold", input);
  require(how.request.surface.size() <= gateway::surface_bytes_max, "a short surface", input);
  for (const auto* ids : {&how.request.exclude, &how.request.pin})
    for (const auto& id : *ids)
      require(check_id(id.value, "id").has_value(), "every id is one", input);
}

/// One overload for each message.
struct message_check {
  const gateway::event_defaults& defaults;
  const gateway::json_limits& limits;
  std::string_view input;

  void operator()(const gateway::hello_message& what) const {
    check_options(what.how, limits, input);
    require(!what.user.empty() || !what.resume.empty(), "hello names a user or a token", input);
    require(what.user.empty() || check_id(what.user.value, "user_id"), "the user id", input);
    require(what.resume.size() <= 2048, "the token is bounded", input);
  }

  void operator()(const gateway::event_message& what) const {
    require(check_event(what.what, defaults.now).has_value(), "the event holds", input);
    require(what.what.user.value == defaults.user, "the event is the connection's", input);
    require(what.what.context.empty() || what.what.context.front() == '{', "an object", input);
  }

  void operator()(const gateway::impression_message& what) const {
    require(check_id(what.slate.value, "slate_id").has_value(), "the slate id", input);
    require(!what.positions.empty() && what.positions.size() <= 200, "1 to 200 positions", input);
    for (const auto position : what.positions)
      require(position <= 65535, "positions are small", input);
  }

  void operator()(const gateway::subscribe_message& what) const {
    check_options(what.how, limits, input);
    require(what.resume.size() <= 2048, "the token is bounded", input);
  }

  void operator()(const gateway::unsubscribe_message& what) const {
    require(check_id(what.surface, "surface").has_value(), "the surface", input);
  }

  void operator()(const gateway::ping_message& what) const {
    require(what.nonce.size() <= 64, "the nonce is short", input);
    require(is_utf8(what.nonce), "the nonce is UTF-8", input);
  }
};

/// Reads `input` as a frame and checks what came of it, and that the answer to a refused one
/// can be sent.
inline void run_frame(const gateway::live_codec& codec, std::string_view input) {
  gateway::json_limits limits;
  limits.exclude_max = 4; // so that short inputs reach it
  const timestamp now = from_millis(1'800'000'000'000);
  const gateway::event_defaults defaults{now, "u1", [] { return std::string{"made"}; }};
  const auto read = codec.read(input, defaults, limits);
  if (read) {
    std::visit(message_check{defaults, limits, input}, *read);
    return;
  }
  const auto& wrong = read.error();
  require_refusal(wrong.why, input);
  require(is_utf8(wrong.to) && is_utf8(wrong.event_id), "what is sent back is UTF-8", input);
  std::string answer;
  codec.write(answer, gateway::problem_of(wrong.why), wrong.to, wrong.event_id);
  require(!codec.text() || is_utf8(answer), "the answer is UTF-8", input);
}

} // namespace troupe::fuzz
