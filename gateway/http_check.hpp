#pragma once

#include "gateway/error_map.hpp"

#include <cstddef>
#include <optional>
#include <string_view>

namespace troupe::gateway {

/// Bounds on a request's head.
struct head_limits {
  std::size_t bytes_max = 16384;
  std::size_t fields_max = 100;
  std::size_t target_bytes_max = 8192;
};

/// Checks the raw bytes of a request head, from the first byte to the empty line that ends it,
/// for everything that another reader could understand differently (RFC 9112): bare LF or CR,
/// folded or nameless fields, white space before a colon, no or two Host fields, Content-Length
/// that is not one number, Content-Length beside Transfer-Encoding, a transfer coding other than
/// one `chunked`, control characters, a target that is not a path (or `*` for OPTIONS),
/// other versions. Beast's parser in Boost 1.81 lets many of these pass, so this runs before it.
/// Nothing: the head is fine.
[[nodiscard]] std::optional<problem> check_head(std::string_view head, const head_limits& limits);

/// Where the head ends (one past its empty line), or nothing if it goes on. Finds a bare-LF
/// ending too, which check_head then refuses.
[[nodiscard]] std::optional<std::size_t> head_end(std::string_view bytes) noexcept;

} // namespace troupe::gateway
