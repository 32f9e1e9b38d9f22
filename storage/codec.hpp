#pragma once

#include "storage/interfaces.hpp"

#include <cstdint>
#include <string>
#include <string_view>

/// Domain values to bytes and back. A value on disk is a frame of five bytes (a version byte and
/// a checksum) and a Protobuf message of proto/troupe/v1/storage.proto; docs/storage-format.md
/// has it byte by byte. Protobuf types do not leave codec.cpp.
///
/// Every `decode_` answers corrupt_data for bytes that are cut, changed or not a record at all,
/// and unsupported_format for a frame of a newer version; fields it does not know are skipped.
/// All functions are pure; any thread may call them.
namespace troupe::storage {

/// The event without its user and seq, which stand in the key.
[[nodiscard]] std::string encode_event(const stored_event& what);
/// Fills everything but `what.user` and `seq`: the caller has them from the key.
[[nodiscard]] result<stored_event> decode_event(std::string_view bytes);

[[nodiscard]] std::string encode_item(const item& what);
[[nodiscard]] result<item> decode_item(std::string_view bytes);

[[nodiscard]] std::string encode_profile(const profile_record& what);
[[nodiscard]] result<profile_record> decode_profile(std::string_view bytes);

[[nodiscard]] std::string encode_user(const user_record& what);
[[nodiscard]] result<user_record> decode_user(std::string_view bytes);

/// The head of a blob kept in chunks.
struct checkpoint_header {
  std::uint64_t generation = 0; ///< part of the chunks' keys; raised by every save
  std::uint64_t bytes = 0;
  std::uint32_t chunks = 0;
  std::uint64_t hash = 0; ///< stable_hash of all bytes

  friend bool operator==(const checkpoint_header&, const checkpoint_header&) = default;
};

[[nodiscard]] std::string encode_checkpoint_header(const checkpoint_header& what);
[[nodiscard]] result<checkpoint_header> decode_checkpoint_header(std::string_view bytes);

/// What a store knows about itself.
struct layout_record {
  store_layout layout;
  std::string store_id; ///< 32 hexadecimal digits, drawn at creation
  timestamp created{};
};

[[nodiscard]] std::string encode_layout(const layout_record& what);
[[nodiscard]] result<layout_record> decode_layout(std::string_view bytes);

} // namespace troupe::storage
