#pragma once

#include "base/ids.hpp"
#include "base/stable_hash.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Keys of the embedded store, compared byte by byte; docs/storage-format.md has them all.
/// On disk since storage version 1: do not change.
namespace troupe::storage {

/// Appends eight bytes, most significant first, so that byte order is number order.
inline void append_big_endian(std::string& out, std::uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>((number >> shift) & 0xff));
}

/// REQUIRES: bytes.size() >= 8.
[[nodiscard]] inline std::uint64_t read_big_endian(std::string_view bytes) noexcept {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < 8; ++i)
    out = out << 8 | static_cast<unsigned char>(bytes[i]);
  return out;
}

[[nodiscard]] inline std::string big_endian_key(std::uint64_t number) {
  std::string out;
  append_big_endian(out, number);
  return out;
}

/// How many leading bytes of an event's key are the hash of its user: what filters are built on.
inline constexpr std::size_t event_prefix_bytes = 8;

/// What all event keys of one user begin with, and no key of another user does: the hash of the
/// id (8 bytes; spreads users and makes a fixed prefix for filters), the length of the id less
/// one (1 byte), the id.
/// REQUIRES: 1 <= user.value.size() <= id_bytes_max.
[[nodiscard]] inline std::string user_prefix(const user_id& user) {
  std::string out;
  out.reserve(event_prefix_bytes + 1 + user.value.size() + 8);
  append_big_endian(out, stable_hash(user.value));
  out.push_back(static_cast<char>(user.value.size() - 1));
  out += user.value;
  return out;
}

/// user_prefix, then seq.
[[nodiscard]] inline std::string event_key_bytes(const user_id& user, std::uint64_t seq) {
  auto out = user_prefix(user);
  append_big_endian(out, seq);
  return out;
}

struct event_place {
  user_id user;
  std::uint64_t seq = 0;
};

/// The inverse of `event_key_bytes`; nothing if these bytes are no such key.
[[nodiscard]] inline std::optional<event_place> read_event_key(std::string_view bytes) {
  constexpr auto fixed = event_prefix_bytes + 1 + 8;
  if (bytes.size() < fixed + 1)
    return std::nullopt;
  const auto length = std::size_t{static_cast<unsigned char>(bytes[event_prefix_bytes])} + 1;
  if (bytes.size() != fixed + length)
    return std::nullopt;
  const auto user = bytes.substr(event_prefix_bytes + 1, length);
  if (read_big_endian(bytes) != stable_hash(user))
    return std::nullopt;
  return event_place{user_id{user}, read_big_endian(bytes.substr(bytes.size() - 8))};
}

/// The head of a named blob: 'h', the name.
[[nodiscard]] inline std::string blob_header_key(std::string_view name) {
  return std::string{"h"} + std::string{name};
}

/// What the chunks of one generation of a blob begin with: 'c', the length of the name less one,
/// the name, the generation. REQUIRES: 1 <= name.size() <= 256.
[[nodiscard]] inline std::string blob_chunk_prefix(std::string_view name) {
  std::string out{"c"};
  out.push_back(static_cast<char>(name.size() - 1));
  out += name;
  return out;
}

/// blob_chunk_prefix, the generation, the chunk's index from 0.
[[nodiscard]] inline std::string blob_chunk_key(std::string_view name, std::uint64_t generation,
                                                std::uint64_t index) {
  auto out = blob_chunk_prefix(name);
  append_big_endian(out, generation);
  append_big_endian(out, index);
  return out;
}

} // namespace troupe::storage
