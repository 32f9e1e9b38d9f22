#include "base/event.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace troupe {

namespace {

failure invalid(std::string context) {
  return {errc::invalid_argument, std::move(context)};
}

bool is_type_char(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

result<void> check_type(const std::string& type) {
  if (type.empty() || type.size() > event_limits::type_bytes_max)
    return invalid(fmt::format("type has {} bytes; it takes 1 to {}", type.size(),
                               event_limits::type_bytes_max));
  if (!std::all_of(type.begin(), type.end(), is_type_char))
    return invalid("type may hold only a-z, 0-9, '_', '.' and '-'");
  return {};
}

} // namespace

result<void> check_event(const event& what, timestamp now) {
  if (auto ok = check_id(what.id.value, "event_id"); !ok)
    return ok;
  if (auto ok = check_id(what.user.value, "user_id"); !ok)
    return ok;
  if (auto ok = check_id(what.item.value, "item_id"); !ok)
    return ok;
  if (auto ok = check_type(what.type); !ok)
    return ok;
  if (what.value && !std::isfinite(*what.value))
    return invalid("value is not a finite number");
  if (to_millis(what.time) < 0)
    return invalid("timestamp lies before 1970-01-01T00:00:00Z");
  if (what.time > now + event_limits::future_max)
    return invalid(fmt::format("timestamp lies {} s in the future; at most {} h are allowed",
                               (to_millis(what.time) - to_millis(now)) / 1000,
                               event_limits::future_max.count()));
  if (!what.session_id.empty())
    if (auto ok = check_id(what.session_id, "session_id"); !ok)
      return ok;
  if (!what.slate.empty())
    if (auto ok = check_id(what.slate, "slate_id"); !ok)
      return ok;
  if (what.context.size() > event_limits::context_bytes_max)
    return failure{errc::too_large,
                   fmt::format("context has {} bytes; at most {} are allowed", what.context.size(),
                               event_limits::context_bytes_max)};
  return {};
}

} // namespace troupe
