#include "base/ids.hpp"

#include <fmt/format.h>

namespace troupe {

namespace {

/// Length of the well-formed UTF-8 sequence at the start of `text`, 0 if there is none.
std::size_t sequence_length(std::string_view text) noexcept {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](std::size_t i) { return i < text.size() && (at(i) & 0xc0U) == 0x80U; };
  const unsigned lead = at(0);
  if (lead < 0x80U)
    return 1;
  if (lead >= 0xc2U && lead <= 0xdfU)
    return continues(1) ? 2 : 0;
  if ((lead & 0xf0U) == 0xe0U) {
    if (!continues(1) || !continues(2))
      return 0;
    const bool overlong = lead == 0xe0U && at(1) < 0xa0U;
    const bool surrogate = lead == 0xedU && at(1) >= 0xa0U;
    return overlong || surrogate ? 0 : 3;
  }
  if (lead >= 0xf0U && lead <= 0xf4U) {
    if (!continues(1) || !continues(2) || !continues(3))
      return 0;
    const bool overlong = lead == 0xf0U && at(1) < 0x90U;
    const bool beyond = lead == 0xf4U && at(1) >= 0x90U;
    return overlong || beyond ? 0 : 4;
  }
  return 0;
}

} // namespace

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const auto length = sequence_length(text);
    if (length == 0)
      return false;
    text.remove_prefix(length);
  }
  return true;
}

result<void> check_id(std::string_view text, std::string_view what) {
  if (text.empty())
    return failure{errc::invalid_argument,
                   fmt::format("{} is empty; it takes 1 to {} bytes", what, id_bytes_max)};
  if (text.size() > id_bytes_max)
    return failure{errc::invalid_argument, fmt::format("{} has {} bytes; at most {} are allowed",
                                                       what, text.size(), id_bytes_max)};
  if (!is_utf8(text))
    return failure{errc::invalid_argument, fmt::format("{} is not valid UTF-8", what)};
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20U || c == 0x7f)
      return failure{errc::invalid_argument,
                     fmt::format("{} holds a control character (byte 0x{:02x})", what,
                                 static_cast<unsigned>(static_cast<unsigned char>(c)))};
  return {};
}

} // namespace troupe
