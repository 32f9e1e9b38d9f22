#pragma once

#include "gateway/json_codec.hpp"
#include "tests/fuzz/require.hpp"

#include <string_view>

namespace troupe::fuzz {

/// What a body of one or many holds, whatever was in it: refused with a proper error, or bounded,
/// with each entry refused so or good enough for `check_taken(entry, input)`.
template <class T, class Check>
void require_bulk(const result<gateway::bulk_body<T>>& body, const gateway::json_limits& limits,
                  std::string_view input, Check check_taken) {
  if (!body) {
    require_refusal(body.error(), input);
    return;
  }
  require(body->entries.size() <= limits.bulk_max, "no more than bulk_max", input);
  require(!body->single || body->entries.size() == 1, "a single one is one", input);
  for (const auto& entry : body->entries) {
    require(is_utf8(entry.id), "an id that could be read is UTF-8", input);
    if (entry.what)
      check_taken(*entry.what, input);
    else
      require_refusal(entry.what.error(), input);
  }
}

} // namespace troupe::fuzz
