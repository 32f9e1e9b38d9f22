#include "gateway/json_codec.hpp"
#include "gateway/json_reader.hpp"

#include <fmt/format.h>

namespace troupe::gateway {

namespace json {

namespace {

enum slate_field : unsigned {
  f_surface = slate_bits_begin,
  f_k,
  f_filter,
  f_exclude,
  f_pin,
  f_diversity,
  f_category_cap,
  f_explain,
  f_properties,
};

bool read_ids(object_reader& in, std::string_view key, element value, std::size_t max,
              std::vector<item_id>& out) {
  std::vector<std::string> texts;
  if (!in.texts(value, key, max, texts))
    return false;
  out.reserve(texts.size());
  for (auto& text : texts) {
    if (auto ok = check_id(text, key); !ok)
      return in.fail(key, ok.error().context);
    out.emplace_back(std::move(text));
  }
  return true;
}

bool read_k(object_reader& in, element value, const json_limits& limits, std::size_t& out) {
  std::uint64_t k = 0;
  if (!in.integer(value, "k", limits.k_max, k))
    return false;
  out = static_cast<std::size_t>(k);
  return k > 0 || in.fail("k", fmt::format("expected a whole number from 1 to {}", limits.k_max));
}

bool read_diversity(object_reader& in, element value, std::optional<double>& out) {
  double number = 0;
  if (!in.number(value, "diversity", number))
    return false;
  out = number;
  return (number >= 0 && number <= 1) || in.fail("diversity", "expected a number from 0 to 1");
}

bool read_cap(object_reader& in, element value, std::optional<std::size_t>& out) {
  std::uint64_t cap = 0;
  if (!in.integer(value, "category_cap", 1000000, cap))
    return false;
  out = static_cast<std::size_t>(cap);
  return true;
}

bool read_value(object_reader& in, std::string_view key, unsigned bit, element value,
                const json_limits& limits, slate_options& out) {
  auto& how = out.request;
  switch (bit) {
  case f_surface:
    return in.text(value, key, how.surface);
  case f_k:
    return read_k(in, value, limits, how.k);
  case f_filter:
    return in.text(value, key, how.filter);
  case f_exclude:
    return read_ids(in, key, value, limits.exclude_max, how.exclude);
  case f_pin:
    return read_ids(in, key, value, limits.exclude_max, how.pin);
  case f_diversity:
    return read_diversity(in, value, how.diversity);
  case f_category_cap:
    return read_cap(in, value, how.category_cap);
  case f_explain:
    return in.boolean(value, key, how.explain);
  case f_properties:
    return in.boolean(value, key, out.properties);
  default:
    return true;
  }
}

constexpr std::string_view slate_keys[]{"surface",      "k",       "filter",
                                        "exclude",      "pin",     "diversity",
                                        "category_cap", "explain", "properties"};

} // namespace

bool read_slate_field(object_reader& in, std::string_view key, element value,
                      const json_limits& limits, slate_options& out) {
  unsigned bit = slate_bits_begin;
  for (const auto name : slate_keys) {
    if (key == name)
      return value.is_null()
                 ? in.first_time(bit, key)
                 : in.first_time(bit, key) && read_value(in, key, bit, value, limits, out);
    ++bit;
  }
  return true;
}

} // namespace json

result<void> check_slate_options(const slate_options& how, const json_limits& limits) {
  const auto& request = how.request;
  if (auto ok = check_id(request.surface, "surface"); !ok)
    return ok;
  if (request.surface.size() > surface_bytes_max)
    return failure{errc::invalid_argument,
                   fmt::format("surface has {} bytes; at most {} are allowed",
                               request.surface.size(), surface_bytes_max)};
  if (request.k > limits.k_max)
    return failure{errc::invalid_argument,
                   fmt::format("k: expected a whole number from 1 to {}", limits.k_max)};
  if (request.filter.size() > limits.filter_bytes_max)
    return failure{errc::invalid_argument,
                   fmt::format("filter has {} bytes; at most {} are allowed", request.filter.size(),
                               limits.filter_bytes_max)};
  if (!is_utf8(request.filter))
    return failure{errc::invalid_argument, "filter is not valid UTF-8"};
  if (request.exclude.size() > limits.exclude_max || request.pin.size() > limits.exclude_max)
    return failure{errc::invalid_argument,
                   fmt::format("exclude and pin take at most {} ids", limits.exclude_max)};
  if (request.diversity && !(*request.diversity >= 0 && *request.diversity <= 1))
    return failure{errc::invalid_argument, "diversity: expected a number from 0 to 1"};
  return {};
}

namespace {

using json::element;
using json::object_reader;

enum body_field : unsigned { f_user_id, f_history };

bool read_history(object_reader& in, element value, timestamp now, std::vector<event>& out) {
  simdjson::dom::array list;
  if (value.get_array().get(list) != simdjson::SUCCESS)
    return in.wrong_type(value, "history", "an array of events");
  // The visit has no identity; these stand in for it, so that every other rule holds.
  const event_defaults defaults{now, {}, [] { return std::string{"anonymous"}; }};
  for (const auto entry : list) {
    if (out.size() == history_max)
      return in.fail("history", fmt::format("at most {} events are taken", history_max));
    event_defaults each = defaults;
    each.user = entry.is_object() && entry.at_key("user_id").error() != simdjson::SUCCESS
                    ? std::string_view{"anonymous"}
                    : std::string_view{};
    auto read = json::read_event(entry, fmt::format("history[{}]", out.size()), each);
    if (!read)
      return in.fail(read.error().code, {}, read.error().context);
    out.push_back(std::move(*read));
  }
  return true;
}

bool read_body_field(object_reader& in, std::string_view key, element value, timestamp now,
                     const json_limits& limits, slate_body& out) {
  if (key == "user_id")
    return in.first_time(f_user_id, key) && in.text(value, key, out.user.value);
  if (key == "history")
    return in.first_time(f_history, key) && read_history(in, value, now, out.history);
  return json::read_slate_field(in, key, value, limits, out.how);
}

} // namespace

result<slate_body> parse_slate_body(std::string_view text, timestamp now,
                                    const json_limits& limits) {
  const auto root = json::parse_document(text, limits.depth_max);
  if (!root)
    return root.error();
  object_reader in{"request"};
  simdjson::dom::object fields;
  if (root->get_object().get(fields) != simdjson::SUCCESS) {
    in.wrong_type(*root, {}, "an object");
    return in.error();
  }
  slate_body out;
  for (const auto field : fields)
    if (!read_body_field(in, field.key, field.value, now, limits, out)
        || !in.error().context.empty())
      return in.error();
  if (in.has(f_user_id)) {
    if (auto ok = check_id(out.user.value, "request.user_id"); !ok)
      return ok.error();
    if (in.has(f_history))
      return failure{errc::invalid_argument, "request: user_id and history exclude each other"};
  }
  if (auto ok = check_slate_options(out.how, limits); !ok)
    return failure{ok.error().code, fmt::format("request.{}", ok.error().context)};
  return out;
}

} // namespace troupe::gateway
