#include "model/byte_stream.hpp"
#include "model/sequences.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

/// A vocabulary is a header, the body, and nothing after it:
///
///     u64 magic, u32 version, u64 checksum of the body
///     body: kinds, items, labels; each a u32 count and as many { u32 bytes, the text }
///
/// All numbers little-endian. Do not reorder: in snapshots since version 1.
namespace troupe::model {

namespace {

constexpr std::uint64_t magic = 0x736472'6f7774ULL; // "twords"
constexpr std::uint32_t format_version = 1;
constexpr std::size_t text_bytes_max = 4096;

failure corrupt(std::string_view what) {
  return {errc::corrupt_data, fmt::format("vocabulary of an encoder: {}", what)};
}

void put_text(byte_writer& to, std::string_view text) {
  to.put(static_cast<std::uint32_t>(text.size()));
  for (const auto each : text)
    to.put(each);
}

std::optional<std::string> get_text(byte_reader& from) {
  const auto size = from.get<std::uint32_t>();
  if (from.failed() || size > text_bytes_max || !from.can_hold(size, 1))
    return std::nullopt;
  std::string made(size, '\0');
  for (auto& each : made)
    each = from.get<char>();
  return made;
}

template <class Take>
bool get_texts(byte_reader& from, Take take) {
  const auto count = from.get<std::uint32_t>();
  if (!from.can_hold(count, sizeof(std::uint32_t)))
    return false;
  for (std::uint32_t i = 0; i < count; ++i)
    if (auto text = get_text(from); !text || !take(i, std::move(*text)))
      return false;
  return !from.failed();
}

} // namespace

std::string write_vocabulary(const sequence_vocabulary& from) {
  byte_writer body;
  body.put(static_cast<std::uint32_t>(from.kinds().size()));
  for (const auto& each : from.kinds())
    put_text(body, each);
  body.put(static_cast<std::uint32_t>(from.items().size()));
  for (const auto& each : from.items())
    put_text(body, each.value);
  body.put(static_cast<std::uint32_t>(from.labels().size()));
  for (const auto& each : from.labels())
    put_text(body, each);
  const auto bytes = body.take();
  byte_writer whole;
  whole.put(magic);
  whole.put(format_version);
  whole.put(checksum_of(bytes));
  return whole.take() + bytes;
}

result<sequence_vocabulary> read_vocabulary(std::string_view bytes) {
  constexpr auto header_bytes = 2 * sizeof(std::uint64_t) + sizeof(std::uint32_t);
  byte_reader header{bytes};
  if (header.get<std::uint64_t>() != magic)
    return corrupt("it does not begin as one");
  if (const auto version = header.get<std::uint32_t>(); version > format_version)
    return failure{errc::unsupported_format,
                   fmt::format("vocabulary of an encoder: version {}, this program reads up to {}",
                               version, format_version)};
  const auto sum = header.get<std::uint64_t>();
  if (header.failed() || checksum_of(bytes.substr(header_bytes)) != sum)
    return corrupt("its bytes are not those that were written");
  byte_reader body{bytes.substr(header_bytes)};
  std::vector<std::string> kinds;
  const auto take_kind = [&kinds](std::uint32_t i, std::string text) {
    kinds.push_back(std::move(text));
    return i < encoder_shape::kinds_max && kinds.back().empty() == (i == 0);
  };
  if (!get_texts(body, take_kind) || kinds.empty())
    return corrupt("its kinds of events");
  sequence_vocabulary made{std::move(kinds)};
  const auto take_item = [&made](std::uint32_t i, std::string text) {
    const item_id id{std::move(text)};
    return !id.value.empty() && made.add_item(id) == i;
  };
  if (!get_texts(body, take_item))
    return corrupt("its items");
  const auto take_label = [&made](std::uint32_t i, const std::string& text) {
    return !text.empty() && made.add_label(text) == i;
  };
  if (!get_texts(body, take_label))
    return corrupt("its labels");
  if (!body.at_end())
    return corrupt("something follows it");
  return made;
}

} // namespace troupe::model
