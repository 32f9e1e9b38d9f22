#pragma once

#include "base/error.hpp"

#include <caf/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::gateway {

/// What only a front door can find wrong. On the wire by the code in error_map.cpp.
enum class http_fault : std::uint8_t {
  bad_request,
  unauthenticated,
  forbidden,
  no_route,
  method_not_allowed,
  request_timeout,
  body_too_large,
  uri_too_long,
  unsupported_media_type,
  upgrade_required,
  rate_limited,
  header_too_large,
  not_implemented,
  too_many_connections,
  draining,
  version_not_supported,
};

/// An RFC 9457 problem, before it is written.
struct problem {
  unsigned status = 500;
  std::string_view code;
  std::string_view title;
  std::string detail;
  unsigned retry_after = 0; ///< seconds; 0: trying again does not help
};

/// The only places where a status is chosen.
[[nodiscard]] problem problem_of(const failure& why);
[[nodiscard]] problem problem_of(http_fault why, std::string detail);

/// Status lines: "Not Found".
[[nodiscard]] std::string_view reason_phrase(unsigned status) noexcept;

/// Appends the problem's JSON. `request_id` may be empty.
void append_json(std::string& out, const problem& what, std::string_view request_id);

/// What an actor's error means: errors of category "troupe" carry their code and, as the first
/// element of their context, their text; CAF's own become timeout or unavailable.
[[nodiscard]] failure failure_of(const caf::error& why);

} // namespace troupe::gateway
