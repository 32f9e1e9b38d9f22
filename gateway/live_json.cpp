#include "gateway/json_codec.hpp"
#include "gateway/json_reader.hpp"

#include <fmt/format.h>

#include <limits>
#include <stdexcept>

namespace troupe::gateway {

namespace {

using json::element;
using json::object_reader;

constexpr std::size_t nonce_bytes_max = 64;
constexpr std::size_t token_bytes_max = 2048;
constexpr std::size_t key_bytes_max = 1024;
constexpr std::size_t positions_max = 200;

bool read_bounded(object_reader& in, std::string_view key, element value, std::size_t bytes_max,
                  std::string& out) {
  if (value.is_null())
    return true;
  if (!in.text(value, key, out))
    return false;
  return out.size() <= bytes_max
         || in.fail(key,
                    fmt::format("has {} bytes; at most {} are allowed", out.size(), bytes_max));
}

bool read_hello_field(object_reader& in, std::string_view key, element value,
                      const json_limits& limits, hello_message& out) {
  if (key == "user_id")
    return in.first_time(0, key) && in.text(value, key, out.user.value);
  if (key == "resume")
    return in.first_time(1, key) && read_bounded(in, key, value, token_bytes_max, out.resume);
  if (key == "patch")
    return in.first_time(2, key) && in.boolean(value, key, out.patch);
  if (key == "api_key")
    return in.first_time(3, key) && read_bounded(in, key, value, key_bytes_max, out.api_key);
  return json::read_slate_field(in, key, value, limits, out.how);
}

/// Reads `fields` with `read` and gives what `out` has become.
template <class Message, class Read>
result<client_message> read_message(object_reader& in, simdjson::dom::object fields, Message out,
                                    Read read) {
  for (const auto field : fields)
    if (!read(std::string_view{field.key}, element{field.value}, out))
      return in.error();
  return client_message{std::move(out)};
}

result<client_message> read_hello(simdjson::dom::object fields, const json_limits& limits) {
  object_reader in{"hello"};
  auto out = read_message(in, fields, hello_message{},
                          [&](std::string_view key, element value, hello_message& hello) {
                            return read_hello_field(in, key, value, limits, hello);
                          });
  if (!out)
    return out;
  auto& hello = std::get<hello_message>(*out);
  hello.surface_given = in.has(json::surface_bit);
  if (!in.has(0) && hello.resume.empty())
    return failure{errc::invalid_argument, "hello.user_id: missing"};
  if (in.has(0))
    if (auto ok = check_id(hello.user.value, "hello.user_id"); !ok)
      return ok.error();
  if (auto ok = check_slate_options(hello.how, limits); !ok)
    return failure{ok.error().code, fmt::format("hello.{}", ok.error().context)};
  return out;
}

bool read_positions(object_reader& in, element value, std::vector<std::uint32_t>& out) {
  simdjson::dom::array list;
  if (value.get_array().get(list) != simdjson::SUCCESS)
    return in.wrong_type(value, "positions", "an array of whole numbers");
  for (const auto entry : list) {
    std::uint64_t position = 0;
    if (out.size() == positions_max)
      return in.fail("positions", fmt::format("at most {} are taken", positions_max));
    if (!in.integer(entry, "positions", std::numeric_limits<std::uint16_t>::max(), position))
      return false;
    out.push_back(static_cast<std::uint32_t>(position));
  }
  return !out.empty() || in.fail("positions", "is empty");
}

result<client_message> read_impression(simdjson::dom::object fields) {
  object_reader in{"impression"};
  auto out =
      read_message(in, fields, impression_message{},
                   [&](std::string_view key, element value, impression_message& seen) {
                     if (key == "slate_id")
                       return in.first_time(0, key) && in.text(value, key, seen.slate.value);
                     if (key == "positions")
                       return in.first_time(1, key) && read_positions(in, value, seen.positions);
                     return true;
                   });
  if (!out)
    return out;
  if (!in.has(1) && !in.fail("positions", "missing"))
    return in.error();
  if (auto ok = check_id(std::get<impression_message>(*out).slate.value, "impression.slate_id");
      !ok)
    return ok.error();
  return out;
}

result<client_message> read_subscribe(simdjson::dom::object fields, const json_limits& limits) {
  object_reader in{"subscribe"};
  auto out = read_message(in, fields, subscribe_message{},
                          [&](std::string_view key, element value, subscribe_message& asked) {
                            if (key == "resume")
                              return in.first_time(0, key)
                                     && read_bounded(in, key, value, token_bytes_max, asked.resume);
                            return json::read_slate_field(in, key, value, limits, asked.how);
                          });
  if (!out)
    return out;
  if (auto ok = check_slate_options(std::get<subscribe_message>(*out).how, limits); !ok)
    return failure{ok.error().code, fmt::format("subscribe.{}", ok.error().context)};
  return out;
}

result<client_message> read_unsubscribe(simdjson::dom::object fields) {
  object_reader in{"unsubscribe"};
  auto out = read_message(in, fields, unsubscribe_message{},
                          [&](std::string_view key, element value, unsubscribe_message& asked) {
                            return key != "surface"
                                   || (in.first_time(0, key) && in.text(value, key, asked.surface));
                          });
  if (!out)
    return out;
  if (auto ok = check_id(std::get<unsubscribe_message>(*out).surface, "unsubscribe.surface"); !ok)
    return ok.error();
  return out;
}

result<client_message> read_ping(simdjson::dom::object fields) {
  object_reader in{"ping"};
  return read_message(in, fields, ping_message{},
                      [&](std::string_view key, element value, ping_message& ping) {
                        return key != "nonce"
                               || (in.first_time(0, key)
                                   && read_bounded(in, key, value, nonce_bytes_max, ping.nonce));
                      });
}

result<client_message> read_named(std::string_view name, element body,
                                  const event_defaults& defaults, const json_limits& limits,
                                  std::string& id) {
  if (name == "event") {
    auto read = json::read_event(body, name, defaults, &id);
    if (!read)
      return read.error();
    return client_message{event_message{std::move(*read)}};
  }
  simdjson::dom::object fields;
  if (body.get_object().get(fields) != simdjson::SUCCESS) {
    object_reader in{json::beginning_of(name, 64)};
    in.wrong_type(body, {}, "an object");
    return in.error();
  }
  if (name == "hello")
    return read_hello(fields, limits);
  if (name == "impression")
    return read_impression(fields);
  if (name == "subscribe")
    return read_subscribe(fields, limits);
  if (name == "unsubscribe")
    return read_unsubscribe(fields);
  if (name == "ping")
    return read_ping(fields);
  return failure{errc::invalid_argument,
                 fmt::format("no message is called '{}'; expected hello, event, impression, "
                             "subscribe, unsubscribe or ping",
                             json::beginning_of(name, 64))};
}

} // namespace

void throw_exception_from_error(const live_failure& what, const boost::source_location& loc) {
  throw std::logic_error(fmt::format("unchecked live failure at {}:{}: {}", loc.file_name(),
                                     loc.line(), what.why.context));
}

live_result parse_live_json(std::string_view text, const event_defaults& defaults,
                            const json_limits& limits) {
  const auto root = json::parse_document(text, limits.depth_max);
  if (!root)
    return live_failure{root.error(), {}, {}};
  simdjson::dom::object message;
  if (root->get_object().get(message) != simdjson::SUCCESS || message.size() != 1)
    return live_failure{
        {errc::invalid_argument,
         "expected an object with one key that names the message, as {\"event\": {...}}"},
        {},
        {}};
  const auto field = *message.begin();
  std::string id;
  auto out = read_named(field.key, field.value, defaults, limits, id);
  if (out)
    return std::move(*out);
  return live_failure{out.error(), std::string{json::beginning_of(field.key, 64)}, std::move(id)};
}

} // namespace troupe::gateway
