#pragma once

#include "base/error.hpp"
#include "base/stable_hash.hpp"

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace troupe {

/// Ids are UTF-8 strings of 1 to `id_bytes_max` bytes without control characters.
inline constexpr std::size_t id_bytes_max = 256;

/// A string that names one kind of thing; two kinds do not mix. Holds what it was given:
/// whoever takes an id from outside calls `check_id` first.
template <class Tag>
struct strong_id {
  std::string value;

  strong_id() = default;

  explicit strong_id(std::string text) : value(std::move(text)) {}

  explicit strong_id(std::string_view text) : value(text) {}

  explicit strong_id(const char* text) : value(text) {}

  [[nodiscard]] bool empty() const noexcept { return value.empty(); }

  friend auto operator<=>(const strong_id&, const strong_id&) = default;
  friend bool operator==(const strong_id&, const strong_id&) = default;
};

using user_id = strong_id<struct user_id_tag>;
using item_id = strong_id<struct item_id_tag>;
using event_id = strong_id<struct event_id_tag>;
using slate_id = strong_id<struct slate_id_tag>;

/// The stable 64-bit hash of an item's id: what memory-resident tables use instead of the
/// string. At a million items two of them collide with probability 3e-8.
enum class item_key : std::uint64_t {};

/// The stable 64-bit hash of an event's id, for deduplication.
enum class event_key : std::uint64_t {};

[[nodiscard]] inline item_key key_of(const item_id& id) noexcept {
  return item_key{stable_hash(id.value)};
}

[[nodiscard]] inline event_key key_of(const event_id& id) noexcept {
  return event_key{stable_hash(id.value)};
}

/// The shard of an item among `shards`: multiply-shift of the key, so every process agrees.
/// REQUIRES: shards >= 1.
[[nodiscard]] constexpr std::uint32_t shard_of(item_key key, std::uint32_t shards) noexcept {
  __extension__ using wide = unsigned __int128;
  return static_cast<std::uint32_t>((wide{static_cast<std::uint64_t>(key)} * shards) >> 64);
}

/// Checks an id from outside: 1 to `id_bytes_max` bytes of valid UTF-8 without control
/// characters. `what` names the field in the error ("item_id").
[[nodiscard]] result<void> check_id(std::string_view text, std::string_view what);

/// Whether `text` is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

} // namespace troupe

template <class Tag>
struct std::hash<troupe::strong_id<Tag>> {
  std::size_t operator()(const troupe::strong_id<Tag>& id) const noexcept {
    return static_cast<std::size_t>(troupe::stable_hash(id.value));
  }
};

template <>
struct std::hash<troupe::item_key> {
  std::size_t operator()(troupe::item_key key) const noexcept {
    return static_cast<std::size_t>(key);
  }
};
