#include "gateway/json_codec.hpp"
#include "gateway/query_reader.hpp"
#include "gateway/resume_token.hpp"
#include "tests/fuzz/require.hpp"

#include <cmath>
#include <string>

// Whatever stands behind the question mark of a target, or in a resume token: values that hold
// what was asked for, or an error that can be sent. What is read from a token makes that token.

namespace {

using namespace troupe;
using fuzz::require;

void run_query(std::string_view input) {
  gateway::query_reader query{input};
  const auto text = query.text("filter");
  const auto number = query.number("diversity");
  const auto whole = query.whole("k", 20, 1, 200);
  static_cast<void>(query.flag("explain", true));
  const auto ids = query.ids("exclude", 4);
  require(ids.size() <= 4, "no more ids than allowed", input);
  if (query.error()) {
    fuzz::require_refusal(*query.error(), input);
    return;
  }
  require(is_utf8(text), "a text is UTF-8", input);
  require(!number || std::isfinite(*number), "a number is finite", input);
  require(whole >= 1 && whole <= 200, "a whole number is in its range", input);
  for (const auto& id : ids)
    require(check_id(id.value, "id").has_value(), "every id is one", input);
}

void run_token(std::string_view input) {
  const auto point = gateway::read_resume_token(input);
  if (!point)
    return;
  require(check_id(point->user.value, "user_id").has_value(), "the user id", input);
  require(check_id(point->surface, "surface").has_value(), "the surface", input);
  require(point->surface.size() <= gateway::surface_bytes_max, "a short surface", input);
  require(point->slate.empty() || check_id(point->slate.value, "slate_id"), "the slate", input);
  require(gateway::make_resume_token(point->user, point->surface, point->slate) == input,
          "a token is made in one way only", input);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = fuzz::text_of(data, size);
  run_query(input);
  run_token(input);
  return 0;
}
