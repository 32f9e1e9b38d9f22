#pragma once

#include "actors/interfaces.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/event.hpp"
#include "base/item.hpp"
#include "base/slate.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// JSON as docs/protocol.md fixes it. Readers check everything: well-formed UTF-8 JSON, depth,
/// types (errors name the path of the field and what was expected), known keys given twice,
/// sizes; unknown fields are ignored. Readers keep a parser per thread, so that a message costs
/// no allocation beyond its own strings. Writers append to a string; their input is valid
/// UTF-8, for it came through a reader.
/// Thread safety: all functions may be called from any thread.
namespace troupe::gateway {

/// The bounds that readers hold their input to; from the configuration.
struct json_limits {
  std::size_t depth_max = 32;
  std::size_t bulk_max = 10000; ///< events or items in one body
  std::size_t k_max = 200;
  std::size_t filter_bytes_max = 2048;
  std::size_t exclude_max = 1000; ///< of exclude and of pin, each
};

/// Most history events of an anonymous request, and positions of an impression.
inline constexpr std::size_t history_max = 200;
inline constexpr std::size_t surface_bytes_max = 64;

// -- events and items ------------------------------------------------------------------------

/// What an event that leaves something out gets.
struct event_defaults {
  timestamp now{};                      ///< of `timestamp`, and the base of its bound
  std::string_view user;                ///< if set: the user_id, which may not name another
  std::function<std::string()> make_id; ///< if unset, a missing event_id is an error
};

/// Reads one event (an object) and checks it (`check_event`).
/// Errors: invalid_argument, too_large; the context names the field.
[[nodiscard]] result<event> parse_event(std::string_view json, const event_defaults& defaults,
                                        const json_limits& limits = {});

/// Reads one item (an object) and checks it (`check_item`). A missing created_at becomes
/// `now`, and updated is always `now`. `id`, if set, is the item's id, which the object may not
/// contradict.
[[nodiscard]] result<item> parse_item(std::string_view json, timestamp now,
                                      const json_limits& limits = {}, std::string_view id = {});

/// One element of a bulk body: the value, or what was wrong and with which id.
template <class T>
struct bulk_entry {
  result<T> what = failure{};
  std::string id; ///< event_id or item_id as far as it could be read, may be empty
};

/// A body of events or items.
template <class T>
struct bulk_body {
  bool single = false; ///< the body was one object, not a list
  std::vector<bulk_entry<T>> entries;
};

enum class body_format : std::uint8_t { json, ndjson };

/// Reads an object, an array, `{"events": [...]}`, or NDJSON. One wrong event fails alone.
/// Errors: invalid_argument if the body as a whole is not JSON, too_large beyond bulk_max.
[[nodiscard]] result<bulk_body<event>> parse_events(std::string_view body, body_format format,
                                                    const event_defaults& defaults,
                                                    const json_limits& limits);

/// The same for items and `{"items": [...]}`.
[[nodiscard]] result<bulk_body<item>> parse_items(std::string_view body, body_format format,
                                                  timestamp now, const json_limits& limits);

/// Reads the body of a PATCH of the item `id`.
[[nodiscard]] result<actors::patch_item> parse_patch(std::string_view json, const item_id& id,
                                                     const json_limits& limits);

/// Reads `{"properties": {...}}`, the body of PUT /v1/users/{id}.
[[nodiscard]] result<actors::put_user> parse_user(std::string_view json, const user_id& user,
                                                  const json_limits& limits);

// -- slates ----------------------------------------------------------------------------------

/// How a slate is asked for, and what of its items is written.
struct slate_options {
  actors::slate_request request;
  bool properties = true;
};

/// The body of POST /v1/recommendations.
struct slate_body {
  slate_options how;
  user_id user; ///< empty: anonymous
  std::vector<event> history;
};

[[nodiscard]] result<slate_body> parse_slate_body(std::string_view json, timestamp now,
                                                  const json_limits& limits);

/// Checks what the reader of a query string or of Protobuf has filled in.
[[nodiscard]] result<void> check_slate_options(const slate_options& how, const json_limits& limits);

// -- live messages ---------------------------------------------------------------------------

struct hello_message {
  user_id user; ///< empty: from `resume`
  slate_options how;
  bool surface_given = false;
  bool patch = false;
  std::string resume;
  std::string api_key;
};

struct event_message {
  event what;
};

struct impression_message {
  slate_id slate;
  std::vector<std::uint32_t> positions;
};

struct subscribe_message {
  slate_options how;
  std::string resume;
};

struct unsubscribe_message {
  std::string surface;
};

struct ping_message {
  std::string nonce;
};

using client_message = std::variant<hello_message, event_message, impression_message,
                                    subscribe_message, unsubscribe_message, ping_message>;

/// Why a live message was refused, and which one it was as far as it could be read.
struct live_failure {
  failure why;
  std::string to;
  std::string event_id;
};

using live_result = boost::system::result<client_message, live_failure>;

/// Never called: live results are looked at where they are made.
[[noreturn]] void throw_exception_from_error(const live_failure& what,
                                             const boost::source_location& loc);

/// Reads one text frame of the live protocol.
[[nodiscard]] live_result parse_live_json(std::string_view text, const event_defaults& defaults,
                                          const json_limits& limits);

/// Reads an event's context: an object as text, made compact.
[[nodiscard]] result<std::string> parse_context(std::string_view text, const json_limits& limits);

// -- values ----------------------------------------------------------------------------------

/// Reads "2026-01-31T12:00:00.250+01:00", "...Z", or a date alone (midnight UTC).
[[nodiscard]] std::optional<timestamp> parse_time(std::string_view text) noexcept;

} // namespace troupe::gateway
