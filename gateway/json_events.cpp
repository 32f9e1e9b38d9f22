#include "gateway/json_codec.hpp"
#include "gateway/json_reader.hpp"

#include <fmt/format.h>

#include <limits>

namespace troupe::gateway {

namespace json {

namespace {

enum event_field : unsigned {
  f_event_id,
  f_user_id,
  f_item_id,
  f_type,
  f_value,
  f_timestamp,
  f_session_id,
  f_slate_id,
  f_context,
};

bool read_value(object_reader& in, element value, std::optional<float>& out) {
  double number = 0;
  if (!in.number(value, "value", number))
    return false;
  if (std::abs(number) > static_cast<double>(std::numeric_limits<float>::max()))
    return in.fail("value", "does not fit a 32-bit number");
  out = static_cast<float>(number);
  return true;
}

bool read_context(object_reader& in, element value, std::string& out) {
  if (!value.is_object())
    return in.wrong_type(value, "context", "an object");
  out = simdjson::minify(value);
  if (out.size() > event_limits::context_bytes_max)
    return in.fail(errc::too_large, "context",
                   fmt::format("has {} bytes; at most {} are allowed", out.size(),
                               event_limits::context_bytes_max));
  return true;
}

bool read_field(object_reader& in, std::string_view key, element value, event& out) {
  if (key == "event_id")
    return in.first_time(f_event_id, key) && in.text(value, key, out.id.value);
  if (key == "user_id")
    return in.first_time(f_user_id, key) && in.text(value, key, out.user.value);
  if (key == "item_id")
    return in.first_time(f_item_id, key) && in.text(value, key, out.item.value);
  if (key == "type")
    return in.first_time(f_type, key) && in.text(value, key, out.type);
  if (key == "value")
    return in.first_time(f_value, key) && (value.is_null() || read_value(in, value, out.value));
  if (key == "timestamp")
    return in.first_time(f_timestamp, key) && in.time(value, key, out.time);
  if (key == "session_id")
    return in.first_time(f_session_id, key) && in.text(value, key, out.session_id);
  if (key == "slate_id")
    return in.first_time(f_slate_id, key) && in.text(value, key, out.slate);
  if (key == "context")
    return in.first_time(f_context, key)
           && (value.is_null() || read_context(in, value, out.context));
  return true;
}

bool fill_in(object_reader& in, const event_defaults& defaults, event& out) {
  if (!in.has(f_timestamp))
    out.time = defaults.now;
  if (!in.has(f_event_id)) {
    if (!defaults.make_id)
      return in.fail("event_id", "missing");
    out.id.value = defaults.make_id();
  }
  if (!in.has(f_user_id)) {
    if (defaults.user.empty())
      return in.fail("user_id", "missing");
    out.user.value.assign(defaults.user);
  } else if (!defaults.user.empty() && out.user.value != defaults.user) {
    return in.fail("user_id", "is not the user of this connection");
  }
  if (!in.has(f_item_id))
    return in.fail("item_id", "missing");
  return in.has(f_type) || in.fail("type", "missing");
}

} // namespace

result<event> read_event(element value, std::string_view where, const event_defaults& defaults,
                         std::string* id) {
  object_reader in{where};
  simdjson::dom::object fields;
  if (value.get_object().get(fields) != simdjson::SUCCESS) {
    in.wrong_type(value, {}, "an object");
    return in.error();
  }
  event out;
  bool fine = true;
  for (auto field = fields.begin(); fine && field != fields.end(); ++field)
    fine = read_field(in, field.key(), field.value(), out);
  fine = fine && fill_in(in, defaults, out);
  if (id != nullptr)
    *id = out.id.value;
  if (!fine)
    return in.error();
  if (auto ok = check_event(out, defaults.now); !ok)
    return failure{ok.error().code, fmt::format("{}: {}", where, ok.error().context)};
  return out;
}

} // namespace json

result<event> parse_event(std::string_view text, const event_defaults& defaults,
                          const json_limits& limits) {
  const auto root = json::parse_document(text, limits.depth_max);
  if (!root)
    return root.error();
  return json::read_event(*root, "event", defaults);
}

result<std::string> parse_context(std::string_view text, const json_limits& limits) {
  const auto root = json::parse_document(text, limits.depth_max);
  if (!root)
    return failure{root.error().code, "event.context: " + root.error().context};
  json::object_reader in{"event"};
  std::string out;
  if (!json::read_context(in, *root, out))
    return in.error();
  return out;
}

namespace {

bulk_entry<event> read_entry(json::element value, std::size_t index,
                             const event_defaults& defaults) {
  bulk_entry<event> out;
  out.what = json::read_event(value, fmt::format("events[{}]", index), defaults, &out.id);
  return out;
}

result<bulk_body<event>> read_lines(std::string_view body, const event_defaults& defaults,
                                    const json_limits& limits) {
  bulk_body<event> out;
  const auto read = [&](std::string_view line, std::size_t index) {
    if (const auto root = json::parse_document(line, limits.depth_max); root)
      out.entries.push_back(read_entry(*root, index, defaults));
    else
      out.entries.push_back(
          {failure{root.error().code, fmt::format("events[{}]: {}", index, root.error().context)},
           {}});
  };
  if (auto ok = json::each_line(body, limits.bulk_max, "events", read); !ok)
    return ok.error();
  return out;
}

} // namespace

result<bulk_body<event>> parse_events(std::string_view body, body_format format,
                                      const event_defaults& defaults, const json_limits& limits) {
  if (format == body_format::ndjson)
    return read_lines(body, defaults, limits);
  const auto root = json::parse_document(body, limits.depth_max);
  if (!root)
    return root.error();
  json::element list = *root;
  bulk_body<event> out;
  if (root->is_object() && root->at_key("events").get(list) != simdjson::SUCCESS) {
    out.single = true;
    out.entries.emplace_back();
    out.entries[0].what = json::read_event(*root, "event", defaults, &out.entries[0].id);
    return out;
  }
  simdjson::dom::array events;
  if (list.get_array().get(events) != simdjson::SUCCESS)
    return failure{
        errc::invalid_argument,
        fmt::format("expected an event, an array of events or {{\"events\": [...]}}, found {}",
                    json::kind_of(list))};
  for (const auto value : events) {
    if (out.entries.size() == limits.bulk_max)
      return failure{errc::too_large,
                     fmt::format("events: at most {} are taken in one request", limits.bulk_max)};
    out.entries.push_back(read_entry(value, out.entries.size(), defaults));
  }
  return out;
}

} // namespace troupe::gateway
