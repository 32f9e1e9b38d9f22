#pragma once

#include "base/error.hpp"
#include "base/stable_hash.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// The frame of a value on disk: a version byte, a checksum, a Protobuf message
/// (docs/storage-format.md). A message that is cut between two fields still parses; the checksum
/// is there so that it does not, whatever keeps the bytes. For the codecs of this folder.
namespace troupe::storage {

inline constexpr char frame_version = 1; // On disk since storage version 1.
inline constexpr std::size_t frame_bytes = 5;

[[nodiscard]] inline std::uint32_t checksum_of(std::string_view body) {
  return static_cast<std::uint32_t>(stable_hash(body));
}

/// The message in its frame.
template <class Message>
[[nodiscard]] std::string pack(const Message& message) {
  std::string out(frame_bytes, '\0');
  message.AppendToString(&out);
  const auto sum = checksum_of(std::string_view{out}.substr(frame_bytes));
  out[0] = frame_version;
  for (std::size_t i = 0; i < 4; ++i)
    out[1 + i] = static_cast<char>((sum >> (8 * i)) & 0xff);
  return out;
}

/// Reads the message of a frame into `into`; `what` names the record in errors.
/// Errors: corrupt_data, unsupported_format (a frame of a newer version).
template <class Message>
[[nodiscard]] result<void> unpack(std::string_view bytes, std::string_view what, Message& into) {
  if (bytes.size() < frame_bytes)
    return failure{errc::corrupt_data,
                   fmt::format("{} record of {} bytes: too short", what, bytes.size())};
  if (bytes[0] > frame_version)
    return failure{errc::unsupported_format,
                   fmt::format("{} record has frame version {}, this program reads up to {}", what,
                               int{bytes[0]}, int{frame_version})};
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < 4; ++i)
    sum |= std::uint32_t{static_cast<unsigned char>(bytes[1 + i])} << (8 * i);
  const auto body = bytes.substr(frame_bytes);
  if (bytes[0] != frame_version || sum != checksum_of(body))
    return failure{errc::corrupt_data,
                   fmt::format("{} record of {} bytes: wrong checksum", what, bytes.size())};
  if (!into.ParseFromArray(body.data(), static_cast<int>(body.size())))
    return failure{errc::corrupt_data,
                   fmt::format("{} record of {} bytes: not a message", what, bytes.size())};
  return {};
}

} // namespace troupe::storage
