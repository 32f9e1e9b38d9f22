#pragma once

#include "base/error.hpp"
#include "base/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace troupe::fuzz {

/// The input as text.
inline std::string_view text_of(const std::uint8_t* data, std::size_t size) noexcept {
  // A string_view of nothing may not point at nothing: readers hand it to C functions.
  return size == 0 ? std::string_view{""}
                   : std::string_view{reinterpret_cast<const char*>(data), size};
}

/// Ends the process, with the input, unless `holds`: libFuzzer and ctest both see that.
inline void require(bool holds, const char* what, std::string_view input) {
  if (holds)
    return;
  std::fprintf(stderr, "broken: %s\n  in: %.*s\n", what, static_cast<int>(input.size()),
               input.data());
  std::abort();
}

/// What every refusal of a reader of outside bytes holds: the caller is told that the input was
/// wrong or too large, in a short text that can be sent.
inline void require_refusal(const failure& why, std::string_view input) {
  require(why.code == errc::invalid_argument || why.code == errc::too_large,
          "the code of the error", input);
  require(!why.context.empty(), "the error says why", input);
  require(why.context.size() < 1024, "the error is short", input);
  require(is_utf8(why.context), "the error is UTF-8", input);
}

/// The same of a reader of bytes that a store or a snapshot kept.
inline void require_corrupt(const failure& why, std::string_view input) {
  require(why.code == errc::corrupt_data, "the code of the error", input);
  require(!why.context.empty() && why.context.size() < 512, "the error says why", input);
}

} // namespace troupe::fuzz
