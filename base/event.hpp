#pragma once

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/ids.hpp"
#include "base/slate.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace troupe {

/// Limits every event from outside is held to, whatever door it came through.
struct event_limits {
  static constexpr std::size_t type_bytes_max = 64;
  static constexpr std::size_t context_bytes_max = 4096;
  /// An event may be this far ahead of the server's clock (clock skew of clients).
  static constexpr std::chrono::hours future_max{24};
};

/// One thing a user did with one item.
struct event {
  event_id id;                ///< unique per user; the key of idempotency (promise P3)
  user_id user;               ///< who
  item_id item;               ///< with what; may be an item the catalogue does not know yet
  std::string type;           ///< "click", "rating", "purchase" ...: [a-z0-9_.-], 1 to 64 bytes
  std::optional<float> value; ///< rating, price, seconds ...; finite
  timestamp time{};           ///< when it happened, by the caller's account
  std::string session_id;     ///< the caller's own visit id; may be empty
  std::string slate;          ///< slate_id the user acted on; may be empty
  std::string context;        ///< a JSON object as text, at most 4 KiB; may be empty

  friend bool operator==(const event&, const event&) = default;
};

/// An event with the numbers it got when it was taken in.
struct stored_event {
  event what;
  std::uint64_t seq = 0;     ///< position among this user's events, from 1, without holes
  std::uint64_t arrival = 0; ///< position among all events of the store, from 1
  timestamp received{};      ///< the server's clock when it was taken in
  std::optional<shown_item> shown = {}; ///< of an impression of a slate that the server knew

  friend bool operator==(const stored_event&, const stored_event&) = default;
};

/// Checks ids, type, value and time against the limits. `now` is the server's time; times
/// before the epoch and more than `future_max` ahead are refused. Context is only checked for
/// its size here: who parses it checks that it is JSON.
[[nodiscard]] result<void> check_event(const event& what, timestamp now);

} // namespace troupe
